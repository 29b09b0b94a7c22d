//! Tokens from a user who really signs in at the emulator's pages.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use cognito_emulator::{Config, Emulator};
use cognito_verifier::{ClientIds, UserPool};
use reqwest::{Client, redirect};
use serde_json::Value;
use url::Url;

pub const CLIENT: &str = "6keyfobdemodesktop00client";
const REDIRECT: &str = "dev.keyfob.desktop://auth/callback";

pub async fn emulator() -> Emulator {
    Emulator::start(Config::demo().port(0)).await.unwrap()
}

pub fn pool(emulator: &Emulator) -> UserPool {
    UserPool::new(emulator.issuer()).unwrap()
}

pub fn client_ids() -> ClientIds {
    ClientIds::only([CLIENT])
}

pub fn http() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap()
}

pub struct Tokens {
    pub access: String,
    pub id: String,
}

/// Signs Alex in and redeems the code. No PKCE: Cognito does not insist on it, and this is not a client's test.
pub async fn sign_in(emulator: &Emulator) -> Tokens {
    let parameters = [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("scope", "openid email profile"),
        ("state", "s"),
    ];
    let url = Url::parse_with_params(
        &format!("{}/oauth2/authorize", emulator.domain()),
        parameters,
    )
    .unwrap();
    let callback = emulator
        .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1")
        .await
        .unwrap();
    let code = callback
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("code", code.as_str()),
    ];
    let answer = http()
        .post(format!("{}/oauth2/token", emulator.domain()))
        .form(&exchange)
        .send()
        .await
        .unwrap();
    let tokens: Value = answer.json().await.unwrap();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    Tokens {
        access: token("access_token"),
        id: token("id_token"),
    }
}
