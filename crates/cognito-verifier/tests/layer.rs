//! The layer and the extractors behind a real server.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use axum::{
    Router,
    http::Request,
    routing::{get, options},
};
use cognito_verifier::{
    AccessClaims, Claims, ClientIds, IdClaims, JwksCache, UserPool, Verifier, VerifyError,
    VerifyLayer,
};
use reqwest::{
    Client, Method, RequestBuilder,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};
use support::{
    Answer, CLIENT, GOOD, ISSUER, KeyServer, NOW, TestClock, access_claims, id_claims, jwks, with,
};

fn verifier<C: Claims>(make: fn(UserPool, ClientIds) -> Verifier<C>) -> Verifier<C> {
    let keys = JwksCache::from_json(jwks([GOOD.jwk()]).as_bytes()).unwrap();
    make(UserPool::new(ISSUER).unwrap(), ClientIds::only([CLIENT]))
        .with_jwks(Arc::new(keys))
        .with_clock(TestClock::at(NOW as f64))
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn api() -> String {
    let behind_layer = Router::new()
        .route(
            "/hello",
            get(async |claims: AccessClaims| claims.username().unwrap_or_default().to_owned()),
        )
        .route("/hello", options(async || "preflight"))
        .route(
            "/id",
            get(async |claims: IdClaims| claims.username().to_owned()),
        )
        .layer(VerifyLayer::new(verifier(Verifier::access)));
    let open = Router::new().route(
        "/open",
        get(async |claims: AccessClaims| claims.sub().to_owned()),
    );
    serve(behind_layer.merge(open)).await
}

fn request(method: Method, url: String) -> RequestBuilder {
    Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .request(method, url)
}

fn authorized(url: String, authorization: impl AsRef<[u8]>) -> RequestBuilder {
    request(Method::GET, url).header(
        AUTHORIZATION,
        HeaderValue::from_bytes(authorization.as_ref()).unwrap(),
    )
}

/// Status, challenge, and the body's `error`; the body must be our JSON and repeat nothing secret.
async fn refusal(request: RequestBuilder) -> (u16, Option<String>, String) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    let challenge = answer
        .headers()
        .get(WWW_AUTHENTICATE)
        .map(|value| value.to_str().unwrap().to_owned());
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert!(!body["message"].as_str().unwrap().is_empty());
    (
        status,
        challenge,
        body["error"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn a_good_token_reaches_the_handler_with_its_claims() {
    let url = format!("{}/hello", api().await);
    let token = GOOD.token(&access_claims());
    for scheme in ["Bearer ", "bearer ", "BEARER   "] {
        let answer = authorized(url.clone(), format!("{scheme}{token}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{scheme}");
        assert_eq!(answer.text().await.unwrap(), "alex");
    }
}

#[tokio::test]
async fn without_a_token_the_answer_is_the_bare_challenge() {
    let url = format!("{}/hello", api().await);
    let bare = (401, Some("Bearer".to_owned()), "missing_token".to_owned());
    assert_eq!(refusal(request(Method::GET, url.clone())).await, bare);
    assert_eq!(
        refusal(authorized(url.clone(), "Basic YWxleDpwdw==")).await,
        bare
    );
    // A token anywhere else is no token (RFC 6750 §2.2, §2.3 are not offered).
    let token = GOOD.token(&access_claims());
    assert_eq!(
        refusal(request(Method::GET, format!("{url}?access_token={token}"))).await,
        bare
    );
    let cookie =
        request(Method::GET, url.clone()).header("cookie", format!("access_token={token}"));
    assert_eq!(refusal(cookie).await, bare);
    let form = request(Method::POST, url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    assert_eq!(
        refusal(form.body(format!("access_token={token}"))).await,
        bare
    );
}

#[tokio::test]
async fn a_malformed_authorization_is_an_invalid_request() {
    let url = format!("{}/hello", api().await);
    let token = GOOD.token(&access_claims());
    let challenge = "Bearer error=\"invalid_request\", \
                     error_description=\"send exactly one Authorization: Bearer TOKEN header\"";
    let expected = (
        401,
        Some(challenge.to_owned()),
        "malformed_authorization".to_owned(),
    );
    for value in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {token} {token}"),
        format!("Bearer {token}, Bearer {token}"),
    ] {
        let answer = refusal(authorized(url.clone(), &value)).await;
        assert_eq!(answer, expected, "{} bytes", value.len());
    }
    assert_eq!(
        refusal(authorized(url.clone(), b"Bearer \xff\xfe")).await,
        expected
    );
    let mut twice = HeaderMap::new();
    for _ in 0..2 {
        twice.append(
            AUTHORIZATION,
            HeaderValue::try_from(format!("Bearer {token}")).unwrap(),
        );
    }
    assert_eq!(
        refusal(request(Method::GET, url).headers(twice)).await,
        expected
    );
}

#[tokio::test]
async fn a_bad_token_is_told_why() {
    let url = format!("{}/hello", api().await);
    for (claims, code, reason) in [
        (
            with(access_claims(), json!({ "exp": NOW })),
            "expired",
            "the token has expired",
        ),
        (
            id_claims(),
            "wrong_token_use",
            "this is not an access token",
        ),
        (
            with(access_claims(), json!({ "client_id": "mallory\"\r\n\\" })),
            "wrong_client",
            "the token was issued to an app client that is not accepted here",
        ),
    ] {
        let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{reason}\"");
        let answer = refusal(authorized(
            url.clone(),
            format!("Bearer {}", GOOD.token(&claims)),
        ))
        .await;
        assert_eq!(answer, (401, Some(challenge), code.to_owned()));
    }
    let answer = refusal(authorized(url, "Bearer rubbish")).await;
    assert_eq!((answer.0, answer.2.as_str()), (401, "malformed"));
}

#[tokio::test]
async fn too_little_permission_is_403() {
    let verifier = verifier(Verifier::access).with_required_scope("https://api.example.com/write");
    let router = Router::new()
        .route("/", get(async || "in"))
        .layer(VerifyLayer::new(verifier));
    let url = serve(router).await;
    let (status, challenge, code) = refusal(authorized(
        url,
        format!("Bearer {}", GOOD.token(&access_claims())),
    ))
    .await;
    assert_eq!((status, code.as_str()), (403, "missing_scope"));
    assert!(
        challenge
            .unwrap()
            .ends_with("scope=\"https://api.example.com/write\"")
    );
}

#[tokio::test]
async fn unreachable_keys_are_503_and_no_challenge() {
    let server = KeyServer::start(jwks([GOOD.jwk()])).await;
    server.answer(Answer::Status(500));
    let verifier =
        Verifier::access(server.pool(), ClientIds::any()).with_clock(TestClock::at(NOW as f64));
    let url = serve(
        Router::new()
            .route("/", get(async || "in"))
            .layer(VerifyLayer::new(verifier)),
    )
    .await;
    let token = GOOD.token(&with(access_claims(), json!({ "iss": server.issuer })));
    let answer = refusal(authorized(url, format!("Bearer {token}"))).await;
    assert_eq!(answer, (503, None, "jwks_unavailable".to_owned()));
}

#[tokio::test]
async fn preflights_pass_and_other_options_do_not() {
    let url = format!("{}/hello", api().await);
    let preflight = request(Method::OPTIONS, url.clone())
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "GET");
    assert_eq!(
        preflight.send().await.unwrap().text().await.unwrap(),
        "preflight"
    );
    assert_eq!(refusal(request(Method::OPTIONS, url.clone())).await.0, 401);
    let not_options = request(Method::GET, url)
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "GET");
    assert_eq!(refusal(not_options).await.0, 401);
}

#[tokio::test]
async fn claims_without_their_layer_are_a_server_error_and_never_a_pass() {
    let api = api().await;
    let token = format!("Bearer {}", GOOD.token(&access_claims()));
    let expected = (500, None, "missing_layer".to_owned());
    assert_eq!(
        refusal(authorized(format!("{api}/open"), &token)).await,
        expected
    );
    assert_eq!(
        refusal(authorized(format!("{api}/id"), &token)).await,
        expected
    );
}

#[tokio::test]
async fn an_optional_layer_lets_strangers_through_but_no_bad_token() {
    let name = async |claims: Option<AccessClaims>| {
        claims.map_or("stranger".to_owned(), |claims| claims.sub().to_owned())
    };
    let optional = Router::new()
        .route("/", get(name))
        .route(
            "/must",
            get(async |claims: AccessClaims| claims.sub().to_owned()),
        )
        .route("/id", get(async |_: Option<IdClaims>| "in"))
        .layer(VerifyLayer::optional(verifier(Verifier::access)));
    let bare = Router::new().route("/bare", get(name));
    let url = serve(optional.merge(bare)).await;
    let said = async |request: RequestBuilder| request.send().await.unwrap().text().await.unwrap();
    assert_eq!(said(request(Method::GET, url.clone())).await, "stranger");
    let token = format!("Bearer {}", GOOD.token(&access_claims()));
    let sub = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
    assert_eq!(said(authorized(url.clone(), &token)).await, sub);
    for bad in [
        "Bearer rubbish".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {}", GOOD.token(&id_claims())),
        format!(
            "Bearer {}",
            GOOD.token(&with(access_claims(), json!({ "exp": NOW })))
        ),
    ] {
        assert_eq!(refusal(authorized(url.clone(), bad)).await.0, 401);
    }
    for path in ["must", "id", "bare"] {
        let answer = refusal(request(Method::GET, format!("{url}/{path}"))).await;
        assert_eq!(answer, (500, None, "missing_layer".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn id_tokens_have_a_layer_of_their_own() {
    let router = Router::new()
        .route(
            "/",
            get(async |claims: IdClaims| claims.email().unwrap_or_default().to_owned()),
        )
        .layer(VerifyLayer::new(verifier(Verifier::id)));
    let url = serve(router).await;
    let answer = authorized(url.clone(), format!("Bearer {}", GOOD.token(&id_claims())))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.text().await.unwrap(), "alex@example.com");
    assert_eq!(
        refusal(authorized(
            url,
            format!("Bearer {}", GOOD.token(&access_claims()))
        ))
        .await
        .0,
        401
    );
}

#[tokio::test]
async fn the_layer_wraps_any_service_not_only_routers() {
    use tower::{Layer as _, ServiceExt as _, service_fn};
    let inner = service_fn(async |request: Request<()>| {
        let claims = request.extensions().get::<AccessClaims>().unwrap().clone();
        Ok::<_, std::convert::Infallible>(axum::response::IntoResponse::into_response(
            claims.sub().to_owned(),
        ))
    });
    let service = VerifyLayer::new(verifier(Verifier::access)).layer(inner);
    let token = format!("Bearer {}", GOOD.token(&access_claims()));
    let request = Request::get("/")
        .header("authorization", token)
        .body(())
        .unwrap();
    assert_eq!(
        service.clone().oneshot(request).await.unwrap().status(),
        200
    );
    let request = Request::get("/").body(()).unwrap();
    let refused = service.oneshot(request).await.unwrap();
    assert_eq!(refused.status(), 401);
    // For whoever counts refusals further out.
    let refusal = refused.extensions().get::<VerifyError>();
    assert_eq!(refusal, Some(&VerifyError::MissingToken));
}
