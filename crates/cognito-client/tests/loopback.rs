//! The loopback route: who gets in at the port, who does not, and when it is open at all.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use cognito_client::{
    Error, OAuthErrorCode, Route, SessionState, SignInRequest, SignOutScope, StoreError,
};
use cognito_emulator::Config;
use common::browser::*;
use common::port::free_port;
use common::{FaultyStore, World};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A sign-in that waits at a port: the URL for the browser, and its `state`.
async fn waiting() -> (World, u16, Url, String) {
    let port = free_port();
    let world = world_with(&[loopback(port)]).await;
    let url = world.session.begin().await.unwrap();
    let state = parameter(&url, "state").unwrap();
    (world, port, url, state)
}

/// A page of ours: static, and with nothing in it that was sent.
fn assert_page(answer: &str, status: u16, sent: &str) {
    assert_eq!(status_of(answer), status, "{sent}\n{answer}");
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; style-src 'sha256-",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "connection: close",
    ] {
        assert!(head.contains(header), "{header}: {head}");
    }
    for absent in ["<script", "href", "src=", "http:", "planted"] {
        assert!(!page.contains(absent), "{absent}: {page}");
    }
}

#[tokio::test]
async fn strays_are_turned_away_and_the_sign_in_goes_on() {
    let (world, port, url, state) = waiting().await;
    let own = format!("127.0.0.1:{port}");
    let good = format!("/callback?code=planted&state={state}");
    let cases = [
        ("GET", "/favicon.ico".to_owned(), &*own, 404),
        ("GET", "/".to_owned(), &own, 404),
        ("GET", good.replace("/callback", "/callback/"), &own, 404),
        ("GET", good.replace("/callback", "//callback"), &own, 404),
        ("GET", good.replace("/callback", "/Callback"), &own, 404),
        ("POST", good.clone(), &own, 405),
        ("HEAD", good.clone(), &own, 405),
        ("OPTIONS", good.clone(), &own, 405),
        // A page of somebody's whose name was rebound to this computer.
        ("GET", good.clone(), "planted.example", 421),
        ("GET", good.clone(), "127.0.0.1", 421),
        ("GET", good.clone(), "127.0.0.1:1", 421),
        (
            "GET",
            good.replace("/callback", &format!("http://{own}/callback")),
            &own,
            421,
        ),
        ("GET", "/callback".to_owned(), &own, 400),
        ("GET", "/callback?code=planted".to_owned(), &own, 400),
        ("GET", format!("/callback?state={state}"), &own, 400),
        ("GET", format!("{good}&code=planted"), &own, 400),
        ("GET", format!("{good}&state={state}"), &own, 400),
        ("GET", format!("{good}&error=planted"), &own, 400),
        (
            "GET",
            "/callback?code=planted&state=planted".to_owned(),
            &own,
            403,
        ),
        (
            "GET",
            format!("/callback?error=planted&state={state}x"),
            &own,
            403,
        ),
    ];
    for (method, target, host, status) in cases {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = send(port, &request).await;
        if method == "HEAD" {
            assert_eq!(status_of(&answer), status);
        } else {
            assert_page(&answer, status, &request);
        }
        assert_eq!(answer.contains("allow: GET"), status == 405, "{answer}");
        assert!(matches!(
            world.state(),
            SessionState::SigningIn {
                finishing: false,
                ..
            }
        ));
    }
    for request in [
        format!("GET {good} HTTP/1.1\r\n\r\n"),
        format!("GET {good} HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\n\r\n"),
    ] {
        assert_page(&send(port, &request).await, 421, &request);
    }
    let old = format!("GET {good} HTTP/1.0\r\n\r\n");
    assert_eq!(status_of(&send(port, &old).await), 421);
    assert_eq!(status_of(&send(port, "planted\r\n\r\n").await), 400);
    // Whoever wants to may send such things; the person is not bothered with them.
    assert!(world.problem().is_none());
    assert_eq!(world.asked("/oauth2/token"), 0);

    let callback = world.browse(&url).await;
    assert_page(&follow(&callback).await, 200, "the answer");
    world
        .until(|state| matches!(state, SessionState::SignedIn(_)))
        .await;
}

#[tokio::test]
async fn the_oversized_and_the_slow_are_cut_off() {
    let (world, port, url, state) = waiting().await;
    let host = format!("127.0.0.1:{port}");
    let long = "a".repeat(20_000);
    for request in [
        format!("GET /callback?code={long}&state={state} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /callback HTTP/1.1\r\nHost: {host}\r\nX: {long}\r\n\r\n"),
        format!(
            "GET /callback HTTP/1.1\r\nHost: {host}\r\n{}\r\n",
            "X: x\r\n".repeat(100)
        ),
    ] {
        let answer = send(port, &request).await;
        assert!(matches!(status_of(&answer), 414 | 431), "{answer}");
    }
    let callback = world.browse(&url).await;

    // The clock of timeouts jumps whenever nothing else is left to do.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let mut slow = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    let half = format!("GET /callback?code=planted&state={state} HTTP/1.1\r\nHost: {host}\r\n");
    slow.write_all(half.as_bytes()).await.unwrap();
    let answer = read_to_end(slow).await;
    assert!(answer.is_empty() || status_of(&answer) == 408, "{answer}");
    assert!(began.elapsed() >= Duration::from_secs(5));
    tokio::time::resume();

    assert!(matches!(
        world.state(),
        SessionState::SigningIn {
            finishing: false,
            ..
        }
    ));
    assert_eq!(status_of(&follow(&callback).await), 200);
    world
        .until(|state| matches!(state, SessionState::SignedIn(_)))
        .await;
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_are_let_in_later() {
    let (world, port, url, _) = waiting().await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .unwrap(),
        );
    }
    let callback = world.browse(&url).await;
    let answer = tokio::spawn(async move { follow(&callback).await });
    drop(idle);
    assert_eq!(status_of(&answer.await.unwrap()), 200);
}

#[tokio::test]
async fn one_answer_is_taken_and_the_port_closes() {
    let (world, port, url, _) = waiting().await;
    // Opened before, and asked the same once more.
    let mut early = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    let callback = world.browse(&url).await;
    let page = follow(&callback).await;
    assert_page(&page, 200, "the answer");
    assert!(page.contains("Return to Keyfob"), "{page}");
    until_closed(port).await;
    let target = format!("/callback?{}", callback.query().unwrap());
    let again = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    if early.write_all(again.as_bytes()).await.is_ok() {
        let answer = read_to_end(early).await;
        assert!(answer.is_empty() || status_of(&answer) == 410, "{answer}");
    }
    world
        .until(|state| matches!(state, SessionState::SignedIn(_)))
        .await;
    assert!(world.problem().is_none());
    assert_eq!(world.asked("/oauth2/token"), 1);
}

#[tokio::test]
async fn a_refusal_is_shown_and_told() {
    let (world, port, _, state) = waiting().await;
    let refusal = format!("/callback?error=access_denied&error_description=planted&state={state}");
    let page = get(port, &refusal).await;
    assert_page(&page, 200, &refusal);
    assert!(page.contains("The sign-in was refused"), "{page}");
    world.until(|state| *state == SessionState::SignedOut).await;
    assert!(matches!(
        world.problem(),
        Some(Error::Rejected {
            code: OAuthErrorCode::AccessDenied,
            ..
        })
    ));
    until_closed(port).await;
}

#[tokio::test]
async fn the_next_port_is_taken_when_one_is_not_free() {
    let ports = [free_port(), free_port()];
    let world = world_with(&ports.map(loopback)).await;
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, ports[0]))
        .await
        .unwrap();
    let url = world.session.begin().await.unwrap();
    assert_eq!(parameter(&url, "redirect_uri").unwrap(), loopback(ports[1]));
    assert_eq!(status_of(&follow(&world.browse(&url).await).await), 200);
    world
        .until(|state| matches!(state, SessionState::SignedIn(_)))
        .await;
    world.session.sign_out(SignOutScope::Browser).await.unwrap();

    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, ports[1]))
        .await
        .unwrap();
    let error = world.session.begin().await.unwrap_err();
    let told = error.to_string();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    assert!(
        ports.iter().all(|port| told.contains(&port.to_string())),
        "{told}"
    );
    assert!(error.remedy().contains("pasting"), "{}", error.remedy());
    assert_eq!(world.state(), SessionState::SignedOut);
    assert!(world.problem().is_some());

    drop((first, second));
    let url = world.session.begin().await.unwrap();
    assert_eq!(parameter(&url, "redirect_uri").unwrap(), loopback(ports[0]));
}

#[tokio::test]
async fn the_apps_own_scheme_follows_when_nobody_insists_on_loopback() {
    let port = free_port();
    let world = world_with(&[loopback(port), APP.to_owned()]).await;
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    let insisting = SignInRequest {
        route: Some(Route::Loopback),
        ..SignInRequest::default()
    };
    let error = world.session.begin_with(insisting).await.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    let url = world.session.begin().await.unwrap();
    assert_eq!(parameter(&url, "redirect_uri").unwrap(), APP);
    assert!(matches!(
        world.state(),
        SessionState::SigningIn {
            route: Route::App,
            ..
        }
    ));
}

#[tokio::test]
async fn localhost_is_listened_to_in_both_families() {
    let port = free_port();
    let redirect = format!("http://localhost:{port}/callback");
    let world = world_with(&[redirect]).await;
    // Another program on one of the two would get the answer of some browsers.
    let other = TcpListener::bind((Ipv6Addr::LOCALHOST, port))
        .await
        .unwrap();
    world.session.begin().await.unwrap_err();
    assert!(!is_open(port).await);
    drop(other);
    let url = world.session.begin().await.unwrap();
    for address in [
        Ipv4Addr::LOCALHOST.to_string(),
        format!("[{}]", Ipv6Addr::LOCALHOST),
    ] {
        let mut stream = TcpStream::connect(format!("{address}:{port}"))
            .await
            .unwrap();
        let request = format!("GET /favicon.ico HTTP/1.1\r\nHost: LocalHost:{port}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(status_of(&read_to_end(stream).await), 404, "{address}");
    }
    assert_eq!(status_of(&follow(&world.browse(&url).await).await), 200);
    world
        .until(|state| matches!(state, SessionState::SignedIn(_)))
        .await;
}

#[tokio::test]
async fn the_other_family_alone_is_enough_for_its_own_redirect() {
    let port = free_port();
    let world = world_with(&[format!("http://[::1]:{port}/callback")]).await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let mut stream = TcpStream::connect((Ipv6Addr::LOCALHOST, port))
        .await
        .unwrap();
    let target = format!("/callback?{}", callback.query().unwrap());
    let request = format!("GET {target} HTTP/1.1\r\nHost: [::1]:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(status_of(&read_to_end(stream).await), 200);
    world
        .until(|state| matches!(state, SessionState::SignedIn(_)))
        .await;
}

#[tokio::test]
async fn the_port_is_open_only_while_an_answer_is_awaited() {
    let (mut world, port, ..) = waiting().await;
    assert!(is_open(port).await);
    world.session.cancel().await;
    assert!(!is_open(port).await, "cancelled");

    world.session.begin().await.unwrap();
    world.advance(Duration::from_secs(5 * 60));
    world.until(|state| *state == SessionState::SignedOut).await;
    assert!(
        matches!(world.problem(), Some(Error::NoAnswer { redirect, .. }) if redirect.as_str() == loopback(port))
    );
    assert!(!is_open(port).await, "expired");

    world.session.begin().await.unwrap();
    world.session.sign_out(SignOutScope::Browser).await.unwrap();
    until_closed(port).await;

    world.session.begin().await.unwrap();
    world.restart();
    until_closed(port).await;
    // The request was kept, and is listened for again.
    world.session.restore().await;
    let SessionState::SigningIn {
        url,
        route: Route::Loopback,
        ..
    } = world.state()
    else {
        panic!("{:?}", world.state())
    };
    assert!(is_open(port).await);
    assert_eq!(status_of(&follow(&world.browse(&url).await).await), 200);
    world
        .until(|state| matches!(state, SessionState::SignedIn(_)))
        .await;
}

#[tokio::test]
async fn a_port_that_is_taken_after_a_restart_leaves_pasting() {
    let (mut world, port, url, _) = waiting().await;
    world.restart();
    until_closed(port).await;
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    world.session.restore().await;
    assert!(matches!(world.state(), SessionState::SigningIn { .. }));
    let callback = world.browse(&url).await;
    world
        .session
        .complete_pasted(callback.as_str())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_keychain_that_does_not_work_leaves_no_port_open() {
    let redirects = [loopback(free_port())];
    let world = World::with_store(
        registered(Config::demo(), &redirects),
        |profile| with_redirects(&profile, &redirects),
        FaultyStore::new(0),
    )
    .await;
    let error = world.session.begin().await.unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Locked)));
    let port = world.session.profile().redirects[0].port().unwrap();
    assert!(!is_open(port).await);
}
