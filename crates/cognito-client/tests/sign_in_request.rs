//! The profile's `[sign_in]` table, refusals first.

#![allow(clippy::unwrap_used)]

use cognito_client::{Profile, Prompt, Route, SignInRequest};

fn profile(redirects: &str, sign_in: &str) -> Result<Profile, String> {
    format!(
        r#"
name = "Example"
region = "eu-central-1"
issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI"
domain = "https://example.auth.eu-central-1.amazoncognito.com"
client_id = "1example23456789"
redirects = {redirects}
[sign_in]
{sign_in}
"#
    )
    .parse()
    .map_err(|error: cognito_client::ProfileError| error.to_string())
}

const APP: &str = r#"["dev.keyfob.desktop://auth/callback"]"#;
const LOOPBACK: &str = r#"["http://127.0.0.1:8915/callback", "http://[::1]:8915/callback"]"#;

#[test]
fn a_wrong_one_says_what() {
    for (redirects, sign_in, words) in [
        (APP, r#"prompt = "password""#, "unknown variant `password`"),
        (APP, r#"promt = "login""#, "unknown field `promt`"),
        (APP, r#"route = "browser""#, "unknown variant `browser`"),
        (
            APP,
            r#"route = "loopback""#,
            "`sign_in.route` is wrong: `redirects` has no callback URL on this machine",
        ),
        (
            LOOPBACK,
            r#"route = "app""#,
            "`sign_in.route` is wrong: `redirects` has no callback URL with the app's own scheme",
        ),
        (
            APP,
            r#"lang = "pt""#,
            "`sign_in.lang` is wrong: `pt` is none of de,",
        ),
        (APP, r#"login_hint = " ""#, "`sign_in.login_hint`"),
        (APP, r#"login_hint = "a\nb""#, "`sign_in.login_hint`"),
        (
            APP,
            r#"identity_provider = """#,
            "`sign_in.identity_provider`",
        ),
        (
            APP,
            r#"identity_provider = "a-name-of-more-than-32-characters""#,
            "`sign_in.identity_provider`",
        ),
        (APP, r#"resource = "/api""#, "`sign_in.resource`"),
        (APP, r#"resource = "api.example.com""#, "`sign_in.resource`"),
        (
            APP,
            r#"resource = "http://api.example.com""#,
            "`sign_in.resource`",
        ),
        (
            APP,
            r#"resource = "http://127.0.0.1""#,
            "`sign_in.resource`",
        ),
        (
            APP,
            r#"resource = "https://api.example.com/#part""#,
            "`sign_in.resource`",
        ),
        (
            APP,
            r#"resource = "https://a.example https://b.example""#,
            "`sign_in.resource`",
        ),
        (
            APP,
            r#"resource = " https://a.example""#,
            "`sign_in.resource`",
        ),
        (
            APP,
            r#"resource = "javascript:alert(1)""#,
            "`sign_in.resource`",
        ),
        (r#"["http://127.0.0.1:0/callback"]"#, "", "`redirects`"),
    ] {
        let error = profile(redirects, sign_in).expect_err(sign_in);
        assert!(error.contains(words), "{sign_in}: {error}");
        assert!(!error.contains('\n'), "one sentence to read: {error}");
    }
}

#[test]
fn a_good_one_is_read() {
    let read = profile(
        r#"["dev.keyfob.desktop://auth/callback", "http://localhost:8915/callback"]"#,
        r#"
route = "loopback"
prompt = "select_account"
login_hint = "alex@example.com"
lang = "pt-BR"
identity_provider = "Google"
resource = "https://api.example.com"
"#,
    )
    .unwrap();
    assert_eq!(
        read.sign_in,
        SignInRequest {
            route: Some(Route::Loopback),
            prompt: Some(Prompt::SelectAccount),
            login_hint: Some("alex@example.com".into()),
            lang: Some("pt-BR".into()),
            identity_provider: Some("Google".into()),
            // As it is written: it is compared character by character.
            resource: Some("https://api.example.com".into()),
        }
    );
    assert_eq!(read.routes(), [Route::App, Route::Loopback, Route::Paste]);
    for resource in ["http://localhost:8080/api", "com.example.api://v1"] {
        profile(APP, &format!("resource = \"{resource}\"")).unwrap();
    }
    assert_eq!(
        profile(APP, "").unwrap().sign_in,
        SignInRequest::default(),
        "nothing is asked for by default"
    );
}

#[test]
fn routes_are_those_of_the_redirects() {
    let routes = |redirects| profile(redirects, "").unwrap().routes();
    assert_eq!(routes(APP), [Route::App, Route::Paste]);
    assert_eq!(routes(LOOPBACK), [Route::Loopback, Route::Paste]);
}
