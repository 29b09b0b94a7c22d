//! What tests of sessions lean on: replies that are lost, requests that are told apart, and the ledger of refreshes.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cognito_emulator::{
    Config, Emulator, Endpoint, Fault, Fingerprint, Listener, Refresh, RefreshOutcome,
};
use common::*;
use serde_json::{Value, json};
use url::Url;

/// An emulator whose tokens rotate with this grace period, and its ledger.
async fn rotating(grace: u64) -> (Emulator, Arc<Mutex<Vec<Refresh>>>) {
    let ledger = Arc::new(Mutex::new(Vec::new()));
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::from_secs(grace));
    let book = Arc::clone(&ledger);
    config.on_refresh = Some(Listener::new(move |refresh: &Refresh| {
        book.lock().unwrap().push(refresh.clone());
    }));
    (start_with(config).await, ledger)
}

fn refresh_token(reply: &Value) -> String {
    reply["refresh_token"].as_str().unwrap().to_owned()
}

fn print(token: &str) -> Fingerprint {
    Fingerprint::of(token.as_bytes())
}

async fn ask(domain: &str, token: &str) -> Result<reqwest::Response, reqwest::Error> {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", CLIENT),
        ("refresh_token", token),
    ];
    let url = format!("{domain}/oauth2/token");
    http().post(url).form(&form).send().await
}

#[tokio::test]
async fn a_reply_is_lost_after_the_pool_has_acted() {
    let (emulator, ledger) = rotating(0).await;
    let first = refresh_token(&tokens(&emulator).await);
    for fault in [Fault::LoseReply, Fault::CutReply] {
        let kept = refresh_token(&tokens(&emulator).await);
        emulator.fail_next(Endpoint::Token, fault.clone());
        let answer = ask(&emulator.domain(), &kept).await;
        match fault {
            Fault::LoseReply => assert!(answer.is_err()),
            _ => {
                let answer = answer.unwrap();
                assert_eq!(answer.status(), 200);
                assert!(answer.bytes().await.is_err(), "it ends in the middle");
            }
        }
        let last = ledger.lock().unwrap().last().unwrap().clone();
        assert_eq!(last.presented, print(&kept));
        assert!(matches!(last.outcome, RefreshOutcome::Rotated(_)));
        // Without grace nobody can go on from there.
        let refused = refresh(&emulator, CLIENT, &kept).await;
        assert_eq!(refused, (400, json!({ "error": "invalid_grant" })));
    }
    // A request that was dropped has not been served.
    emulator.fail_next(Endpoint::Token, Fault::Drop);
    assert!(ask(&emulator.domain(), &first).await.is_err());
    assert_eq!(refresh(&emulator, CLIENT, &first).await.0, 200);
}

#[tokio::test]
async fn a_lost_reply_can_be_asked_for_again_within_the_grace_period() {
    let (emulator, ledger) = rotating(60).await;
    let kept = refresh_token(&tokens(&emulator).await);
    emulator.fail_next(Endpoint::Token, Fault::LoseReply);
    assert!(ask(&emulator.domain(), &kept).await.is_err());
    emulator.advance(Duration::from_secs(50));
    let (status, again) = refresh(&emulator, CLIENT, &kept).await;
    assert_eq!(status, 200);
    let rotated = RefreshOutcome::Rotated(print(&refresh_token(&again)));
    assert_eq!(ledger.lock().unwrap().last().unwrap().outcome, rotated);
    emulator.advance(Duration::from_secs(11));
    assert_eq!(refresh(&emulator, CLIENT, &kept).await.0, 400);
    let last = ledger.lock().unwrap().last().unwrap().clone();
    assert_eq!(last.outcome, RefreshOutcome::Refused);
}

#[tokio::test]
async fn each_domain_is_told_apart() {
    let (emulator, ledger) = rotating(0).await;
    let other = emulator.add_domain().await.unwrap();
    assert_ne!(other, emulator.domain());
    let token = refresh_token(&tokens(&emulator).await);
    let answer = ask(&other, &token).await.unwrap();
    assert_eq!(answer.status(), 200);
    let port = Url::parse(&other).unwrap().port().unwrap();
    let ledger = std::mem::take(&mut *ledger.lock().unwrap());
    let [refresh] = &ledger[..] else {
        panic!("{ledger:?}")
    };
    assert_eq!((refresh.port, &*refresh.username), (port, "alex"));
    assert_eq!(emulator.requests().last().unwrap().port, port);
    // The issuer stays what it was.
    let reply: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(claims(&reply["id_token"])["iss"], emulator.issuer());
    emulator.shutdown().await;
    assert!(ask(&other, &token).await.is_err());
}

#[tokio::test]
async fn faults_are_taken_back_and_hanging_ends_with_the_client() {
    let emulator = start().await;
    emulator.fail_next(Endpoint::Token, Fault::Status(500));
    let queued = (Endpoint::Token, Fault::Status(500));
    assert_eq!(emulator.clear_faults(), [queued]);
    let (status, _) = refresh(&emulator, CLIENT, "unknown").await;
    assert_eq!(status, 400);
    emulator.fail_next(Endpoint::Token, Fault::Hang);
    let url = format!("{}/oauth2/token", emulator.domain());
    let asked = http().post(url).timeout(Duration::from_millis(200)).send();
    assert!(asked.await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_code_can_be_found_in_a_log_without_being_known() {
    let emulator = start().await;
    let code = code(&emulator, &[]).await;
    assert!(code.ends_with("-c0dec0dec0de"), "its own mark");
    assert_eq!(code.len(), 36);
}
