//! What every test of the emulator needs: a client of the OAuth endpoints over real HTTP.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod sdk;

use std::collections::HashMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cognito_emulator::{Client, Config, Emulator, User};
use reqwest::{Response, redirect::Policy};
use serde_json::Value;
use url::Url;

pub(crate) const CLIENT: &str = "6keyfobdemodesktop00client";
pub(crate) const REDIRECT: &str = "dev.keyfob.desktop://auth/callback";
pub(crate) const LOGOUT: &str = "dev.keyfob.desktop://auth/signed-out";
pub(crate) const PASSWORD: &str = "Keyfob-demo-1";
// The pair of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) async fn start() -> Emulator {
    start_with(Config::demo()).await
}

pub(crate) async fn start_with(config: Config) -> Emulator {
    Emulator::start(config.port(0)).await.unwrap()
}

/// Parameters to replace or add (`Some`), or to leave out (`None`).
pub(crate) type Changes<'a> = &'a [(&'a str, Option<&'a str>)];

/// A second user, who may be disabled and signed out without harm to alex.
pub(crate) fn with_blair(config: Config) -> Config {
    config
        .with_user(User::new("blair", "Blair-pass-1").with_attribute("email", "blair@example.com"))
}

pub(crate) fn client(id: &str) -> Client {
    Client {
        callback_urls: vec![REDIRECT.into()],
        logout_urls: vec![LOGOUT.into()],
        ..Client::public(id)
    }
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

pub(crate) async fn get(url: impl AsRef<str>) -> Response {
    http().get(url.as_ref()).send().await.unwrap()
}

pub(crate) fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// The usual authorization request, with some parameters replaced, added (`Some`) or left out (`None`).
pub(crate) fn authorize_query(changes: Changes<'_>) -> String {
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        (
            "scope",
            "openid email profile aws.cognito.signin.user.admin",
        ),
        ("state", "st-1"),
        ("nonce", "nonce-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        if let Some(value) = value {
            pairs.push((name, value));
        }
    }
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

pub(crate) fn authorize_url(emulator: &Emulator, changes: Changes<'_>) -> String {
    format!(
        "{}/oauth2/authorize?{}",
        emulator.domain(),
        authorize_query(changes)
    )
}

pub(crate) fn query_of(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

pub(crate) async fn code(emulator: &Emulator, changes: Changes<'_>) -> String {
    let url = authorize_url(emulator, changes);
    let back = emulator.sign_in_with(&url, "alex", PASSWORD).await.unwrap();
    query_of(&back)["code"].clone()
}

pub(crate) async fn post_form(emulator: &Emulator, path: &str, form: &[(&str, &str)]) -> Response {
    let url = format!("{}{path}", emulator.domain());
    http().post(url).form(form).send().await.unwrap()
}

pub(crate) async fn redeem(emulator: &Emulator, code: &str) -> Response {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    post_form(emulator, "/oauth2/token", &form).await
}

pub(crate) async fn refresh(emulator: &Emulator, client_id: &str, token: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("refresh_token", token),
    ];
    status_and_json(post_form(emulator, "/oauth2/token", &form).await).await
}

pub(crate) async fn status_and_json(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

/// Signs in as alex and exchanges the code.
pub(crate) async fn tokens(emulator: &Emulator) -> Value {
    let code = code(emulator, &[]).await;
    redeem(emulator, &code).await.json().await.unwrap()
}

pub(crate) fn part(token: &Value, index: usize) -> Value {
    let token = token.as_str().unwrap();
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub(crate) fn claims(token: &Value) -> Value {
    part(token, 1)
}

/// A page with a form, as a browser holds it.
pub(crate) struct FormPage {
    pub(crate) html: String,
    pub(crate) csrf: String,
    pub(crate) cookies: Vec<String>,
}

pub(crate) fn cookies_of(answer: &Response) -> Vec<String> {
    answer
        .headers()
        .get_all(reqwest::header::SET_COOKIE)
        .iter()
        .map(|cookie| {
            cookie
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

impl FormPage {
    pub(crate) async fn of(answer: Response, mut cookies: Vec<String>) -> Self {
        cookies.extend(cookies_of(&answer));
        let html = answer.text().await.unwrap();
        let csrf = html
            .split_once("name=\"_csrf\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(csrf, _)| csrf.to_owned())
            .unwrap_or_default();
        Self {
            html,
            csrf,
            cookies,
        }
    }

    pub(crate) async fn open(emulator: &Emulator, path: &str, cookies: Vec<String>) -> Self {
        let answer = http()
            .get(format!("{}{path}", emulator.domain()))
            .header(reqwest::header::COOKIE, cookies.join("; "))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        Self::of(answer, cookies).await
    }

    pub(crate) async fn post(
        &self,
        emulator: &Emulator,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Response {
        let mut form = vec![("_csrf", self.csrf.as_str())];
        form.extend(fields);
        http()
            .post(format!("{}{path}", emulator.domain()))
            .header(reqwest::header::COOKIE, self.cookies.join("; "))
            .form(&form)
            .send()
            .await
            .unwrap()
    }
}

pub(crate) async fn sign_in_by_form(
    emulator: &Emulator,
    query: &str,
    username: &str,
    password: &str,
) -> Response {
    let path = format!("/login?{query}");
    let page = FormPage::open(emulator, &path, Vec::new()).await;
    let fields = [("username", username), ("password", password)];
    page.post(emulator, &path, &fields).await
}

pub(crate) async fn aws_json(emulator: &Emulator, target: &str, input: &Value) -> (u16, Value) {
    status_and_json(aws_json_answer(emulator, target, input).await).await
}

pub(crate) async fn aws_json_answer(emulator: &Emulator, target: &str, input: &Value) -> Response {
    http()
        .post(emulator.url())
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target)
        .body(input.to_string())
        .send()
        .await
        .unwrap()
}
