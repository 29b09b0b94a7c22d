//! What is logged, at every level, the SDK's own events included.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};

use aws_credential_types::provider::ProvideCredentials;
use cognito_aws::Files;
use cognito_emulator::{Endpoint, Fault};

use common::{MINUTE, Stage};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .init();

    let stage = Stage::with(
        |_| {},
        |profile| profile.endpoints.s3 = Some(profile.domain.clone()),
    )
    .await;
    let provider = stage.aws.credentials_provider();
    let first = provider.provide_credentials().await.unwrap();
    stage.aws.caller_identity().await.unwrap();
    stage.aws.invoke("hello", "{}").await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let files = Files::new(stage.aws.clone(), journal.path());
    let shared = files.folders().await.unwrap().remove(1);
    files.link(&shared, "Welcome.txt", MINUTE).await.unwrap();
    stage.advance(50 * MINUTE);
    for _ in 0..3 {
        stage
            .emulator
            .fail_next(Endpoint::Credentials, Fault::Status(500));
    }
    provider.provide_credentials().await.unwrap();
    stage.advance(MINUTE);
    let second = provider.provide_credentials().await.unwrap();
    assert_ne!(first, second);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("AWS credentials are used on"));
    // As it stands in an address, too.
    assert!(
        !log.contains("IQoJb3JpZ2lu"),
        "a session token is in the log"
    );
    let id = stage.session.id_token().await.unwrap();
    for (what, secret) in [
        ("secret key", first.secret_access_key()),
        ("session token", first.session_token().unwrap()),
        ("secret key", second.secret_access_key()),
        ("session token", second.session_token().unwrap()),
        ("ID token", id.expose()),
    ] {
        assert!(!log.contains(secret), "the {what} is in the log");
    }
}
