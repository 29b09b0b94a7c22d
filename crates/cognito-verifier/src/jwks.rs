//! Where keys come from, and when.

mod budget;
mod download;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, SystemTime},
};

use reqwest::Client;
use tokio::{runtime::Handle, sync::watch};
use tracing::{debug, info, warn};

use self::{
    budget::{AbsentKeys, Budget, back_off},
    download::Source,
};
use crate::{
    clock::{Clock, SystemClock},
    error::{JwksProblem, VerifyError, clip},
    jwk::{Jwks, Key},
    pool::UserPool,
};

/// The time a download may take, answer included, unless [`JwksCache::with_timeout`] says otherwise.
pub const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(3);
/// Keys older than this are fetched again in the background, so that a key the pool withdrew does not live on.
pub const REFRESH_AFTER: Duration = Duration::from_secs(60 * 60);
/// Keys that could not be fetched again are used for this long, so that an outage of the pool's key endpoint goes unnoticed.
pub const KEEP_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// After a download that failed, callers are given its outcome for this long before another is tried; twice as long after
/// each further failure, up to [`MAX_RETRY_INTERVAL`].
pub const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// See [`RETRY_INTERVAL`].
pub const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(16);
/// How many downloads unknown key ids may cause at once, before [`UNKNOWN_KEY_INTERVAL`] applies.
pub const UNKNOWN_KEY_BURST: u32 = 10;
/// Beyond [`UNKNOWN_KEY_BURST`], unknown key ids cause one download in this time, however many they are.
pub const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_millis(250);
/// A key id that was not in a key set fetched for its sake causes no other download for this long.
pub const ABSENT_FOR: Duration = Duration::from_secs(10);

/// A pool's keys: fetched when first needed, kept, and fetched again when they are old or a token names one that is not
/// there. They come from the pool's configured address only, whatever a token's header says.
///
/// # What is promised
///
/// - **A token whose key is known never waits**, and nothing that happens to other tokens or to the endpoint can make it,
///   until the keys are [`KEEP_FOR`] old without one successful download. From [`REFRESH_AFTER`] on they are fetched again
///   in the background, by the first token that comes.
/// - **At most one download is in flight.** It runs in its own task, and whoever needs it waits for it outside of any lock.
///   A download that fails leaves the keys as they are, and is followed by another after [`RETRY_INTERVAL`] at the earliest.
/// - **Key ids that nobody has cause at most [`UNKNOWN_KEY_BURST`] downloads, and one more each [`UNKNOWN_KEY_INTERVAL`],**
///   however many come; one and the same key id causes one in [`ABSENT_FOR`]. Between downloads they are refused at once.
/// - **They do not delay a rotation.** The first token of a new key makes its own download, or, when made-up key ids have
///   spent the burst, finds one that they caused: while they come, the key set is never older than [`UNKNOWN_KEY_INTERVAL`]
///   and one download. So a key that was published that long before its first token comes is known by then, or is waited
///   for in the download that is under way. Only a token that is faster than this after its key's publication, during such
///   a flood, is refused, and accepted when it comes again. Without a flood, no token of a new key is refused: the download
///   whose result refuses it began after it came.
///
///   It is refused and not kept waiting, because before that download nothing tells it from a made-up one: what waits is then
///   the flood. Waiting tokens hold the requests that brought them, of which a server can answer so many at once, and would
///   take that room from tokens whose key is known; if only so many may wait, the flood has all places but by luck.
///
/// # Metrics
///
/// Events of `tracing`, target `cognito_verifier::jwks`, each with the field `event` and the address in `uri`:
///
/// | `event` | level | further fields |
/// |---|---|---|
/// | `jwks_fetched` | info when the key ids changed, else debug | `keys`: how many; `millis`: how long it took |
/// | `jwks_fetch_failed` | warn | `failure`: in words; `failures`: in a row; `retry_after_millis` |
/// | `jwks_key_unknown` | debug | `why`: `fetched` (a download for its sake lacks it), `remembered` ([`ABSENT_FOR`]) or `limited` (the burst is spent) |
pub struct JwksCache {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Settings {
    /// `None` for fixed keys, which are never fetched.
    source: Option<Source>,
    clock: Arc<dyn Clock>,
}

struct Shared {
    settings: Settings,
    loaded: RwLock<Option<Loaded>>,
    downloads: Mutex<Downloads>,
}

#[derive(Clone)]
struct Loaded {
    keys: Arc<Jwks>,
    at: SystemTime,
}

type Outcome = Result<(), JwksProblem>;
/// How many downloads had begun when a token came.
pub(crate) type Begun = u64;
pub(crate) type Pending = watch::Receiver<Option<Outcome>>;

struct Downloads {
    /// The one in flight; its sender is dropped if its runtime shuts down.
    running: Option<Pending>,
    /// How many have begun, and which of them was the last whose keys were stored.
    begun: Begun,
    stored: Begun,
    failing: Option<Failing>,
    budget: Budget,
    absent: AbsentKeys,
}

/// No new download before `until` has passed since `at`, and what to tell those who would want one.
struct Failing {
    failures: u32,
    failure: JwksProblem,
    at: SystemTime,
    pause: Duration,
}

/// What can be said about a key id at once.
enum Known {
    Key(Arc<Key>),
    /// Unknown, or not to be used.
    Refused(VerifyError),
    Unavailable(JwksProblem),
    Pending(Pending),
}

impl JwksCache {
    /// A cache for a pool's keys. Nothing is fetched yet.
    #[must_use]
    pub fn new(pool: &UserPool) -> Self {
        Self::with_settings(Settings {
            source: Some(Source {
                uri: pool.jwks_url().clone(),
                timeout: DOWNLOAD_TIMEOUT,
                http: OnceLock::new(),
            }),
            clock: Arc::new(SystemClock),
        })
    }

    /// Fixed keys from the text of a JWK Set. Nothing is ever fetched, and nothing ages.
    ///
    /// # Errors
    /// When the text is not a JWK Set with a usable key.
    pub fn from_json(json: &[u8]) -> Result<Self, JwksProblem> {
        let keys = Arc::new(Jwks::from_json(json)?);
        let cache = Self::with_settings(Settings {
            source: None,
            clock: Arc::new(SystemClock),
        });
        cache.shared.store(Loaded {
            keys,
            at: SystemTime::UNIX_EPOCH,
        });
        Ok(cache)
    }

    /// Takes the time, for the intervals of this module, from `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.rebuild(|settings| settings.clock = clock)
    }

    /// Downloads with `http`: for proxies, client certificates, own roots. It should follow no redirects; if it does, the
    /// answer is refused. The time-out stays that of the cache. Without this the client follows no redirects, uses the
    /// system's proxy and certificates, and goes straight to an issuer on this machine.
    #[must_use]
    pub fn with_http(self, http: Client) -> Self {
        self.rebuild(|settings| {
            if let Some(source) = &mut settings.source {
                source.http = OnceLock::from(http);
            }
        })
    }

    /// Allows a download this long instead of [`DOWNLOAD_TIMEOUT`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.rebuild(|settings| {
            if let Some(source) = &mut settings.source {
                source.timeout = timeout;
            }
        })
    }

    /// Fetches the keys unless they are there, joining a download in flight. Unlike a token's need for a key it does not
    /// wait out [`RETRY_INTERVAL`] after a failure. Must run in a Tokio runtime.
    ///
    /// # Errors
    /// [`VerifyError::JwksUnavailable`].
    pub async fn preload(&self) -> Result<(), VerifyError> {
        match self.begin_preload() {
            Some(pending) => finished(pending)
                .await
                .map_err(|problem| self.shared.unavailable(problem)),
            None => Ok(()),
        }
    }

    /// The download that brings the keys, unless they are there.
    pub(crate) fn begin_preload(&self) -> Option<Pending> {
        if self.is_loaded() {
            return None;
        }
        let mut downloads = self.shared.downloads();
        let runtime = Handle::current();
        Some(match downloads.running() {
            Some(running) => running,
            None => self.shared.start(&mut downloads, &runtime),
        })
    }

    /// Whether there are keys to check tokens with. Fetches nothing.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        let now = self.shared.settings.clock.now();
        self.shared.usable(&self.shared.loaded(), now).is_some()
    }

    /// The key with this id, after a download if need be.
    pub(crate) async fn key(
        &self,
        kid: &str,
        mut begun: Option<Begun>,
    ) -> Result<Arc<Key>, VerifyError> {
        loop {
            // At most twice: what is in flight may have begun too early to know the key.
            match self.key_at_once(kid, &mut begun) {
                Ok(known) => return known,
                Err(pending) => finished(pending)
                    .await
                    .map_err(|problem| self.shared.unavailable(problem))?,
            }
        }
    }

    /// The key with this id, or why there is none, unless that takes a download, which is started.
    pub(crate) fn key_at_once(
        &self,
        kid: &str,
        begun: &mut Option<Begun>,
    ) -> Result<Result<Arc<Key>, VerifyError>, Pending> {
        match self.shared.look_up(kid, begun) {
            Known::Key(key) => Ok(Ok(key)),
            Known::Refused(refusal) => Ok(Err(refusal)),
            Known::Unavailable(problem) => Ok(Err(self.shared.unavailable(problem))),
            Known::Pending(pending) => Err(pending),
        }
    }

    /// The key with this id, if it is there; a download that it needs is started.
    pub(crate) fn key_now(&self, kid: &str) -> Result<Arc<Key>, VerifyError> {
        self.key_at_once(kid, &mut None)
            .unwrap_or_else(|_| Err(self.shared.unavailable(JwksProblem::NotFetched)))
    }

    /// Whether this very key is still one of the pool's, as far as is known.
    pub(crate) fn holds(&self, key: &Arc<Key>) -> bool {
        let shared = &self.shared;
        let now = shared.settings.clock.now();
        let (holds, old) = match shared.usable(&shared.loaded(), now) {
            None => return false,
            Some(loaded) => (loaded.keys.holds(key), shared.is_old(loaded, now)),
        };
        if holds && old {
            shared.refresh(now);
        }
        holds
    }

    fn with_settings(settings: Settings) -> Self {
        let now = settings.clock.now();
        Self {
            shared: Arc::new(Shared {
                settings,
                loaded: RwLock::default(),
                downloads: Mutex::new(Downloads {
                    running: None,
                    begun: 0,
                    stored: 0,
                    failing: None,
                    budget: Budget::new(now),
                    absent: AbsentKeys::default(),
                }),
            }),
        }
    }

    fn rebuild(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        let rebuilt = Self::with_settings(settings);
        let loaded = self.shared.loaded().clone();
        if let Some(loaded) = loaded {
            rebuilt.shared.store(loaded);
        }
        rebuilt
    }
}

impl fmt::Debug for JwksCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksCache")
            .field("uri", &self.shared.uri())
            .field(
                "keys",
                &self.shared.loaded().as_ref().map(|loaded| &loaded.keys),
            )
            .finish_non_exhaustive()
    }
}

impl Downloads {
    fn running(&self) -> Option<Pending> {
        // A sender that is gone without an outcome belonged to a runtime that was shut down.
        let running = self.running.as_ref()?;
        running.has_changed().is_ok().then(|| running.clone())
    }

    fn paused(&self, now: SystemTime) -> Option<&Failing> {
        let failing = self.failing.as_ref()?;
        (age(now, failing.at) < failing.pause).then_some(failing)
    }
}

impl Shared {
    fn loaded(&self) -> RwLockReadGuard<'_, Option<Loaded>> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, loaded: Loaded) {
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
    }

    /// The keys, unless there are none or they are too old to go on with.
    fn usable<'l>(&self, loaded: &'l Option<Loaded>, now: SystemTime) -> Option<&'l Loaded> {
        let loaded = loaded.as_ref()?;
        (self.settings.source.is_none() || age(now, loaded.at) < KEEP_FOR).then_some(loaded)
    }

    fn downloads(&self) -> MutexGuard<'_, Downloads> {
        self.downloads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn uri(&self) -> &str {
        let source = self.settings.source.as_ref();
        source.map_or("", |source| source.uri.as_str())
    }

    fn unavailable(&self, problem: JwksProblem) -> VerifyError {
        VerifyError::JwksUnavailable {
            uri: self.uri().to_owned(),
            problem,
        }
    }

    /// At a token's first call `begun` is not known yet.
    fn look_up(self: &Arc<Self>, kid: &str, begun: &mut Option<Begun>) -> Known {
        let now = self.settings.clock.now();
        let (found, refresh) = {
            let loaded = self.loaded();
            match self.usable(&loaded, now) {
                None => (None, false),
                Some(loaded) => {
                    let found = match &self.settings.source {
                        Some(_) => loaded.keys.find(kid),
                        None => Some(loaded.keys.key(kid)),
                    };
                    (found.map(|found| found.cloned()), self.is_old(loaded, now))
                }
            }
        };
        match found {
            Some(found) => {
                if refresh {
                    self.refresh(now);
                }
                found.map_or_else(Known::Refused, Known::Key)
            }
            None => self.miss(kid, begun, now),
        }
    }

    fn is_old(&self, loaded: &Loaded, now: SystemTime) -> bool {
        self.settings.source.is_some() && age(now, loaded.at) >= REFRESH_AFTER
    }

    /// The key set is old, but the token's key is known: nobody waits.
    fn refresh(self: &Arc<Self>, now: SystemTime) {
        let mut downloads = self.downloads();
        if downloads.running().is_none()
            && downloads.paused(now).is_none()
            && let Ok(runtime) = Handle::try_current()
        {
            drop(self.start(&mut downloads, &runtime));
        }
    }

    fn miss(self: &Arc<Self>, kid: &str, begun: &mut Option<Begun>, now: SystemTime) -> Known {
        let mut downloads = self.downloads();
        // Under the lock, nothing can be stored between a look at the keys and a look at the downloads.
        let (has_keys, has_kid) = match self.usable(&self.loaded(), now) {
            Some(loaded) => (true, loaded.keys.contains(kid)),
            None => (false, false),
        };
        if has_kid {
            drop(downloads);
            return self.look_up(kid, begun);
        }
        let begun = *begun.get_or_insert(downloads.begun);
        if has_keys {
            let absent = if downloads.stored > begun {
                downloads.absent.remember(kid, now);
                Some("fetched")
            } else if downloads.absent.contains(kid, now) {
                Some("remembered")
            } else {
                None
            };
            if let Some(why) = absent {
                return self.unknown(kid, why);
            }
        }
        if let Some(running) = downloads.running() {
            return Known::Pending(running);
        }
        if let Some(failing) = downloads.paused(now) {
            return Known::Unavailable(failing.failure.clone());
        }
        let Ok(runtime) = Handle::try_current() else {
            return Known::Unavailable(JwksProblem::NotFetched);
        };
        // Spent means that a download has begun within the interval, and what it brought is the proof.
        if has_keys && !downloads.budget.take(now) {
            return self.unknown(kid, "limited");
        }
        Known::Pending(self.start(&mut downloads, &runtime))
    }

    fn unknown(&self, kid: &str, why: &str) -> Known {
        debug!(target: TARGET, event = "jwks_key_unknown", uri = self.uri(), why);
        Known::Refused(VerifyError::UnknownKey { kid: clip(kid) })
    }

    /// There must be none in flight, which `downloads` is locked for.
    fn start(self: &Arc<Self>, downloads: &mut Downloads, runtime: &Handle) -> Pending {
        let (sender, receiver) = watch::channel(None);
        downloads.running = Some(receiver.clone());
        let shared = Arc::clone(self);
        runtime.spawn(async move { drop(sender.send_replace(Some(shared.download().await))) });
        receiver
    }

    async fn download(&self) -> Outcome {
        let Some(source) = &self.settings.source else {
            return Ok(());
        };
        let (number, began) = {
            let mut downloads = self.downloads();
            downloads.begun += 1;
            (downloads.begun, self.settings.clock.now())
        };
        let old = self
            .loaded()
            .as_ref()
            .map(|loaded| Arc::clone(&loaded.keys));
        let fetched = source
            .fetch()
            .await
            .and_then(|json| Jwks::replacing(&json, old.as_deref()));
        let now = self.settings.clock.now();
        let mut downloads = self.downloads();
        downloads.running = None;
        match fetched {
            Ok(keys) => {
                let millis = u64::try_from(age(now, began).as_millis()).unwrap_or(u64::MAX);
                let (uri, count) = (self.uri(), keys.len());
                if old.is_none_or(|old| !keys.adds_nothing_to(&old)) {
                    downloads.budget.refund();
                    info!(target: TARGET, event = "jwks_fetched", uri, keys = count, millis);
                } else {
                    debug!(target: TARGET, event = "jwks_fetched", uri, keys = count, millis);
                }
                downloads.failing = None;
                downloads.stored = number;
                self.store(Loaded {
                    keys: Arc::new(keys),
                    // Not the time it began: the clock may have been corrected meanwhile.
                    at: now,
                });
                Ok(())
            }
            Err(failure) => {
                let before = downloads.failing.as_ref();
                let failures = before
                    .map_or(0, |failing| failing.failures)
                    .saturating_add(1);
                let pause = back_off(failures);
                let retry_after_millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                warn!(target: TARGET, event = "jwks_fetch_failed", uri = self.uri(), %failure, failures, retry_after_millis);
                downloads.failing = Some(Failing {
                    failures,
                    failure: failure.clone(),
                    at: now,
                    pause,
                });
                Err(failure)
            }
        }
    }
}

const TARGET: &str = "cognito_verifier::jwks";

async fn finished(mut pending: Pending) -> Outcome {
    match pending.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or(Ok(())),
        Err(_) => Err(JwksProblem::Connection {
            detail: "the download was abandoned".to_owned(),
        }),
    }
}

/// A clock that was set back counts as time passed: better one download too many than none for years.
fn age(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
