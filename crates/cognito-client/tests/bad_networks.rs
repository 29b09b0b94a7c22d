//! What a network, a proxy or a portal puts in the place of the user pool's answer ends no session:
//! every row is tried on a live session, which is then renewed as if nothing had been.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use cognito_client::{
    Error, Profile, Secret, Session, SessionState, StoreError, StoreLock, TokenStore,
    TransientCause,
};
use cognito_emulator::{Endpoint, Fault};
use common::World;

const HOUR: Duration = Duration::from_secs(3600);

/// Answers every connection with these bytes, and ends with the process.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut asked = [0; 16 * 1024];
            // Whatever the request was; some of the clients hang up first.
            if connection.read(&mut asked).is_ok() {
                connection.write_all(answer.as_bytes()).ok();
            }
        }
    });
    address.to_string()
}

/// A port on which nobody listens any more.
fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The same session, its user pool's domain being somewhere else.
fn moved(world: &World, domain: &str, patience: Duration) -> Session {
    let own = format!("domain = \"{}\"", world.emulator.domain());
    let file = common::profile_file(&world.emulator);
    assert!(file.contains(&own), "{file}");
    let profile: Profile = file
        .replace(&own, &format!("domain = \"{domain}\""))
        .parse()
        .unwrap();
    let store = Arc::new(UnderTheOldName {
        kept: world.store.clone(),
        new: profile.session_key(),
        old: world.session.profile().session_key(),
    });
    common::session(profile, store, world.clock.clone(), patience)
}

/// A session is kept by its user pool's domain; here the domain is only what another network makes of
/// the same name.
struct UnderTheOldName {
    kept: Arc<dyn TokenStore>,
    new: String,
    old: String,
}

impl UnderTheOldName {
    fn old(&self, key: &str) -> String {
        key.replace(&self.new, &self.old)
    }
}

impl TokenStore for UnderTheOldName {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        self.kept.load(&self.old(key))
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.kept.save(&self.old(key), secret)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.kept.delete(&self.old(key))
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        self.kept.lock(&self.old(key))
    }

    fn revision(&self, key: &str) -> u64 {
        self.kept.revision(&self.old(key))
    }
}

async fn keeps_its_session(world: &World, domain: &str, expected: TransientCause) {
    keeps_its_session_within(world, domain, expected, Duration::from_secs(30)).await;
}

async fn keeps_its_session_within(
    world: &World,
    domain: &str,
    expected: TransientCause,
    patience: Duration,
) {
    world.advance(HOUR);
    let before = world.session.status().state;
    let session = moved(world, domain, patience);
    let error = session.access_token().await.unwrap_err();
    match &error {
        Error::Transient { cause, .. } => assert_eq!(*cause, expected, "{domain}"),
        other => panic!("{domain}: {other:?}"),
    }
    assert!(!error.remedy().is_empty());
    session.restore().await;
    assert!(
        matches!(
            session.status().state,
            SessionState::Restoring | SessionState::SignedIn(_)
        ),
        "{domain}: {:?}",
        session.status().state
    );
    assert!(session.status().offline_since.is_some(), "{domain}");
    assert_eq!(world.session.status().state, before);
    // Back at home, the session is what it was.
    world.session.access_token().await.unwrap();
}

async fn signed_in() -> World {
    let world = World::new().await;
    world.sign_in().await;
    world
}

macro_rules! answers {
    ($($name:ident: $answer:expr => $expected:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let domain = format!("http://{}", answering($answer));
            keeps_its_session(&signed_in().await, &domain, $expected).await;
        }
    )*};
}

answers! {
    a_portal_that_answers_with_its_page:
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 20\r\nconnection: close\r\n\r\n<html>Log in!</html>"
        => TransientCause::NotTheService;
    a_portal_that_pretends_to_be_json:
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\nconnection: close\r\n\r\n<html>Log in!</html>"
        => TransientCause::NotTheService;
    a_portal_that_redirects:
        "HTTP/1.1 302 Found\r\nlocation: http://portal.example/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        => TransientCause::Status(302);
    a_portal_that_must_be_paid:
        "HTTP/1.1 511 Network Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        => TransientCause::Status(511);
    a_proxy_that_wants_a_password:
        "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-type: text/html\r\ncontent-length: 20\r\nconnection: close\r\n\r\n<html>Log in!</html>"
        => TransientCause::NotTheService;
    a_firewall_that_forbids:
        "HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\ncontent-length: 20\r\nconnection: close\r\n\r\n<html>Blocked</html>"
        => TransientCause::NotTheService;
    a_bad_request_that_no_user_pool_wrote:
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\ncontent-length: 20\r\nconnection: close\r\n\r\n<h1>invalid_grant</h1>"
        => TransientCause::NotTheService;
    json_that_ends_too_soon:
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 18\r\nconnection: close\r\n\r\n{\"access_token\":\"a"
        => TransientCause::NotTheService;
    a_body_that_ends_too_soon:
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4000\r\nconnection: close\r\n\r\n{\"access_token\":\"a"
        => TransientCause::Unreachable;
    json_of_somebody_else:
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\nconnection: close\r\n\r\n{\"status\":\"ok\"}"
        => TransientCause::NotTheService;
    an_empty_answer:
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        => TransientCause::NotTheService;
    too_many_requests:
        "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        => TransientCause::Throttled;
    an_internal_error:
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        => TransientCause::Status(500);
    a_gateway_without_a_service:
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/html\r\ncontent-length: 5\r\nconnection: close\r\n\r\nsorry"
        => TransientCause::Status(503);
    something_that_is_not_http:
        "220 mail.example ESMTP\r\n" => TransientCause::Unreachable;
    a_connection_that_is_closed_at_once:
        "" => TransientCause::Unreachable;
}

#[tokio::test]
async fn a_port_where_nobody_is() {
    let domain = format!("http://{}", silent());
    keeps_its_session(&signed_in().await, &domain, TransientCause::Unreachable).await;
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    // RFC 6761 §6.4: it never will.
    let domain = "https://keyfob-test.invalid";
    keeps_its_session(&signed_in().await, domain, TransientCause::Unreachable).await;
}

#[tokio::test]
async fn a_server_that_speaks_no_tls() {
    let domain = format!("https://{}", answering("HTTP/1.1 200 OK\r\n\r\n"));
    keeps_its_session(&signed_in().await, &domain, TransientCause::Unreachable).await;
}

#[tokio::test]
async fn a_server_that_says_nothing() {
    // Connections wait in the system's queue for ever: nobody accepts them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let domain = format!("http://{}", listener.local_addr().unwrap());
    let patience = Duration::from_millis(200);
    let world = signed_in().await;
    keeps_its_session_within(&world, &domain, TransientCause::Timeout, patience).await;
}

#[tokio::test]
async fn refusals_for_any_other_reason_than_the_grant() {
    let world = signed_in().await;
    for (status, code) in [
        (400, "invalid_request"),
        (400, "invalid_client"),
        (401, "invalid_client"),
        (400, "unauthorized_client"),
        (400, "unsupported_grant_type"),
        (400, "invalid_scope"),
        (400, "server_error"),
        (400, "something_new"),
        // Not how the user pool says it.
        (503, "invalid_grant"),
    ] {
        world.advance(HOUR);
        let body = serde_json::json!({ "error": code });
        world
            .emulator
            .fail_next(Endpoint::Token, Fault::Error { status, body });
        let error = world.session.access_token().await.unwrap_err();
        assert!(!matches!(error, Error::SignInRequired(_)), "{code}");
        assert!(!error.remedy().is_empty(), "{code}");
        assert!(
            matches!(world.state(), SessionState::SignedIn(_)),
            "{code}: {:?}",
            world.state()
        );
        world.session.access_token().await.unwrap();
    }
}
