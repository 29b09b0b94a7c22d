use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    claims::{AccessClaims, Claims, IdClaims},
    clock::{Clock, SystemClock, unix_seconds},
    deny_list::{DenyList, TokenIds},
    error::{VerifyError, clip},
    jwk::Key,
    jwks::{Begun, JwksCache},
    jws::{Jws, KnownHeaders, MAX_TOKEN_BYTES, Signature},
    payload::{Claim, Payload, whole_seconds},
    pool::{ClientIds, UserPool, UserPools},
    token_cache::TokenCache,
};

/// Checks the tokens of one user pool, or of several. Cheap to clone; clones share the keys.
///
/// The order is: size, form, header, claims, signature, then what only the owner of a valid token is told: scopes, groups,
/// predicates, deny list. What costs next to nothing comes before the signature, so a token that is refused anyway costs
/// neither a signature check nor a download.
pub struct Verifier<C> {
    shared: Arc<Shared<C>>,
}

type Predicate<C> = Arc<dyn Fn(&C) -> bool + Send + Sync>;

struct Settings<C> {
    pools: Vec<UserPool>,
    clients: ClientIds,
    clock: Arc<dyn Clock>,
    leeway: Duration,
    resources: Vec<String>,
    scopes: Vec<String>,
    groups: Vec<String>,
    predicates: Vec<(&'static str, Predicate<C>)>,
    deny_list: Option<Arc<dyn DenyList>>,
    cached_tokens: usize,
    http: Option<reqwest::Client>,
}

impl<C> Clone for Settings<C> {
    fn clone(&self) -> Self {
        Self {
            pools: self.pools.clone(),
            clients: self.clients.clone(),
            clock: Arc::clone(&self.clock),
            leeway: self.leeway,
            resources: self.resources.clone(),
            scopes: self.scopes.clone(),
            groups: self.groups.clone(),
            predicates: self.predicates.clone(),
            deny_list: self.deny_list.clone(),
            cached_tokens: self.cached_tokens,
            http: self.http.clone(),
        }
    }
}

struct Shared<C> {
    settings: Settings<C>,
    /// Each pool's keys, in the pools' order.
    jwks: OnceLock<Box<[Arc<JwksCache>]>>,
    headers: KnownHeaders,
    tokens: Option<TokenCache<C>>,
}

/// A token whose claims are in order, its signature not checked yet.
struct Unsigned<'a, C> {
    jws: Jws<'a>,
    signature: Signature,
    claims: C,
    pool: usize,
}

impl Verifier<AccessClaims> {
    /// Accepts access tokens, which is what an API should be sent.
    #[must_use]
    pub fn access(pools: impl Into<UserPools>, clients: ClientIds) -> Self {
        Self::trusting(pools.into(), clients)
    }

    /// Requires a scope as well; without it the answer is 403. Call again to require several.
    #[must_use]
    pub fn with_required_scope(self, scope: impl Into<String>) -> Self {
        self.rebuild(|settings| settings.scopes.push(scope.into()))
    }

    /// Requires that the token is bound to this resource: that its `aud`, a string or an array, holds it (RFC 8707 §2,
    /// RFC 9068 §4; Developer Guide, "Resource binding"). Call again to accept several, of which one is enough. Without
    /// this, `aud` is not compared: Cognito sets it only when the client asked for a `resource`.
    #[must_use]
    pub fn with_resource(self, resource: impl Into<String>) -> Self {
        self.rebuild(|settings| settings.resources.push(resource.into()))
    }
}

impl Verifier<IdClaims> {
    /// Accepts ID tokens, which tell a client who signed in.
    #[must_use]
    pub fn id(pools: impl Into<UserPools>, clients: ClientIds) -> Self {
        Self::trusting(pools.into(), clients)
    }
}

impl<C: Claims> Verifier<C> {
    fn trusting(pools: UserPools, clients: ClientIds) -> Self {
        Self::with_settings(Settings {
            pools: pools.0,
            clients,
            clock: Arc::new(SystemClock),
            leeway: Duration::ZERO,
            resources: Vec::new(),
            scopes: Vec::new(),
            groups: Vec::new(),
            predicates: Vec::new(),
            deny_list: None,
            cached_tokens: 0,
            http: None,
        })
    }

    /// Requires membership of a pool group as well. Call again to require several.
    #[must_use]
    pub fn with_required_group(self, group: impl Into<String>) -> Self {
        self.rebuild(|settings| settings.groups.push(group.into()))
    }

    /// Requires a condition of your own as well, named for the refusal ([`VerifyError::PredicateFailed`], 401). It is asked
    /// last but for the deny list, about valid tokens only, and each time, so it should be quick. Call again to require
    /// several.
    #[must_use]
    pub fn with_predicate(
        self,
        name: &'static str,
        fulfilled: impl Fn(&C) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.rebuild(|settings| settings.predicates.push((name, Arc::new(fulfilled))))
    }

    /// Refuses valid tokens that `deny_list` names. It is asked last, about every token that passed everything else.
    #[must_use]
    pub fn with_deny_list(self, deny_list: Arc<dyn DenyList>) -> Self {
        self.rebuild(|settings| settings.deny_list = Some(deny_list))
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

    /// Remembers up to `capacity` verified tokens, so that one that comes again costs a look instead of a signature check;
    /// 0, the default, remembers none.
    ///
    /// A remembered token is compared byte for byte, and accepted only while its key is in the pool's current key set, between
    /// `nbf` and `exp`, and as long as scopes, groups, predicates and deny list agree: nothing is accepted that would be
    /// refused without the cache. What it costs: tokens and their claims stay in memory until they are displaced, about
    /// 2.6 KB each, where a dump of the process's memory would show them.
    #[must_use]
    pub fn with_token_cache(self, capacity: usize) -> Self {
        self.rebuild(|settings| settings.cached_tokens = capacity)
    }

    /// Fetches the pools' keys with `http`; see [`JwksCache::with_http`].
    #[must_use]
    pub fn with_http(self, http: reqwest::Client) -> Self {
        self.rebuild(|settings| settings.http = Some(http))
    }

    /// As [`UserPool::with_jwks`], for a verifier of one pool.
    ///
    /// # Panics
    /// When the verifier has not exactly one pool: whose keys would they be?
    #[must_use]
    pub fn with_jwks(self, jwks: Arc<JwksCache>) -> Self {
        self.rebuild(|settings| match settings.pools.as_mut_slice() {
            [pool] => pool.jwks = Some(jwks),
            pools => panic!(
                "with_jwks on a verifier of {} pools: use UserPool::with_jwks",
                pools.len()
            ),
        })
    }

    /// Fetches the keys of every pool that are not there yet: at start-up, or while a person is typing a password.
    ///
    /// # Errors
    /// [`VerifyError::JwksUnavailable`], of the first pool whose keys did not come.
    pub async fn preload(&self) -> Result<(), VerifyError> {
        for jwks in self.jwks() {
            jwks.begin_preload();
        }
        for jwks in self.jwks() {
            jwks.preload().await?;
        }
        Ok(())
    }

    /// The issuers whose keys are not there (or too old to go on with), so that their tokens cannot be judged at once: what a
    /// server says that is asked whether it is ready. Fetches nothing.
    #[must_use]
    pub fn issuers_without_keys(&self) -> Vec<&str> {
        let pools = self.shared.settings.pools.iter().zip(self.jwks());
        let missing = pools.filter(|(_, jwks)| !jwks.is_loaded());
        missing.map(|(pool, _)| pool.issuer()).collect()
    }

    /// The claims of `token`, given without `Bearer`, if every check passes.
    ///
    /// Waits for the network only when the pool's keys are not there or the token names a key they do not hold. Must run in
    /// a Tokio runtime.
    ///
    /// # Errors
    /// The first rule the token breaks.
    pub async fn verify(&self, token: &str) -> Result<C, VerifyError> {
        match self.verify_at_once(token) {
            Ok(verdict) => verdict,
            Err(begun) => self.verify_after_download(token, begun).await,
        }
    }

    /// The verdict, unless it takes a download of keys, which is started; for [`Verifier::verify_after_download`] then.
    pub(crate) fn verify_at_once(
        &self,
        token: &str,
    ) -> Result<Result<C, VerifyError>, Option<Begun>> {
        if let Some(claims) = self.remembered(token) {
            return Ok(self.still_good(claims));
        }
        let unsigned = match self.parse(token) {
            Ok(unsigned) => unsigned,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut begun = None;
        match self.jwks()[unsigned.pool].key_at_once(unsigned.jws.kid(), &mut begun) {
            Ok(key) => Ok(key.and_then(|key| self.finish(token, unsigned, key))),
            Err(_) => Err(begun),
        }
    }

    pub(crate) async fn verify_after_download(
        &self,
        token: &str,
        begun: Option<Begun>,
    ) -> Result<C, VerifyError> {
        let unsigned = self.parse(token)?;
        let jwks = &self.jwks()[unsigned.pool];
        let key = jwks.key(unsigned.jws.kid(), begun).await?;
        self.finish(token, unsigned, key)
    }

    /// As [`Verifier::verify`], without ever waiting: for code that is not asynchronous.
    ///
    /// In a Tokio runtime, keys that are missing or old are fetched in the background, so that a later call finds them;
    /// outside of one, call [`Verifier::preload`] now and then.
    ///
    /// # Errors
    /// The first rule the token breaks; [`VerifyError::JwksUnavailable`] when the keys are not there, or when they do not
    /// hold the token's and have not been asked for it yet.
    pub fn verify_now(&self, token: &str) -> Result<C, VerifyError> {
        if let Some(claims) = self.remembered(token) {
            return self.still_good(claims);
        }
        let unsigned = self.parse(token)?;
        let key = self.jwks()[unsigned.pool].key_now(unsigned.jws.kid())?;
        self.finish(token, unsigned, key)
    }

    fn remembered(&self, token: &str) -> Option<C> {
        let tokens = self.shared.tokens.as_ref()?;
        let current = |pool: usize, key: &Arc<Key>| self.jwks()[pool].holds(key);
        // Nothing larger was ever remembered: it need not even be hashed.
        let small = token.len() <= MAX_TOKEN_BYTES;
        small.then(|| tokens.find(token, current)).flatten()
    }

    /// What can change while a token is remembered.
    fn still_good(&self, claims: C) -> Result<C, VerifyError> {
        self.check_time(claims.payload())?;
        self.authorize(&claims)?;
        Ok(claims)
    }

    /// Everything that does not need the key.
    fn parse<'a>(&'a self, token: &'a str) -> Result<Unsigned<'a, C>, VerifyError> {
        let jws = Jws::parse(token, &self.shared.headers)?;
        let payload = Payload::parse(jws.payload()?)?;
        let pool = self.check_claims(&payload)?;
        Ok(Unsigned {
            signature: jws.signature()?,
            jws,
            claims: C::new(Arc::new(payload)),
            pool,
        })
    }

    /// Developer Guide, "Verifying a JSON web token", and RFC 7519 §4.1. Says which pool the token is from.
    fn check_claims(&self, payload: &Payload) -> Result<usize, VerifyError> {
        let Settings {
            pools,
            clients,
            resources,
            ..
        } = &self.shared.settings;
        let iss = payload.required_text(Claim::Iss)?;
        let Some(pool) = pools.iter().position(|pool| pool.issuer() == iss) else {
            let expected: Vec<_> = pools.iter().map(UserPool::issuer).collect();
            return Err(VerifyError::WrongIssuer {
                expected: expected.join(" or "),
                actual: clip(iss),
            });
        };
        let token_use = payload.required_text(Claim::TokenUse)?;
        if token_use != C::TOKEN_USE {
            return Err(VerifyError::WrongTokenUse {
                expected: C::TOKEN_USE,
                actual: clip(token_use),
            });
        }
        C::check_client(payload, pools[pool].clients.iter().chain([clients]))?;
        C::check_types(payload)?;
        self.check_time(payload)?;
        if !resources.is_empty() {
            let mut aud = payload.audience()?.peekable();
            if aud.peek().is_none() {
                return Err(VerifyError::MissingClaim { claim: "aud" });
            }
            if !aud
                .clone()
                .any(|one| resources.iter().any(|known| known == one))
            {
                return Err(VerifyError::WrongResource {
                    expected: resources.join(" "),
                    actual: clip(&aud.collect::<Vec<_>>().join(" ")),
                });
            }
        }
        Ok(pool)
    }

    fn check_time(&self, payload: &Payload) -> Result<(), VerifyError> {
        let Settings { clock, leeway, .. } = &self.shared.settings;
        let (now, leeway) = (unix_seconds(clock.now()), *leeway);
        let exp = payload
            .date(Claim::Exp)?
            .ok_or(VerifyError::MissingClaim { claim: "exp" })?;
        let nbf = payload.date(Claim::Nbf)?;
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
            _ => Ok(()),
        }
    }

    fn finish(
        &self,
        token: &str,
        unsigned: Unsigned<'_, C>,
        key: Arc<Key>,
    ) -> Result<C, VerifyError> {
        let Unsigned {
            jws,
            signature,
            claims,
            pool,
        } = unsigned;
        key.check(&jws, &signature)?;
        self.shared.headers.remember(&jws);
        if let Some(tokens) = &self.shared.tokens {
            tokens.remember(token, claims.clone(), pool, key);
        }
        self.authorize(&claims)?;
        Ok(claims)
    }

    fn authorize(&self, claims: &C) -> Result<(), VerifyError> {
        let Settings {
            scopes,
            groups,
            predicates,
            deny_list,
            ..
        } = &self.shared.settings;
        let payload = claims.payload();
        if let Some(required) = scopes.iter().find(|scope| !payload.has_scope(scope)) {
            return Err(VerifyError::MissingScope {
                required: required.clone(),
                actual: payload.scopes().map(clip).collect(),
            });
        }
        let groups_held = || payload.known_texts(Claim::Groups);
        if let Some(required) = groups
            .iter()
            .find(|group| !groups_held().any(|held| held == *group))
        {
            return Err(VerifyError::MissingGroup {
                required: required.clone(),
                actual: groups_held().map(clip).collect(),
            });
        }
        if let Some((predicate, _)) = predicates.iter().find(|(_, fulfilled)| !fulfilled(claims)) {
            return Err(VerifyError::PredicateFailed { predicate });
        }
        if let Some(deny_list) = deny_list
            && deny_list.denies(&TokenIds {
                iss: payload.known_text(Claim::Iss).unwrap_or_default(),
                sub: payload.known_text(Claim::Sub).unwrap_or_default(),
                jti: payload.known_text(Claim::Jti),
                origin_jti: payload.known_text(Claim::OriginJti),
                iat: payload.known_seconds(Claim::Iat),
            })
        {
            return Err(VerifyError::Revoked);
        }
        Ok(())
    }

    fn jwks(&self) -> &[Arc<JwksCache>] {
        let Settings {
            pools, clock, http, ..
        } = &self.shared.settings;
        self.shared.jwks.get_or_init(|| {
            let own = |pool: &UserPool| {
                let cache = JwksCache::new(pool).with_clock(Arc::clone(clock));
                Arc::new(match http {
                    Some(http) => cache.with_http(http.clone()),
                    None => cache,
                })
            };
            let keys = |pool: &UserPool| pool.jwks.clone().unwrap_or_else(|| own(pool));
            pools.iter().map(keys).collect()
        })
    }

    fn with_settings(settings: Settings<C>) -> Self {
        let tokens = settings.cached_tokens;
        Self {
            shared: Arc::new(Shared {
                settings,
                jwks: OnceLock::new(),
                headers: KnownHeaders::default(),
                tokens: (tokens > 0).then(|| TokenCache::new(tokens)),
            }),
        }
    }

    fn rebuild(self, change: impl FnOnce(&mut Settings<C>)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        Self::with_settings(settings)
    }
}

impl<C> Clone for Verifier<C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<C: Claims> fmt::Debug for Verifier<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { pools, clients, .. } = &self.shared.settings;
        let issuers: Vec<_> = pools.iter().map(UserPool::issuer).collect();
        f.debug_struct("Verifier")
            .field("token_use", &C::TOKEN_USE)
            .field("issuers", &issuers)
            .field("clients", clients)
            .finish_non_exhaustive()
    }
}
