//! Tokens from a user who really signs in at the emulator's pages.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use cognito_emulator::{Config, Emulator};
use cognito_verifier::{ClientIds, UserPool};
use reqwest::{Client, redirect};

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

/// Signs Alex in and redeems the code.
pub async fn sign_in(emulator: &Emulator) -> Tokens {
    let tokens = emulator.tokens("openid email profile", "n").await.unwrap();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    Tokens {
        access: token("access_token"),
        id: token("id_token"),
    }
}
