use std::fmt;

use reqwest::Url;

/// The user pool whose tokens are trusted, named by its issuer.
///
/// The issuer comes from configuration and is compared with a token's `iss` byte for byte. It is never built from a pool
/// id: besides `https://cognito-idp.REGION.amazonaws.com/POOL` there is the newer
/// `https://issuer-cognito-idp.REGION.amazonaws.com/POOL`, and other partitions have other suffixes
/// (Cognito Developer Guide, "Federation endpoints").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPool {
    issuer: String,
    jwks_uri: Url,
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
            Ok(jwks_uri) => Ok(Self { issuer, jwks_uri }),
            Err(problem) => Err(InvalidIssuer { problem }),
        }
    }

    /// The issuer as it was given.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the pool publishes its public keys: the issuer followed by `/.well-known/jwks.json`.
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
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("must use https (http is only for an emulator on this machine)"),
        _ => return Err("must be an https URL"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password");
    }
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
