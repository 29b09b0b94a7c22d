use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use reqwest::{Client, StatusCode, Url, redirect};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::{
    clock::{Clock, SystemClock},
    error::{JwksProblem, VerifyError, clip},
    jwk::Jwks,
    pool::{UserPool, is_loopback},
};

/// The time a download may take, answer included, unless [`JwksCache::with_timeout`] says otherwise.
pub const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(3);
/// After a download that did not bring the key a token named, the next one for an unknown key waits this long, so that
/// made-up key ids cause one download per interval and not one per request.
pub const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(10);
/// After a download that failed, callers are given its outcome for this long before another is tried.
pub const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Keys older than this are refreshed in the background, so that a key the pool withdrew does not live on.
pub const REFRESH_AFTER: Duration = Duration::from_secs(60 * 60);
/// Keys that could not be refreshed are used for this long, so that an outage of the pool's key endpoint goes unnoticed.
pub const KEEP_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Cognito's key sets have about 1 KB.
const MAX_JWKS_BYTES: usize = 256 * 1024;

/// A pool's keys: fetched when first needed, kept, and fetched again when a token names a key that is not there.
///
/// At most one download is in flight; it runs in its own task, and everyone who needs it waits for it without holding a
/// lock. A download that fails leaves the keys as they are. A token whose key is known never waits, until the keys are
/// [`KEEP_FOR`] old. Keys come from the pool's issuer only, whatever a token's header says.
pub struct JwksCache {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Settings {
    /// `None` for fixed keys, which are never fetched.
    uri: Option<Url>,
    clock: Arc<dyn Clock>,
    http: Option<Client>,
    timeout: Duration,
}

struct Shared {
    settings: Settings,
    default_http: OnceLock<Client>,
    loaded: RwLock<Option<Loaded>>,
    downloads: Mutex<Downloads>,
}

#[derive(Clone)]
struct Loaded {
    keys: Arc<Jwks>,
    at: SystemTime,
}

type Outcome = Result<(), JwksProblem>;

#[derive(Default)]
struct Downloads {
    /// The one in flight; its sender is dropped if its runtime shuts down.
    running: Option<watch::Receiver<Option<Outcome>>>,
    /// No new download before this long after that moment, and what to tell those who would want one.
    pause: Option<Pause>,
}

struct Pause {
    from: SystemTime,
    length: Duration,
    failure: Option<JwksProblem>,
}

enum Next {
    Wait(watch::Receiver<Option<Outcome>>),
    /// Too early for another download; the failure of the last one, if it failed.
    TooEarly(Option<JwksProblem>),
}

impl JwksCache {
    /// A cache for a pool's keys. Nothing is fetched yet.
    #[must_use]
    pub fn new(pool: &UserPool) -> Self {
        Self::with_settings(Settings {
            uri: Some(pool.jwks_url().clone()),
            clock: Arc::new(SystemClock),
            http: None,
            timeout: DOWNLOAD_TIMEOUT,
        })
    }

    /// Fixed keys from the text of a JWK Set. Nothing is ever fetched, and nothing ages.
    ///
    /// # Errors
    /// When the text is not a JWK Set with a usable key.
    pub fn from_json(json: &[u8]) -> Result<Self, JwksProblem> {
        let keys = Arc::new(Jwks::from_json(json)?);
        let cache = Self::with_settings(Settings {
            uri: None,
            clock: Arc::new(SystemClock),
            http: None,
            timeout: DOWNLOAD_TIMEOUT,
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
        self.rebuild(|settings| settings.http = Some(http))
    }

    /// Allows a download this long instead of [`DOWNLOAD_TIMEOUT`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.rebuild(|settings| settings.timeout = timeout)
    }

    /// Fetches the keys unless they are there, joining a download in flight. Unlike a token's need for a key it does not
    /// wait out [`RETRY_INTERVAL`] after a failure.
    ///
    /// # Errors
    /// [`VerifyError::JwksUnavailable`].
    pub async fn preload(&self) -> Result<(), VerifyError> {
        let now = self.shared.settings.clock.now();
        if self.shared.fresh(now).is_some() {
            return Ok(());
        }
        self.shared.downloads().pause = None;
        self.shared.download(now, RETRY_INTERVAL).await
    }

    /// Whether there are keys to check tokens with. Fetches nothing.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        let now = self.shared.settings.clock.now();
        self.shared.fresh(now).is_some()
    }

    /// The key set holding `kid`, after a download if need be.
    pub(crate) async fn keys_with(&self, kid: &str) -> Result<Arc<Jwks>, VerifyError> {
        let shared = &self.shared;
        let now = shared.settings.clock.now();
        if let Some(loaded) = shared.fresh(now)
            && (loaded.keys.contains(kid) || shared.settings.uri.is_none())
        {
            if shared.settings.uri.is_some() && age(now, loaded.at) >= REFRESH_AFTER {
                drop(shared.start(now, RETRY_INTERVAL)); // In the background; this token's key is known.
            }
            return Ok(loaded.keys);
        }
        shared.download(now, UNKNOWN_KEY_INTERVAL).await?;
        match shared.fresh(shared.settings.clock.now()) {
            Some(loaded) => {
                if loaded.keys.contains(kid) {
                    shared.downloads().pause = None; // A real rotation; the next may come at any time.
                }
                Ok(loaded.keys)
            }
            None => Err(VerifyError::UnknownKey { kid: clip(kid) }),
        }
    }

    fn with_settings(settings: Settings) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                default_http: OnceLock::new(),
                loaded: RwLock::default(),
                downloads: Mutex::default(),
            }),
        }
    }

    fn rebuild(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        let rebuilt = Self::with_settings(settings);
        if let Some(loaded) = self.shared.loaded() {
            rebuilt.shared.store(loaded);
        }
        rebuilt
    }
}

impl fmt::Debug for JwksCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksCache")
            .field("uri", &self.shared.settings.uri.as_ref().map(Url::as_str))
            .field("keys", &self.shared.loaded().map(|loaded| loaded.keys))
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn loaded(&self) -> Option<Loaded> {
        self.loaded
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn store(&self, loaded: Loaded) {
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
    }

    /// The keys, unless there are none or they are too old to go on with.
    fn fresh(&self, now: SystemTime) -> Option<Loaded> {
        self.loaded()
            .filter(|loaded| self.settings.uri.is_none() || age(now, loaded.at) < KEEP_FOR)
    }

    fn downloads(&self) -> MutexGuard<'_, Downloads> {
        self.downloads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn download(
        self: &Arc<Self>,
        now: SystemTime,
        pause: Duration,
    ) -> Result<(), VerifyError> {
        let outcome = match self.start(now, pause) {
            Next::TooEarly(None) => Ok(()),
            Next::TooEarly(Some(failure)) => Err(failure),
            Next::Wait(mut outcome) => match outcome.wait_for(Option::is_some).await {
                Ok(outcome) => outcome.clone().unwrap_or(Ok(())),
                Err(_) => Err(JwksProblem::Connection {
                    detail: "the download was abandoned".to_owned(),
                }),
            },
        };
        outcome.map_err(|problem| VerifyError::JwksUnavailable {
            uri: self
                .settings
                .uri
                .as_ref()
                .map(Url::to_string)
                .unwrap_or_default(),
            problem,
        })
    }

    /// Joins the download in flight, or starts one unless it is too early. `pause` holds from now on, and is lifted by
    /// whoever finds the download worth it: set before the outcome is known, no crowd can slip past it.
    fn start(self: &Arc<Self>, now: SystemTime, pause: Duration) -> Next {
        let mut downloads = self.downloads();
        // A sender that is gone without an outcome belonged to a runtime that was shut down.
        if let Some(running) = &downloads.running
            && running.has_changed().is_ok()
        {
            return Next::Wait(running.clone());
        }
        if let Some(pause) = &downloads.pause
            && age(now, pause.from) < pause.length
        {
            return Next::TooEarly(pause.failure.clone());
        }
        let (sender, receiver) = watch::channel(None);
        downloads.running = Some(receiver.clone());
        downloads.pause = Some(Pause {
            from: now,
            length: pause,
            failure: None,
        });
        drop(downloads);
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = shared.fetch().await.map(|keys| {
                debug!(keys = keys.len(), "fetched the user pool's keys");
                shared.store(Loaded {
                    keys: Arc::new(keys),
                    // Not the time it began: the clock may have been corrected meanwhile.
                    at: shared.settings.clock.now(),
                });
            });
            let mut downloads = shared.downloads();
            downloads.running = None;
            if let Err(failure) = &outcome {
                warn!(%failure, "could not fetch the user pool's keys");
                downloads.pause = Some(Pause {
                    from: now,
                    length: RETRY_INTERVAL,
                    failure: Some(failure.clone()),
                });
            }
            drop(downloads);
            sender.send_replace(Some(outcome));
        });
        Next::Wait(receiver)
    }

    async fn fetch(&self) -> Result<Jwks, JwksProblem> {
        let Some(uri) = &self.settings.uri else {
            return Err(JwksProblem::NotAJwkSet);
        };
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                JwksProblem::TimedOut {
                    after: self.settings.timeout,
                }
            } else {
                JwksProblem::Connection {
                    detail: causes(&error.without_url()),
                }
            }
        };
        let request = self
            .http(uri)
            .map_err(failed)?
            .get(uri.clone())
            .timeout(self.settings.timeout);
        let mut answer = request.send().await.map_err(failed)?;
        if answer.url() != uri {
            return Err(JwksProblem::Redirected);
        }
        if answer.status() != StatusCode::OK {
            return Err(JwksProblem::Status {
                status: answer.status().as_u16(),
            });
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_JWKS_BYTES {
                return Err(JwksProblem::TooLarge {
                    limit: MAX_JWKS_BYTES,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Jwks::from_json(&body)
    }

    fn http(&self, uri: &Url) -> Result<Client, reqwest::Error> {
        if let Some(http) = self
            .settings
            .http
            .as_ref()
            .or_else(|| self.default_http.get())
        {
            return Ok(http.clone());
        }
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .https_only(uri.scheme() == "https");
        if is_loopback(uri) {
            builder = builder.no_proxy();
        }
        if uri.scheme() == "http" {
            // No TLS will be spoken: skip the system's certificates, slow to load and absent from bare containers.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build()?;
        Ok(self.default_http.get_or_init(|| http).clone())
    }
}

/// A clock that was set back counts as time passed: better one download too many than none for years.
fn age(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or(Duration::MAX)
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
