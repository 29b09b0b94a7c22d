//! What the person pastes: the whole address or the code alone, and what is neither.

#![allow(clippy::unwrap_used)]

mod common;

use cognito_client::{
    CallbackError, Error, OAuthErrorCode, ProtocolError, Route, SessionState, SignInRequest,
    SignOutScope,
};
use common::World;
use common::browser::*;
use common::port::free_port;

#[tokio::test]
async fn the_address_can_be_pasted_whatever_the_route() {
    let port = free_port();
    let world = world_with(&[APP.to_owned(), loopback(port)]).await;
    for route in [Route::App, Route::Loopback, Route::Paste] {
        let url = world
            .session
            .begin_with(SignInRequest {
                route: Some(route),
                ..SignInRequest::default()
            })
            .await
            .unwrap();
        assert_eq!(is_open(port).await, route == Route::Loopback);
        let redirect = parameter(&url, "redirect_uri").unwrap();
        assert_eq!(redirect == APP, route == Route::App, "{redirect}");
        let state = parameter(&url, "state").unwrap();
        let callback = world.browse(&url).await.to_string();
        let code = parameter(&callback.parse().unwrap(), "code").unwrap();
        for (stray, expected) in [
            (String::new(), CallbackError::NotPasted),
            ("yes, done".into(), CallbackError::NotPasted),
            (
                format!("code={code}&state={state}"),
                CallbackError::NotPasted,
            ),
            ("http://[::1".into(), CallbackError::NotPasted),
            ("a".repeat(100_000), CallbackError::NotPasted),
            (
                format!("{redirect}?code={code}"),
                CallbackError::MissingState,
            ),
            (
                format!("{redirect}?code={code}&state=x"),
                CallbackError::WrongState,
            ),
            (
                format!("{redirect}?state={state}"),
                CallbackError::Malformed,
            ),
            (url.to_string(), CallbackError::WrongRedirect),
            (
                format!("https://evil.example/?code={code}&state={state}"),
                CallbackError::WrongRedirect,
            ),
        ] {
            let error = world.session.complete_pasted(&stray).await.unwrap_err();
            assert!(
                matches!(error, Error::Callback(found) if found == expected),
                "{stray}: {error:?}"
            );
            assert!(!error.to_string().contains(&code) && !error.remedy().is_empty());
            assert!(matches!(world.problem(), Some(Error::Callback(_))));
            assert!(
                matches!(world.state(), SessionState::SigningIn { route: found, .. } if found == route)
            );
        }
        let (half, rest) = callback.split_at(40);
        let pasted = format!("\u{1b}[200~ \"{half}\r\n  {rest}\"\n\u{1b}[201~").replace('&', "\\&");
        let user = world.session.complete_pasted(&pasted).await.unwrap();
        assert_eq!(user.username, "alex");
        let error = world.session.complete_pasted(&callback).await.unwrap_err();
        assert!(matches!(error, Error::Callback(CallbackError::AlreadyUsed)));
        assert!(!is_open(port).await);
        world.session.sign_out(SignOutScope::Browser).await.unwrap();
    }
}

#[tokio::test]
async fn a_code_alone_is_enough_and_a_wrong_one_costs_nothing() {
    let port = free_port();
    let world = world_with(&[loopback(port)]).await;
    let url = world.session.begin().await.unwrap();
    // Made for somebody else's request, with its own challenge.
    let mut theirs = url.clone();
    let changed: Vec<_> = url
        .query_pairs()
        .map(|(name, value)| match &*name {
            "code_challenge" => (name, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into()),
            _ => (name, value),
        })
        .collect();
    theirs.query_pairs_mut().clear().extend_pairs(changed);
    let planted = parameter(&world.browse(&theirs).await, "code").unwrap();
    for wrong in [&*planted, "5ff87263-7a5e-4c4c-9b8f-000000000000"] {
        let error = world.session.complete_pasted(wrong).await.unwrap_err();
        assert!(matches!(
            error,
            Error::Rejected {
                code: OAuthErrorCode::InvalidGrant,
                ..
            }
        ));
        let SessionState::SigningIn {
            url: again,
            finishing: false,
            ..
        } = world.state()
        else {
            panic!("{:?}", world.state())
        };
        assert_eq!(again, url);
        assert!(matches!(world.problem(), Some(Error::Rejected { .. })));
        assert!(is_open(port).await, "the listener is back");
    }
    let code = parameter(&world.browse(&url).await, "code").unwrap();
    world
        .session
        .complete_pasted(&format!(" '{code}'\n"))
        .await
        .unwrap();
    assert!(world.problem().is_none());
    until_closed(port).await;
    let error = world.session.complete_pasted(&code).await.unwrap_err();
    assert!(matches!(
        error,
        Error::Callback(CallbackError::NothingPending)
    ));
}

#[tokio::test]
async fn a_planted_code_without_pkce_is_refused_by_its_nonce() {
    for (nonce, expected) in [(None, "missing_claim"), (Some("theirs"), "wrong_nonce")] {
        let world = World::new().await;
        let url = world.session.begin().await.unwrap();
        let mut theirs = url.clone();
        let kept: Vec<_> = url
            .query_pairs()
            .filter(|(name, _)| !name.starts_with("code_challenge") && name != "nonce")
            .collect();
        theirs
            .query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .extend_pairs(nonce.map(|nonce| ("nonce", nonce)));
        let planted = parameter(&world.browse(&theirs).await, "code").unwrap();
        let error = world.session.complete_pasted(&planted).await.unwrap_err();
        assert!(
            matches!(&error, Error::Protocol(ProtocolError::IdToken(reason)) if reason.code() == expected),
            "{error:?}"
        );
        assert_eq!(world.state(), SessionState::SignedOut);
        assert!(!world.is_kept());
        assert_eq!(world.asked("/oauth2/revoke"), 1);
    }
}
