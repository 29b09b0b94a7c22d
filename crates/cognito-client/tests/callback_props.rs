//! Whatever comes back from the browser: only the answer to the waiting sign-in is read, and nothing else ends it.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use cognito_client::{
    CallbackError, Error, MemoryStore, OAuthErrorCode, Profile, Session, SessionState,
};
use proptest::prelude::*;
use url::Url;

const REDIRECT: &str = "dev.keyfob.desktop://auth/callback";
const KNOWN: [&str; 4] = ["state", "code", "error", "error_description"];

/// A session that waits for an answer, and the `state` it waits for.
struct Waiting {
    session: Session,
    state: String,
}

impl Waiting {
    async fn new() -> Self {
        let mut profile = Profile::local_demo();
        // Nobody listens there: what would go on over the network ends at once.
        profile.issuer = "http://127.0.0.1:9/pool".parse().unwrap();
        profile.domain = "http://127.0.0.1:9".parse().unwrap();
        let session = Session::new(profile, Arc::new(MemoryStore::new())).unwrap();
        let url = session.begin().await.unwrap();
        let state = url.query_pairs().find(|(name, _)| name == "state");
        let state = state.unwrap().1.into_owned();
        Self { session, state }
    }

    fn waits(&self) -> bool {
        matches!(self.session.status().state, SessionState::SigningIn { .. })
    }
}

/// Runs one case on a runtime of its own.
fn with_waiting<T>(case: impl AsyncFnOnce(Waiting) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { case(Waiting::new().await).await })
}

fn callback(pairs: &[(String, String)]) -> Url {
    let mut url: Url = REDIRECT.parse().unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url
}

fn refused(outcome: &Result<cognito_client::User, Error>) -> Option<CallbackError> {
    match outcome {
        Err(Error::Callback(error)) => Some(*error),
        _ => None,
    }
}

/// Parameters that mean nothing to us, in any script.
fn others() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = "\\PC{0,12}".prop_filter("not one of ours", |name| !KNOWN.contains(&name.as_str()));
    prop::collection::vec((name, any::<String>()), 0..5)
}

/// The pairs in any order.
fn shuffled(pairs: Vec<(String, String)>) -> impl Strategy<Value = Vec<(String, String)>> {
    Just(pairs).prop_shuffle()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_the_state_nothing_is_read(
        others in others(),
        state in any::<Option<String>>(),
        code in any::<String>(),
    ) {
        let mut pairs = others;
        pairs.push(pair("code", &code));
        let expected = if state.is_some() { CallbackError::WrongState } else { CallbackError::MissingState };
        pairs.extend(state.map(|state| pair("state", &state)));
        with_waiting(async |waiting| {
            let outcome = waiting.session.complete(&callback(&pairs)).await;
            prop_assert_eq!(refused(&outcome), Some(expected));
            prop_assert!(waiting.waits());
            Ok(())
        })?;
    }

    #[test]
    fn a_parameter_that_is_there_twice_is_refused(
        pairs in others().prop_flat_map(|mut others| {
            others.extend([pair("state", "THE STATE"), pair("code", "c")]);
            (Just(others), 0..2_usize)
        }).prop_flat_map(|(mut pairs, which)| {
            let twice = pairs[pairs.len() - 1 - which].clone();
            pairs.push(twice);
            shuffled(pairs)
        }),
    ) {
        with_waiting(async |waiting| {
            let pairs: Vec<_> = pairs
                .into_iter()
                .map(|(name, value)| if name == "state" { (name, waiting.state.clone()) } else { (name, value) })
                .collect();
            let outcome = waiting.session.complete(&callback(&pairs)).await;
            prop_assert_eq!(refused(&outcome), Some(CallbackError::Malformed));
            prop_assert!(waiting.waits());
            Ok(())
        })?;
    }

    #[test]
    fn the_answer_is_read_whatever_is_around_it(
        pairs in others().prop_flat_map(|mut others| {
            others.extend([pair("state", ""), pair("error", "access_denied")]);
            shuffled(others)
        }),
        description in any::<Option<String>>(),
    ) {
        with_waiting(async |waiting| {
            let mut pairs = pairs;
            for (name, value) in &mut pairs {
                if name == "state" {
                    value.clone_from(&waiting.state);
                }
            }
            pairs.extend(description.map(|text| pair("error_description", &text)));
            let error = waiting.session.complete(&callback(&pairs)).await.unwrap_err();
            let is_denied = matches!(&error, Error::Rejected { code: OAuthErrorCode::AccessDenied, .. });
            prop_assert!(is_denied, "{:?}", error);
            // What is shown to the person is printable and short, whatever was sent.
            let told = error.to_string();
            prop_assert!(told.len() < 300 && told.chars().all(|c| matches!(c, ' '..='~')), "{}", told);
            prop_assert!(!waiting.waits());
            Ok(())
        })?;
    }

    #[test]
    fn another_address_is_refused(
        scheme in "[a-z][a-z0-9.+-]{0,12}",
        host in "[a-z0-9.-]{0,12}",
        path in "[a-zA-Z0-9/._~%-]{0,12}",
    ) {
        let Ok(mut url) = format!("{scheme}://{host}/{path}").parse::<Url>() else { return Ok(()) };
        prop_assume!(url.as_str() != REDIRECT);
        with_waiting(async |waiting| {
            url.set_query(Some(&format!("code=c&state={}", waiting.state)));
            let outcome = waiting.session.complete(&url).await;
            prop_assert_eq!(refused(&outcome), Some(CallbackError::WrongRedirect));
            prop_assert!(waiting.waits());
            Ok(())
        })?;
    }

    #[test]
    fn any_text_is_survived(text in "\\PC{0,60}", as_query in any::<bool>()) {
        let text = if as_query { format!("{REDIRECT}?{text}") } else { text };
        let Ok(url) = text.parse::<Url>() else { return Ok(()) };
        with_waiting(async |waiting| {
            prop_assert!(refused(&waiting.session.complete(&url).await).is_some());
            prop_assert!(waiting.waits());
            Ok(())
        })?;
    }
}
