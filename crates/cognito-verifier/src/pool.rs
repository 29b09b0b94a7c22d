use std::{fmt, sync::Arc};

use reqwest::Url;

use crate::jwks::JwksCache;

/// The user pool whose tokens are trusted, named by its issuer.
///
/// The issuer comes from configuration and is compared with a token's `iss` byte for byte. It is never built from a pool
/// id: besides `https://cognito-idp.REGION.amazonaws.com/POOL` there is the newer
/// `https://issuer-cognito-idp.REGION.amazonaws.com/POOL`, and other partitions have other suffixes
/// (Cognito Developer Guide, "Federation endpoints").
#[derive(Clone, Debug)]
pub struct UserPool {
    issuer: Arc<str>,
    jwks_uri: Url,
    pub(crate) jwks: Option<Arc<JwksCache>>,
    pub(crate) clients: Option<ClientIds>,
}

impl UserPool {
    /// A pool by its issuer, e.g. `https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI`.
    ///
    /// # Errors
    /// When the issuer is not an `https` URL, or has a user name, query, fragment or trailing slash (OIDC Discovery 1.0 §4.3
    /// compares issuers exactly). `http` is accepted only for this machine (`127.0.0.0/8`, `[::1]`, `localhost`), where an
    /// emulator runs.
    pub fn new(issuer: impl Into<String>) -> Result<Self, InvalidIssuer> {
        let issuer = issuer.into();
        match jwks_uri(&issuer) {
            Ok(jwks_uri) => Ok(Self {
                issuer: issuer.into(),
                jwks_uri,
                jwks: None,
                clients: None,
            }),
            Err(problem) => Err(InvalidIssuer { problem }),
        }
    }

    /// Fetches the keys from `jwks_uri` and not from below the issuer: through a private endpoint, or of an emulator that
    /// signs as a pool of AWS. Whoever answers there decides whose tokens are good.
    ///
    /// # Errors
    /// When it is not an `https` URL without user name and fragment; `http` is accepted only for this machine.
    pub fn with_keys_at(mut self, jwks_uri: &str) -> Result<Self, InvalidKeysUrl> {
        let url = Url::parse(jwks_uri).map_err(|_| "is not a URL");
        match url.and_then(|url| fetchable(&url).map(|()| url)) {
            Ok(url) if url.fragment().is_none() => {
                self.jwks_uri = url;
                Ok(self)
            }
            Ok(_) => Err(InvalidKeysUrl {
                problem: "must not contain a fragment",
            }),
            Err(problem) => Err(InvalidKeysUrl { problem }),
        }
    }

    /// Takes the keys from `jwks`: one shared with another verifier, or fixed keys. It keeps its own clock and HTTP client,
    /// whatever the verifier's are.
    #[must_use]
    pub fn with_jwks(mut self, jwks: Arc<JwksCache>) -> Self {
        self.jwks = Some(jwks);
        self
    }

    /// Accepts, of this pool's clients, only these, and of these only those that the verifier accepts as well. For a
    /// verifier of several pools, in which a client's id says nothing about the pool.
    #[must_use]
    pub fn with_clients(mut self, clients: ClientIds) -> Self {
        self.clients = Some(clients);
        self
    }

    /// The issuer as it was given.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the pool publishes its public keys: the issuer followed by `/.well-known/jwks.json`, unless
    /// [`UserPool::with_keys_at`] said otherwise.
    #[must_use]
    pub fn jwks_uri(&self) -> &str {
        self.jwks_uri.as_str()
    }

    pub(crate) fn jwks_url(&self) -> &Url {
        &self.jwks_uri
    }
}

fn jwks_uri(issuer: &str) -> Result<Url, &'static str> {
    let url = Url::parse(issuer).map_err(|_| "is not a URL")?;
    fetchable(&url)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not contain a query or fragment");
    }
    if issuer.ends_with('/') {
        return Err("must not end with a slash");
    }
    // What the URL parser would silently repair (capitals, spaces, `\`, `..`) would never equal an `iss` claim.
    if url.as_str().trim_end_matches('/') != issuer {
        return Err(
            "is not written in its normal form (lower-case host, no default port, no spaces)",
        );
    }
    Url::parse(&format!("{issuer}/.well-known/jwks.json")).map_err(|_| "is not a URL")
}

fn fetchable(url: &Url) -> Result<(), &'static str> {
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => return Err("must use https (http is only for an emulator on this machine)"),
        _ => return Err("must be an https URL"),
    }
    if url.username().is_empty() && url.password().is_none() {
        Ok(())
    } else {
        Err("must not contain a user name or password")
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// An issuer that cannot be trusted or can never match. The value itself is left out: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the issuer {problem}; copy it from the user pool's overview page, e.g. https://cognito-idp.REGION.amazonaws.com/POOL_ID"
)]
pub struct InvalidIssuer {
    problem: &'static str,
}

/// An address keys cannot be fetched from. The value itself is left out: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of the keys {problem}; e.g. https://cognito.example.com/POOL_ID/.well-known/jwks.json"
)]
pub struct InvalidKeysUrl {
    problem: &'static str,
}

/// The user pools whose tokens are trusted: one or several. A token is checked by the keys of the pool that its `iss`
/// names, and by no other's. Of pools with the same issuer the first counts.
#[derive(Clone, Debug)]
pub struct UserPools(pub(crate) Vec<UserPool>);

impl From<UserPool> for UserPools {
    fn from(pool: UserPool) -> Self {
        Self(vec![pool])
    }
}

impl From<Vec<UserPool>> for UserPools {
    fn from(pools: Vec<UserPool>) -> Self {
        Self(pools)
    }
}

impl<const N: usize> From<[UserPool; N]> for UserPools {
    fn from(pools: [UserPool; N]) -> Self {
        Self(pools.into())
    }
}

impl FromIterator<UserPool> for UserPools {
    fn from_iter<I: IntoIterator<Item = UserPool>>(pools: I) -> Self {
        Self(pools.into_iter().collect())
    }
}

/// Which app clients' tokens are accepted: the `client_id` of an access token, the `aud` of an ID token.
///
/// There is no default. Skipping the check is a choice that has to be written down as [`ClientIds::any`], because any
/// app client of a pool, its test clients included, can get tokens that are valid in every other way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIds(Option<Vec<String>>);

impl ClientIds {
    /// Exactly these clients. An empty list accepts nobody.
    pub fn only<I>(ids: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self(Some(ids.into_iter().map(Into::into).collect()))
    }

    /// Every client of the pool, those that do not exist yet included.
    #[must_use]
    pub fn any() -> Self {
        Self(None)
    }

    pub(crate) fn accept(&self, id: &str) -> bool {
        self.0
            .as_ref()
            .is_none_or(|ids| ids.iter().any(|known| known == id))
    }
}

impl fmt::Display for ClientIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("any client"),
            Some(ids) if ids.is_empty() => f.write_str("no client"),
            Some(ids) => f.write_str(&ids.join(" or ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_of_every_kind_are_accepted() {
        for issuer in [
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
            "https://issuer-cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfGhI",
            "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_AbCdEfGhI",
            "http://127.0.0.1:9229/us-east-1_KeyfobDemo",
            "http://[::1]:9229/us-east-1_KeyfobDemo",
            "http://localhost:9229/us-east-1_KeyfobDemo",
            "https://login.example.com",
        ] {
            let pool = UserPool::new(issuer).unwrap();
            assert_eq!(pool.issuer(), issuer);
            assert_eq!(pool.jwks_uri(), format!("{issuer}/.well-known/jwks.json"));
        }
    }

    #[test]
    fn keys_may_be_elsewhere_but_not_just_anywhere() {
        let pool = || UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/p").unwrap();
        let elsewhere = "http://127.0.0.1:9229/p/.well-known/jwks.json?v=1";
        let moved = pool().with_keys_at(elsewhere).unwrap();
        assert_eq!(moved.jwks_uri(), elsewhere);
        assert_eq!(moved.issuer(), pool().issuer());
        for (url, problem) in [
            ("jwks.json", "is not a URL"),
            ("http://example.com/jwks.json", "must use https"),
            ("file:///etc/jwks.json", "must be an https URL"),
            ("https://user:pw@example.com/jwks.json", "user name"),
            ("https://example.com/jwks.json#x", "fragment"),
        ] {
            let refusal = pool().with_keys_at(url).unwrap_err().to_string();
            assert!(refusal.contains(problem), "{url}: {refusal}");
            assert!(!refusal.contains("pw@"), "{refusal}");
        }
    }

    #[test]
    fn issuers_that_cannot_be_trusted_or_never_match_are_refused() {
        for (issuer, problem) in [
            ("", "is not a URL"),
            ("eu-west-1_AbCdEfGhI", "is not a URL"),
            (
                "http://cognito-idp.eu-west-1.amazonaws.com/p",
                "must use https",
            ),
            ("http://127.0.0.1.example.com/p", "must use https"),
            ("http://localhost.example.com/p", "must use https"),
            ("http://0.0.0.0/p", "must use https"),
            ("ftp://example.com/p", "must be an https URL"),
            ("https://user:pw@example.com/p", "user name or password"),
            ("https://example.com/p?x=1", "query or fragment"),
            ("https://example.com/p#x", "query or fragment"),
            ("https://example.com/p/", "slash"),
            ("https://example.com/", "slash"),
            ("https://EXAMPLE.com/p", "normal form"),
            ("https://example.com:443/p", "normal form"),
            (" https://example.com/p", "normal form"),
            ("https://example.com/a/../p", "normal form"),
        ] {
            let refusal = UserPool::new(issuer).unwrap_err().to_string();
            assert!(refusal.contains(problem), "{issuer}: {refusal}");
            assert!(!refusal.contains("pw@"), "{refusal}");
        }
    }
}
