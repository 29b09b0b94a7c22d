//! What a session costs whoever uses it, for `cargo xtask bench session`.
//!
//! `session_bench N` prints N lines of each kind:
//! - `hot`: nanoseconds and allocations of a fresh token from a live session; nanoseconds of the least such a thing can
//!   take, a shared string behind a lock and a reading of the clock;
//! - `crowd`: how many tasks asked for a token that had to be renewed, how many requests that made, and milliseconds;
//! - `restore`: milliseconds of taking a session up from the system's keychain, and of one bare read there.
#![expect(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;
use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use cognito_client::{KeyringStore, MemoryStore, Profile, Session, SessionState, TokenStore};
use cognito_emulator::{Config, Emulator};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Not the app's: whoever runs this stays signed in there.
const SERVICE: &str = "dev.keyfob.bench";
const CALLS: u32 = 200_000;
const CROWD: usize = 10_000;

#[tokio::main]
async fn main() -> Result {
    let runs: usize = std::env::args().nth(1).ok_or("how many runs?")?.parse()?;
    let emulator = Emulator::start(Config::demo().port(0)).await?;
    let session = signed_in(&emulator, Arc::new(MemoryStore::new())).await?;
    let stored = KeyringStore::new(SERVICE);
    let kept = signed_in(&emulator, Arc::new(stored.clone())).await?;
    // The first of each warms up.
    for run in 0..=runs {
        let lines = [
            hot(&session)?,
            crowd(&emulator, &session).await?,
            restore(&kept, &stored).await?,
        ];
        if run > 0 {
            println!("{}", lines.join("\n"));
        }
    }
    stored.delete(&kept.profile().session_key())?;
    Ok(())
}

fn hot(session: &Session) -> Result<String> {
    let least: RwLock<Arc<str>> = RwLock::new("a token that is shared".into());
    let ours = timed(|| drop(black_box(token_at_once(session))));
    let peer = timed(|| {
        let token = least.read().map(|token| token.clone());
        drop(black_box((token, now())));
    });
    let mut token = None;
    let allocated = allocation_counter::measure(|| token = token_at_once(session));
    token.ok_or("a live session has a token at once")?;
    Ok(format!("hot {ours} {} {peer}", allocated.count_total))
}

/// The token, which a live session has without any waiting.
fn token_at_once(session: &Session) -> Option<cognito_client::AccessToken> {
    let token = pin!(session.access_token());
    match token.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(token)) => Some(token),
        _ => None,
    }
}

/// Nanoseconds of one call.
fn timed(call: impl Fn()) -> f64 {
    let begin = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

#[expect(clippy::disallowed_methods, reason = "its cost is what is measured")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

async fn crowd(emulator: &Emulator, session: &Session) -> Result<String> {
    session.invalidate(&session.access_token().await?);
    let before = emulator.requests().len();
    let begin = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CROWD {
        let session = session.clone();
        callers.spawn(async move { session.access_token().await.is_ok() });
    }
    while let Some(served) = callers.join_next().await {
        if !served? {
            return Err("a caller was not served".into());
        }
    }
    let took = milliseconds(begin.elapsed());
    let requests = &emulator.requests()[before..];
    let refreshes = requests.iter().filter(|r| r.path == "/oauth2/token");
    Ok(format!("crowd {CROWD} {} {took:.3}", refreshes.count()))
}

async fn restore(kept: &Session, store: &KeyringStore) -> Result<String> {
    let profile = kept.profile();
    let key = profile.session_key();
    let session = Session::new(profile.clone(), Arc::new(store.clone()))?;
    let begin = Instant::now();
    session.restore().await;
    let ours = begin.elapsed();
    if !matches!(session.status().state, SessionState::SignedIn(_)) {
        return Err("the session was not taken up".into());
    }
    let begin = Instant::now();
    let secret = keyring::Entry::new(SERVICE, &key)?.get_secret()?;
    let peer = begin.elapsed();
    black_box(secret);
    Ok(format!(
        "restore {:.3} {:.3}",
        milliseconds(ours),
        milliseconds(peer)
    ))
}

async fn signed_in(emulator: &Emulator, store: Arc<dyn TokenStore>) -> Result<Session> {
    let mut profile = Profile::local_demo();
    profile.issuer = emulator.issuer().parse()?;
    profile.domain = emulator.domain().parse()?;
    let session = Session::new(profile, store)?;
    let url = session.begin().await?;
    let callback = emulator
        .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1")
        .await?;
    session.complete(&callback).await?;
    Ok(session)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.
}
