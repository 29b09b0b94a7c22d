//! Ending a session: revoke, userInfo, logout in both modes, and the user pool's own API.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use cognito_emulator::{Client, Config, Emulator};
use common::*;
use reqwest::{
    Response,
    header::{COOKIE, SET_COOKIE},
};
use serde_json::{Value, json};

const INVALID_TOKEN: &str = "error=\"invalid_token\", error_description=\"Access token is expired, disabled, or deleted, or the user has globally signed out.\"";
const BAD_REQUEST: &str =
    "error=\"invalid_request\", error_description=\"Bad OAuth2 request at UserInfo Endpoint\"";

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

async fn user_info(emulator: &Emulator, token: &str) -> Response {
    let url = format!("{}/oauth2/userInfo", emulator.domain());
    http().get(url).bearer_auth(token).send().await.unwrap()
}

async fn user_pool(emulator: &Emulator, operation: &str, input: Value) -> (u16, Value) {
    let target = format!("AWSCognitoIdentityProviderService.{operation}");
    aws_json(emulator, &target, &input).await
}

#[tokio::test]
async fn user_info_writes_verified_as_a_string() {
    let emulator = start().await;
    let tokens = tokens(&emulator).await;
    let answer = user_info(&emulator, text(&tokens, "access_token")).await;
    assert_eq!(
        answer.headers()["content-type"],
        "application/json;charset=UTF-8"
    );
    let sub = claims(&tokens["id_token"])["sub"].clone();
    assert_eq!(
        status_and_json(answer).await,
        (
            200,
            json!({
                "sub": sub, "username": "alex", "name": "Alex Morgan",
                "email": "alex@example.com", "email_verified": "true",
            })
        )
    );
}

#[tokio::test]
async fn user_info_refuses_in_the_header() {
    let emulator = start().await;
    let bare = get(format!("{}/oauth2/userInfo", emulator.domain())).await;
    assert_eq!(
        (bare.status().as_u16(), &bare.headers()["www-authenticate"]),
        (400, &BAD_REQUEST.parse().unwrap())
    );

    let tokens = tokens(&emulator).await;
    let narrow = code(
        &emulator,
        &[("scope", Some("aws.cognito.signin.user.admin"))],
    )
    .await;
    let narrow: Value = redeem(&emulator, &narrow).await.json().await.unwrap();
    for token in [
        text(&tokens, "id_token"),
        text(&narrow, "access_token"),
        "nonsense",
    ] {
        let answer = user_info(&emulator, token).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["www-authenticate"], INVALID_TOKEN);
    }
    let access = text(&tokens, "access_token");
    assert_eq!(user_info(&emulator, access).await.status(), 200);
    emulator.advance(Duration::from_secs(3600));
    assert_eq!(user_info(&emulator, access).await.status(), 401, "expired");
}

#[tokio::test]
async fn revoking_ends_one_session_and_every_token_of_it() {
    let emulator = start().await;
    let (first, other) = (tokens(&emulator).await, tokens(&emulator).await);
    let token = text(&first, "refresh_token");
    let (_, renewed) = refresh(&emulator, CLIENT, token).await;
    let form = [("token", token), ("client_id", CLIENT)];
    for _ in 0..2 {
        let answer = post_form(&emulator, "/oauth2/revoke", &form).await;
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap()),
            (200, String::new())
        );
    }
    assert_eq!(
        refresh(&emulator, CLIENT, token).await,
        (400, json!({ "error": "invalid_grant" }))
    );
    for revoked in [&first, &renewed] {
        let answer = user_info(&emulator, text(revoked, "access_token")).await;
        assert_eq!(answer.status(), 401);
    }
    assert_eq!(
        user_info(&emulator, text(&other, "access_token"))
            .await
            .status(),
        200
    );
    assert_eq!(
        refresh(&emulator, CLIENT, text(&other, "refresh_token"))
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn every_refusal_of_the_revocation_endpoint() {
    let mut config = Config::demo().with_client(client("other"));
    config.clients.push(Client {
        token_revocation: false,
        ..client("keeps")
    });
    config.clients.push(Client {
        secret: Some("confidential-secret-24-chars".into()),
        ..client("confidential")
    });
    let emulator = start_with(config).await;
    let tokens = tokens(&emulator).await;
    let refused = async |form: &[(&str, &str)]| {
        let answer = post_form(&emulator, "/oauth2/revoke", form).await;
        let (status, body) = status_and_json(answer).await;
        (status, body["error"].as_str().unwrap().to_owned())
    };
    let (access, token) = (
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    );
    assert_eq!(
        refused(&[("client_id", CLIENT)]).await,
        (400, "invalid_request".into())
    );
    assert_eq!(
        refused(&[("token", token), ("client_id", "keeps")]).await,
        (400, "invalid_request".into())
    );
    assert_eq!(
        refused(&[("token", access), ("client_id", CLIENT)]).await,
        (400, "unsupported_token_type".into())
    );
    assert_eq!(
        refused(&[("token", token), ("client_id", "unknown")]).await,
        (401, "invalid_client".into())
    );
    assert_eq!(
        refused(&[("token", token), ("client_id", "confidential")]).await,
        (401, "invalid_client".into())
    );
    assert_eq!(
        refused(&[("token", token)]).await,
        (401, "invalid_client".into())
    );
    // Another client's token: accepted like any invalid one, and left alone.
    let form = [("token", token), ("client_id", "other")];
    assert_eq!(
        post_form(&emulator, "/oauth2/revoke", &form).await.status(),
        200
    );
    assert_eq!(refresh(&emulator, CLIENT, token).await.0, 200);
}

#[tokio::test]
async fn logout_with_logout_uri_ends_the_browser_session() {
    let emulator = start().await;
    let signed_in = sign_in_by_form(&emulator, &authorize_query(&[]), "alex", PASSWORD).await;
    let session = cookies_of(&signed_in)
        .into_iter()
        .find(|cookie| cookie.starts_with("cognito="))
        .unwrap();
    let with_session = |url: String| http().get(url).header(COOKIE, session.clone()).send();
    let answer = with_session(authorize_url(&emulator, &[])).await.unwrap();
    assert!(location(&answer).starts_with(REDIRECT), "silent sign-in");

    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("client_id", CLIENT),
            ("logout_uri", LOGOUT),
            ("redirect_uri", "ignored"),
        ])
        .finish();
    let answer = with_session(format!("{}/logout?{query}", emulator.domain()))
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), location(&answer).as_str()),
        (302, LOGOUT)
    );
    let cleared = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(
        cleared.starts_with("cognito=;") && cleared.contains("Max-Age=0"),
        "{cleared}"
    );
    let answer = with_session(authorize_url(&emulator, &[])).await.unwrap();
    assert!(
        location(&answer).starts_with("/login?"),
        "the password again"
    );
}

#[tokio::test]
async fn logout_with_redirect_uri_asks_to_sign_in_again() {
    let emulator = start().await;
    let query = authorize_query(&[("scope", None)]);
    let answer = get(format!("{}/logout?{query}", emulator.domain())).await;
    let target = emulator.url().join(&location(&answer)).unwrap();
    assert_eq!(target.path(), "/login");
    let filled = query_of(&target);
    assert_eq!(
        filled["scope"],
        "aws.cognito.signin.user.admin email openid profile"
    );
    assert_eq!(filled["state"], "st-1");
    assert_eq!(get(target).await.status(), 200);
    let query = authorize_query(&[("redirect_uri", Some(LOGOUT))]);
    let answer = get(format!("{}/logout?{query}", emulator.domain())).await;
    assert!(location(&answer).starts_with("/error?error=redirect_mismatch"));
}

#[tokio::test]
async fn a_wrong_logout_is_told_in_cognitos_misleading_sentence() {
    let emulator = start().await;
    for query in [
        String::new(),
        format!("client_id={CLIENT}"),
        format!("client_id={CLIENT}&logout_uri=https%3A%2F%2Fexample.com"),
        format!("client_id=unknown&logout_uri={LOGOUT}"),
        "post_logout_redirect_uri=https%3A%2F%2Fexample.com&id_token_hint=x".to_owned(),
    ] {
        let answer = get(format!("{}/logout?{query}", emulator.domain())).await;
        assert_eq!(answer.status(), 400, "{query}");
        let page = answer.text().await.unwrap();
        assert!(
            page.contains("Required String parameter &#x27;redirect_uri&#x27; is not present"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn the_user_pool_api_serves_and_signs_out_a_signed_in_user() {
    let emulator = start().await;
    let tokens = tokens(&emulator).await;
    let access = json!({ "AccessToken": tokens["access_token"] });
    let (status, user) = user_pool(&emulator, "GetUser", access.clone()).await;
    assert_eq!((status, &user["Username"]), (200, &json!("alex")));
    let attributes = user["UserAttributes"].as_array().unwrap();
    assert!(attributes.contains(&json!({ "Name": "email_verified", "Value": "true" })));

    let refused = |message: &str| {
        (
            400,
            json!({ "__type": "NotAuthorizedException", "message": message }),
        )
    };
    let id = json!({ "AccessToken": tokens["id_token"] });
    assert_eq!(
        user_pool(&emulator, "GetUser", id).await,
        refused("Invalid Access Token")
    );
    let narrow = code(&emulator, &[("scope", Some("openid"))]).await;
    let narrow: Value = redeem(&emulator, &narrow).await.json().await.unwrap();
    let narrow = json!({ "AccessToken": narrow["access_token"] });
    assert_eq!(
        user_pool(&emulator, "GlobalSignOut", narrow).await,
        refused("Access Token does not have required scopes")
    );

    assert_eq!(
        user_pool(&emulator, "GlobalSignOut", access.clone()).await,
        (200, json!({}))
    );
    assert_eq!(
        user_pool(&emulator, "GetUser", access).await,
        refused("Access Token has been revoked")
    );
    assert_eq!(
        refresh(&emulator, CLIENT, text(&tokens, "refresh_token"))
            .await
            .0,
        400
    );
    assert_eq!(
        user_info(&emulator, text(&tokens, "access_token"))
            .await
            .status(),
        401
    );
}

#[tokio::test]
async fn revoke_token_has_its_own_errors() {
    let mut config = Config::demo();
    config.clients.push(Client {
        token_revocation: false,
        ..client("keeps")
    });
    let emulator = start_with(config).await;
    let tokens = tokens(&emulator).await;
    let class = async |input: Value| {
        let (status, body) = user_pool(&emulator, "RevokeToken", input).await;
        (status, body["__type"].as_str().map(str::to_owned))
    };
    let token = &tokens["refresh_token"];
    let refused = |class: &str| (400, Some(class.to_owned()));
    assert_eq!(
        class(json!({ "Token": token })).await,
        refused("InvalidParameterException")
    );
    assert_eq!(
        class(json!({ "Token": token, "ClientId": "x" })).await,
        refused("UnauthorizedException")
    );
    assert_eq!(
        class(json!({ "Token": token, "ClientId": "keeps" })).await,
        refused("UnsupportedOperationException")
    );
    let access = json!({ "Token": tokens["access_token"], "ClientId": CLIENT });
    assert_eq!(
        class(access).await,
        refused("UnsupportedTokenTypeException")
    );
    assert_eq!(
        class(json!({ "Token": token, "ClientId": CLIENT })).await,
        (200, None)
    );
    assert_eq!(
        refresh(&emulator, CLIENT, text(&tokens, "refresh_token"))
            .await
            .0,
        400
    );
}
