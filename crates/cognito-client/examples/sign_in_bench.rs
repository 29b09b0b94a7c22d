//! Sign-ins against the emulator with the system's own keychain, for `cargo xtask bench sign-in`.
//!
//! `sign_in_bench N` prints a line for each of N sign-ins: how many requests the user pool was asked between
//! the redirect and "signed in", the milliseconds that took, those of them spent on saving in the keychain
//! and on deleting there, and the milliseconds of a bare request to the token endpoint.
#![expect(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cognito_client::{
    KeyringStore, Profile, Secret, Session, SessionState, SignOutScope, StoreError, StoreLock,
    TokenStore,
};
use cognito_emulator::{Config, Emulator};
use url::Url;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Not the app's: whoever runs this stays signed in there.
const SERVICE: &str = "dev.keyfob.bench";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[tokio::main]
async fn main() -> Result {
    let runs: usize = std::env::args()
        .nth(1)
        .ok_or("how many sign-ins?")?
        .parse()?;
    let emulator = Emulator::start(Config::demo().port(0)).await?;
    let profile = profile(&emulator)?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    // The first warms up.
    for run in 0..=runs {
        let token = bare_request(&emulator, &profile, &http).await?;
        let (requests, sign_in, keychain) = sign_in(&emulator, &profile).await?;
        if run > 0 {
            println!(
                "{requests} {:.3} {:.3} {:.3} {:.3}",
                milliseconds(sign_in),
                milliseconds(keychain.save),
                milliseconds(keychain.delete),
                milliseconds(token),
            );
        }
    }
    Ok(())
}

/// One sign-in of an app just started: its requests after the redirect, its time, and the keychain's share.
async fn sign_in(emulator: &Emulator, profile: &Profile) -> Result<(usize, Duration, Spent)> {
    let store = Arc::new(Timed::default());
    let session = Session::new(profile.clone(), store.clone())?;
    session.restore().await;
    let before = emulator.requests().len();
    let redirect = browse(emulator, session.begin().await?.as_str()).await?;
    // While the person types, the app fetches the keys; nobody is as fast as this program.
    while !emulator.requests()[before..]
        .iter()
        .any(|request| request.path.ends_with("/jwks.json"))
    {
        tokio::task::yield_now().await;
    }

    let before = emulator.requests().len();
    *store.spent() = Spent::default();
    let mut status = session.subscribe();
    let begin = Instant::now();
    let (user, signed_in) = tokio::join!(session.complete(&redirect), async {
        let signed_in = |state: &SessionState| matches!(state, SessionState::SignedIn(_));
        status.wait_for(|status| signed_in(&status.state)).await?;
        Ok::<_, Box<dyn Error>>((begin.elapsed(), *store.spent()))
    });
    user?;
    let requests = emulator.requests().len() - before;

    session.sign_out(SignOutScope::Browser).await?.revoked?;
    let (took, spent) = signed_in?;
    Ok((requests, took, spent))
}

/// The least a sign-in can take: one request to the token endpoint, on a connection that is open already.
async fn bare_request(
    emulator: &Emulator,
    profile: &Profile,
    http: &reqwest::Client,
) -> Result<Duration> {
    let mut authorize = Url::parse(&format!("{}/oauth2/authorize", emulator.domain()))?;
    authorize
        .query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &profile.client_id)
        .append_pair("redirect_uri", profile.redirect().as_str())
        .append_pair("scope", &profile.scopes.join(" "))
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256");
    let redirect = browse(emulator, authorize.as_str()).await?;
    let code = redirect.query_pairs().find(|(name, _)| name == "code");
    let code = code.ok_or("no code")?.1.into_owned();
    let keys = format!("{}/.well-known/jwks.json", emulator.issuer());
    http.get(keys)
        .send()
        .await?
        .error_for_status()?
        .bytes()
        .await?;

    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &profile.client_id),
        ("redirect_uri", profile.redirect().as_str()),
        ("code", &code),
        ("code_verifier", VERIFIER),
    ];
    let token = format!("{}/oauth2/token", emulator.domain());
    let begin = Instant::now();
    let answer = http.post(token).form(&form).send().await?;
    answer.error_for_status()?.bytes().await?;
    Ok(begin.elapsed())
}

/// The time a keychain has taken.
#[derive(Clone, Copy, Default)]
struct Spent {
    save: Duration,
    delete: Duration,
}

/// The system's keychain, with a look at the clock.
struct Timed {
    keychain: KeyringStore,
    spent: Mutex<Spent>,
}

impl Default for Timed {
    fn default() -> Self {
        Self {
            keychain: KeyringStore::new(SERVICE),
            spent: Mutex::default(),
        }
    }
}

impl Timed {
    fn spent(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for Timed {
    fn load(&self, key: &str) -> std::result::Result<Option<Secret>, StoreError> {
        self.keychain.load(key)
    }

    fn save(&self, key: &str, secret: &[u8]) -> std::result::Result<(), StoreError> {
        let begin = Instant::now();
        let result = self.keychain.save(key, secret);
        self.spent().save += begin.elapsed();
        result
    }

    fn delete(&self, key: &str) -> std::result::Result<(), StoreError> {
        let begin = Instant::now();
        let result = self.keychain.delete(key);
        self.spent().delete += begin.elapsed();
        result
    }

    fn lock(&self, key: &str) -> std::result::Result<StoreLock, StoreError> {
        self.keychain.lock(key)
    }
}

async fn browse(emulator: &Emulator, url: &str) -> Result<Url> {
    Ok(emulator.sign_in_with(url, "alex", "Keyfob-demo-1").await?)
}

fn profile(emulator: &Emulator) -> Result<Profile> {
    let mut profile = Profile::local_demo();
    profile.issuer = emulator.issuer().parse()?;
    profile.domain = emulator.domain().parse()?;
    Ok(profile)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.
}
