use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::{Map, Value};

use crate::{
    claims::{AccessClaims, Claims, IdClaims, numeric_date, required, whole_seconds},
    clock::{Clock, SystemClock, unix_seconds},
    error::{VerifyError, clip},
    jwks::JwksCache,
    jws::Jws,
    pool::{ClientIds, UserPool},
};

/// Checks the tokens of one user pool. Cheap to clone; clones share the keys.
///
/// The order is: size, form, header, claims, signature, scopes and groups. What costs next to nothing comes before the
/// signature, so a token that is refused anyway costs neither a signature check nor a download; permissions come after
/// it, so only the owner of a valid token hears what it lacks.
pub struct Verifier<C> {
    shared: Arc<Shared>,
    claims: PhantomData<fn() -> C>,
}

#[derive(Clone)]
struct Settings {
    pool: UserPool,
    clients: ClientIds,
    clock: Arc<dyn Clock>,
    leeway: Duration,
    scopes: Vec<String>,
    groups: Vec<String>,
    http: Option<reqwest::Client>,
    jwks: Option<Arc<JwksCache>>,
}

struct Shared {
    settings: Settings,
    jwks: OnceLock<Arc<JwksCache>>,
}

impl Verifier<AccessClaims> {
    /// Accepts access tokens, which is what an API should be sent.
    #[must_use]
    pub fn access(pool: UserPool, clients: ClientIds) -> Self {
        Self::trusting(pool, clients)
    }

    /// Requires a scope as well; without it the answer is 403. Call again to require several.
    #[must_use]
    pub fn with_required_scope(self, scope: impl Into<String>) -> Self {
        self.rebuild(|settings| settings.scopes.push(scope.into()))
    }
}

impl Verifier<IdClaims> {
    /// Accepts ID tokens, which tell a client who signed in.
    #[must_use]
    pub fn id(pool: UserPool, clients: ClientIds) -> Self {
        Self::trusting(pool, clients)
    }
}

impl<C: Claims> Verifier<C> {
    fn trusting(pool: UserPool, clients: ClientIds) -> Self {
        Self::with_settings(Settings {
            pool,
            clients,
            clock: Arc::new(SystemClock),
            leeway: Duration::ZERO,
            scopes: Vec::new(),
            groups: Vec::new(),
            http: None,
            jwks: None,
        })
    }

    /// Requires membership of a pool group as well; without it the answer is 403. Call again to require several.
    #[must_use]
    pub fn with_required_group(self, group: impl Into<String>) -> Self {
        self.rebuild(|settings| settings.groups.push(group.into()))
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.rebuild(|settings| settings.clock = clock)
    }

    /// Accepts `exp` and `nbf` that are off by this much, for clocks that disagree. None is the default, as AWS documents none.
    #[must_use]
    pub fn with_leeway(self, leeway: Duration) -> Self {
        self.rebuild(|settings| settings.leeway = leeway)
    }

    /// Fetches the pool's keys with `http`; see [`JwksCache::with_http`].
    #[must_use]
    pub fn with_http(self, http: reqwest::Client) -> Self {
        self.rebuild(|settings| settings.http = Some(http))
    }

    /// Takes the keys from `jwks`, e.g. one shared with another verifier, or fixed keys. It keeps its own clock and HTTP
    /// client, whatever [`Verifier::with_clock`] and [`Verifier::with_http`] say.
    #[must_use]
    pub fn with_jwks(self, jwks: Arc<JwksCache>) -> Self {
        self.rebuild(|settings| settings.jwks = Some(jwks))
    }

    /// Fetches the pool's keys if they are not there yet: at start-up, or while a person is typing a password.
    ///
    /// # Errors
    /// [`VerifyError::JwksUnavailable`].
    pub async fn preload(&self) -> Result<(), VerifyError> {
        self.jwks().preload().await
    }

    /// The issuers whose keys are not there (or too old to go on with), so that their tokens cannot be judged at once: what a
    /// server says that is asked whether it is ready. Fetches nothing.
    #[must_use]
    pub fn issuers_without_keys(&self) -> Vec<&str> {
        let missing = !self.jwks().is_loaded();
        missing
            .then(|| self.shared.settings.pool.issuer())
            .into_iter()
            .collect()
    }

    /// The claims of `token`, given without `Bearer`, if every check passes.
    ///
    /// Waits for the network only when the pool's keys are not there or the token names a key they do not hold. Must run in
    /// a Tokio runtime.
    ///
    /// # Errors
    /// The first rule the token breaks.
    pub async fn verify(&self, token: &str) -> Result<C, VerifyError> {
        let jws = Jws::parse(token)?;
        let claims = self.read(jws.claims()?)?;
        self.jwks().keys_with(&jws.kid).await?.check(&jws)?;
        self.authorize(&claims)?;
        Ok(claims)
    }

    /// Developer Guide, "Verifying a JSON web token", and RFC 7519 §4.1.
    fn read(&self, claims: Map<String, Value>) -> Result<C, VerifyError> {
        let Settings {
            pool,
            clients,
            clock,
            leeway,
            ..
        } = &self.shared.settings;
        let iss = required(&claims, "iss")?;
        if iss != pool.issuer() {
            return Err(VerifyError::WrongIssuer {
                expected: pool.issuer().to_owned(),
                actual: clip(iss),
            });
        }
        let token_use = required(&claims, "token_use")?;
        if token_use != C::TOKEN_USE {
            return Err(VerifyError::WrongTokenUse {
                expected: C::TOKEN_USE,
                actual: clip(token_use),
            });
        }
        let exp =
            numeric_date(&claims, "exp")?.ok_or(VerifyError::MissingClaim { claim: "exp" })?;
        let nbf = numeric_date(&claims, "nbf")?;
        let claims = C::read(claims, clients)?;
        let (now, leeway) = (unix_seconds(clock.now()), *leeway);
        if now >= exp + leeway.as_secs_f64() {
            return Err(VerifyError::Expired {
                expired_at: whole_seconds(exp),
                now: whole_seconds(now),
                leeway,
            });
        }
        // `iat` is not compared with the clock: RFC 7519 §4.1.6 asks for no such check, and `exp` bounds the token's life.
        match nbf {
            Some(nbf) if now + leeway.as_secs_f64() < nbf => Err(VerifyError::NotYetValid {
                not_before: whole_seconds(nbf),
                now: whole_seconds(now),
                leeway,
            }),
            _ => Ok(claims),
        }
    }

    fn authorize(&self, claims: &C) -> Result<(), VerifyError> {
        let Settings { scopes, groups, .. } = &self.shared.settings;
        if let Some(required) = scopes.iter().find(|scope| !claims.scopes().contains(scope)) {
            return Err(VerifyError::MissingScope {
                required: required.clone(),
                actual: claims.scopes().to_vec(),
            });
        }
        if let Some(required) = groups.iter().find(|group| !claims.groups().contains(group)) {
            return Err(VerifyError::MissingGroup {
                required: required.clone(),
                actual: claims.groups().to_vec(),
            });
        }
        Ok(())
    }

    fn jwks(&self) -> &JwksCache {
        let Settings {
            pool,
            clock,
            http,
            jwks,
            ..
        } = &self.shared.settings;
        self.shared.jwks.get_or_init(|| {
            jwks.clone().unwrap_or_else(|| {
                let cache = JwksCache::new(pool).with_clock(Arc::clone(clock));
                Arc::new(match http {
                    Some(http) => cache.with_http(http.clone()),
                    None => cache,
                })
            })
        })
    }

    fn with_settings(settings: Settings) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                jwks: OnceLock::new(),
            }),
            claims: PhantomData,
        }
    }

    fn rebuild(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        Self::with_settings(settings)
    }
}

impl<C> Clone for Verifier<C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            claims: PhantomData,
        }
    }
}

impl<C: Claims> fmt::Debug for Verifier<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("token_use", &C::TOKEN_USE)
            .field("issuer", &self.shared.settings.pool.issuer())
            .field("clients", &self.shared.settings.clients)
            .finish_non_exhaustive()
    }
}
