//! A computer whose clock is wrong.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use cognito_aws::{Aws, AwsService, Error};
use cognito_client::{MemoryStore, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use common::{Stage, TestClock, profile};

const TEN_MINUTES: i64 = 600;

#[tokio::test]
async fn ten_minutes_off_is_no_obstacle() {
    for ahead in [-TEN_MINUTES, TEN_MINUTES] {
        let stage = Stage::signed_out(|_| {}, |_| {}).await;
        // The pool's keys exist: a new pool's first answer takes longer than a sign-in.
        let keys = format!("{}/.well-known/jwks.json", stage.emulator.issuer());
        reqwest::get(keys).await.unwrap();
        stage.clock.set_ahead(ahead);
        stage.sign_in("alex").await;
        stage.aws.caller_identity().await.unwrap();
        stage.aws.invoke("hello", "{}").await.unwrap();
        assert_eq!(
            stage.asked("GetCallerIdentity"),
            1,
            "STS took the first signature"
        );
    }
}

#[tokio::test]
async fn nor_is_it_after_a_restart() {
    for ahead in [-TEN_MINUTES, TEN_MINUTES] {
        let stage = Stage::new().await;
        let clock = Arc::new(TestClock::default());
        clock.set_ahead(ahead);
        // It has had no answer of the user pool yet to learn the time from.
        let session = Session::builder(stage.session.profile().clone(), stage.store.clone())
            .clock(clock)
            .build()
            .unwrap();
        session.restore().await;
        let aws = Aws::new(session).unwrap();
        aws.invoke("hello", "{}").await.unwrap();
        aws.caller_identity().await.unwrap();
    }
}

/// STS that refuses everything with this code.
async fn refusing_sts(code: &'static str) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            // The request is small enough to come at once.
            assert!(connection.read(&mut vec![0; 65536]).await.unwrap() > 0);
            let body = format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                 <Code>{code}</Code><Message>in words</Message></Error><RequestId>1</RequestId></ErrorResponse>"
            );
            let answer = format!(
                "HTTP/1.1 403 Forbidden\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url.parse().unwrap()
}

#[tokio::test]
async fn what_sts_refuses() {
    let stage = Stage::new().await;
    for code in [
        "SignatureDoesNotMatch",
        "RequestExpired",
        "AccessDenied",
        "ExpiredToken",
        "InvalidClientTokenId",
    ] {
        let sts = refusing_sts(code).await;
        let profile = profile(&stage.emulator, |profile| profile.endpoints.sts = Some(sts));
        let session = Session::new(profile, Arc::new(MemoryStore::new())).unwrap();
        let authorize = session.begin().await.unwrap();
        let callback = stage
            .emulator
            .sign_in_with(authorize.as_str(), "alex", "Keyfob-demo-1")
            .await
            .unwrap();
        session.complete(&callback).await.unwrap();
        let error = Aws::new(session)
            .unwrap()
            .caller_identity()
            .await
            .unwrap_err();
        match code {
            "SignatureDoesNotMatch" | "RequestExpired" => assert!(
                matches!(
                    error,
                    Error::Clock {
                        service: AwsService::Sts
                    }
                ),
                "{error:?}"
            ),
            "AccessDenied" => {
                assert!(matches!(error, Error::NotAllowed { .. }), "{error:?}");
                assert!(error.to_string().contains("sts:GetCallerIdentity"));
            }
            _ => assert!(
                matches!(&error, Error::Refused { code: told, .. } if told == code),
                "{error:?}"
            ),
        }
    }
}
