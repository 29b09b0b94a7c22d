//! A process like the app, the command or a second window: it uses the stored sessions of both users.

use std::future::Future;
use std::io::BufRead;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use cognito_client::{Clock, Error, Profile, Session, SystemClock, TokenStore};
use serde::{Deserialize, Serialize};

use crate::journal::{Event, Journaling, Line, Tally, to_runner};
use crate::plan::Dice;
use crate::{Result, TASKS, micros, pause};

/// How long one request may take: hung ones cost it, and served ones must not.
const HTTP_PATIENCE: Duration = Duration::from_secs(6);
/// How long everything may take to be well again once the faults have ended.
const SETTLED_WITHIN: Duration = Duration::from_secs(45);

/// What the runner says on a worker's standard input, a line each. When that closes, the worker ends.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Order {
    /// The first line.
    Start {
        profiles: Vec<String>,
        subs: Vec<String>,
        seed: u64,
        /// Seconds the computer's clock is ahead of the real one.
        ahead: u64,
        /// Whether the processes keep out of each other's way.
        locks: bool,
    },
    /// The computer's clock is now so many seconds ahead of the real one.
    Clock(u64),
    /// Answer at once.
    Ping(u64),
    /// Stop, and see whether all is well.
    Finish,
}

/// The computer's clock, as the runner sets it.
#[derive(Default)]
pub(crate) struct ShiftedClock(AtomicU64);

impl ShiftedClock {
    pub(crate) fn set(&self, ahead: u64) {
        self.0.store(ahead, Ordering::SeqCst);
    }
}

impl cognito_verifier::Clock for ShiftedClock {
    fn now(&self) -> SystemTime {
        let ahead = Duration::from_secs(self.0.load(Ordering::SeqCst));
        cognito_verifier::Clock::now(&SystemClock) + ahead
    }
}

impl Clock for ShiftedClock {
    // Only sign-ins and renewals ahead of need wait; neither minds when the clock jumps meanwhile.
    fn sleep_until(&self, moment: SystemTime) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let ahead = Duration::from_secs(self.0.load(Ordering::SeqCst));
        Clock::sleep_until(&SystemClock, moment - ahead)
    }
}

/// One user's session in this process.
struct Seat {
    user: usize,
    sub: String,
    profile: Profile,
    store: Arc<Journaling>,
    clock: Arc<ShiftedClock>,
    session: RwLock<Session>,
    /// What keeps that session fresh.
    kept_fresh: Mutex<tokio::task::JoinHandle<()>>,
    tally: Arc<Mutex<Tally>>,
}

pub(crate) async fn work() -> Result {
    // The libraries' own words are heard in the tests, which have less to say.
    crate::test_log::start_with(
        "warn,zbus=trace,cognito_client=trace,cognito_verifier=trace,chaos=trace",
    );
    let (orders, mut ordered) = tokio::sync::mpsc::unbounded_channel();
    let clock = Arc::new(ShiftedClock::default());
    let clock_set = Arc::clone(&clock);
    // A thread, because it must answer and end even when the runtime has no thread to spare.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(|line| line.ok()) {
            match serde_json::from_str(&line) {
                Ok(Order::Clock(ahead)) => clock_set.set(ahead),
                Ok(Order::Ping(number)) => tell(Event::Pong(number)),
                Ok(order) => drop(orders.send(order)),
                Err(_) => break,
            }
        }
        // The runner is gone.
        std::process::exit(0);
    });
    let Some(Order::Start {
        profiles,
        subs,
        seed,
        ahead,
        locks,
    }) = ordered.recv().await
    else {
        return Err("a worker must be started by the runner".into());
    };
    clock.set(ahead);
    let mut dice = Dice::new(seed);
    let stop = Arc::new(AtomicBool::new(false));
    let tally = Arc::new(Mutex::new(Tally::default()));
    let mut seats = Vec::new();
    let mut tasks = tokio::task::JoinSet::new();
    for (user, (profile, sub)) in profiles.iter().zip(subs).enumerate() {
        let profile: Profile = profile.parse()?;
        let store = Journaling::new(
            user,
            profile.session_key(),
            Arc::new(|line| to_runner(&line)),
            locks,
        );
        let store = Arc::new(store);
        let session = session(&profile, store.clone(), clock.clone())?;
        let seat = Arc::new(Seat {
            user,
            sub,
            profile,
            store,
            clock: clock.clone(),
            kept_fresh: Mutex::new(keep_fresh(&session)),
            session: RwLock::new(session),
            tally: tally.clone(),
        });
        for _ in 0..TASKS {
            let (seat, stop, seed) = (seat.clone(), stop.clone(), dice.fork());
            tasks.spawn(async move { seat.use_it(Dice::new(seed), &stop).await });
        }
        seats.push(seat);
    }
    let sums = tally.clone();
    tokio::spawn(async move {
        loop {
            pause(250).await;
            report(&sums);
        }
    });
    while !matches!(ordered.recv().await, Some(Order::Finish) | None) {}
    stop.store(true, Ordering::SeqCst);
    while tasks.join_next().await.is_some() {}
    for seat in &seats {
        let settled = tokio::time::timeout(SETTLED_WITHIN, seat.settle()).await;
        let problem = settled.unwrap_or_else(|_| Some("not well again in time".into()));
        let user = seat.user;
        tell(Event::Settled { user, problem });
    }
    report(&tally);
    // Until the runner closes the input.
    std::future::pending().await
}

/// As the app does; the command does not.
fn keep_fresh(session: &Session) -> tokio::task::JoinHandle<()> {
    let session = session.clone();
    tokio::spawn(async move { session.keep_fresh().await })
}

fn report(tally: &Mutex<Tally>) {
    let done = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
    tell(Event::Done(done));
}

fn tell(event: Event) {
    to_runner(&Line {
        at: micros(),
        event,
    });
}

pub(crate) fn session(
    profile: &Profile,
    store: Arc<dyn TokenStore>,
    clock: Arc<ShiftedClock>,
) -> std::result::Result<Session, Error> {
    Session::builder(profile.clone(), store)
        .clock(clock)
        .http_patience(HTTP_PATIENCE)
        .build()
}

impl Seat {
    fn session(&self) -> Session {
        let session = self.session.read().unwrap_or_else(PoisonError::into_inner);
        session.clone()
    }

    /// As when the app is quit and started again, while what the old one had begun goes on.
    async fn restart(&self) -> Result {
        let new = session(&self.profile, self.store.clone(), self.clock.clone())?;
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = new.clone();
        self.keep_only(keep_fresh(&new));
        new.restore().await;
        self.count(|tally| tally.restored += 1);
        Ok(())
    }

    fn keep_only(&self, new: tokio::task::JoinHandle<()>) {
        let kept_fresh = self.kept_fresh.lock();
        let mut kept_fresh = kept_fresh.unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *kept_fresh, new).abort();
    }

    fn count(&self, add: impl FnOnce(&mut Tally)) {
        add(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn use_it(&self, mut dice: Dice, stop: &AtomicBool) {
        self.session().restore().await;
        while !stop.load(Ordering::SeqCst) {
            let session = self.session();
            let began = micros();
            let outcome = match dice.below(100) {
                0..55 => self.access(&session).await,
                55..70 => self.id(&session).await,
                70..82 => self.call_api(&session).await,
                82..90 => self.refuse(&session).await,
                90..93 => self.restart().await.map_err(|error| Error::Configuration {
                    problem: error.to_string(),
                    remedy: String::new(),
                }),
                93 => {
                    session.restore().await;
                    Ok(())
                }
                94 => {
                    session.wake().await;
                    Ok(())
                }
                95 => {
                    session.retry().await;
                    Ok(())
                }
                _ => {
                    self.give_up(&session, dice.between(0, 30)).await;
                    Ok(())
                }
            };
            if let Err(error) = outcome {
                self.failed(&error, began).await;
            }
            pause(dice.between(20, 300)).await;
        }
    }

    async fn access(&self, session: &Session) -> std::result::Result<(), Error> {
        let token = session.access_token().await?;
        self.check("an access token", token.expose());
        Ok(())
    }

    async fn id(&self, session: &Session) -> std::result::Result<(), Error> {
        let token = session.id_token().await?;
        self.check("an ID token", token.expose());
        Ok(())
    }

    /// Asks an API that knows whose token it is, and refuses those that have expired or whose key is gone.
    async fn call_api(&self, session: &Session) -> std::result::Result<(), Error> {
        let answer = session.api_get("/oauth2/userInfo").await?;
        match answer.status {
            200 => {
                let sub = serde_json::from_str::<serde_json::Value>(&answer.body)
                    .ok()
                    .and_then(|body| Some(body["sub"].as_str()?.to_owned()));
                self.belongs("the API's answer", sub.as_deref());
                self.count(|tally| tally.api += 1);
            }
            401 => self.count(|tally| tally.asked += 1),
            _ => self.count(|tally| tally.passing += 1),
        }
        Ok(())
    }

    /// Says that the token was refused, so that a new one is needed.
    async fn refuse(&self, session: &Session) -> std::result::Result<(), Error> {
        let token = session.access_token().await?;
        self.check("an access token", token.expose());
        session.invalidate(&token);
        self.count(|tally| tally.asked += 1);
        self.access(session).await
    }

    /// Asks, and stops waiting in the middle.
    async fn give_up(&self, session: &Session, after: u64) {
        let patience = Duration::from_millis(after);
        if let Ok(Ok(token)) = tokio::time::timeout(patience, session.access_token()).await {
            self.check("an access token", token.expose());
        } else {
            self.count(|tally| tally.cancelled += 1);
        }
    }

    fn check(&self, what: &str, token: &str) {
        self.count(|tally| tally.handed += 1);
        self.belongs(what, subject(token).as_deref());
    }

    fn belongs(&self, what: &str, sub: Option<&str>) {
        if sub != Some(&self.sub) {
            tell(Event::WrongUser {
                user: self.user,
                what: format!("{what} that is not"),
            });
        }
    }

    async fn failed(&self, error: &Error, began: u64) {
        tracing::trace!(?error, %error, remedy = error.remedy(), status = ?self.session().status(), "failed");
        match error {
            Error::Transient { .. } => self.count(|tally| tally.passing += 1),
            Error::SignInRequired(reason) => {
                tell(self.store.ended(format!("{reason:?}"), began));
                // As a person would: waits, looks again, and at last starts the app again.
                pause(300).await;
                if self.session().access_token().await.is_ok() {
                    return;
                }
                pause(300).await;
                if self.restart().await.is_err() {
                    tell(Event::Odd {
                        user: self.user,
                        error: "the session could not be made anew".into(),
                    });
                }
            }
            _ => tell(Event::Odd {
                user: self.user,
                error: format!("{error:?}"),
            }),
        }
    }

    /// Waits until a token is good for the API; the last problem is what stands when time is up.
    async fn settle(&self) -> Option<String> {
        loop {
            let session = self.session();
            let began = micros();
            match session.api_get("/oauth2/userInfo").await {
                Ok(answer) if answer.status == 200 => {
                    self.count(|tally| tally.api += 1);
                    return match self.access(&session).await {
                        Ok(()) => None,
                        Err(error) => Some(error.to_string()),
                    };
                }
                Ok(_) => {}
                Err(error) => self.failed(&error, began).await,
            }
            pause(200).await;
        }
    }
}

/// `sub` of a JWT; nothing of it is verified here.
fn subject(token: &str) -> Option<String> {
    use base64::Engine as _;
    let claims = token.split('.').nth(1)?;
    let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD
        .decode(claims)
        .ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    Some(claims["sub"].as_str()?.to_owned())
}
