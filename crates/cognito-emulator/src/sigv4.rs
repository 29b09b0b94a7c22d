//! AWS Signature Version 4, the verifying side.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use aws_lc_rs::{digest, hmac};
use axum::http::{HeaderMap, Method, Uri, header};

use crate::{identity::Credentials, params::percent_decode, state::Shared};

/// Requests must be signed within 15 minutes of the service's clock.
const SKEW_SECONDS: u64 = 15 * 60;

/// Why a signature is not accepted. Each service has its own names for these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// No `Authorization` header.
    Missing,
    /// An `Authorization` header that lacks something.
    Incomplete(String),
    /// An access key nobody has, or one with another session token.
    UnknownKey,
    /// Credentials past their hour.
    Expired,
    /// The message says which part does not match.
    Mismatch(String),
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

pub(crate) struct SignedRequest<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// The fields of `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=.., Signature=..`.
struct Authorization<'a> {
    access_key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    scope: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl SignedRequest<'_> {
    /// Whose request it is, when the signature is theirs.
    pub(crate) fn verify(&self, shared: &Shared, service: &str) -> Result<Credentials, Unsigned> {
        let authorization = self.authorization()?;
        let timestamp = self.header("x-amz-date").ok_or_else(|| {
            Unsigned::Incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".into())
        })?;
        let signed_at = unix_of(timestamp).ok_or_else(|| {
            Unsigned::Incomplete("Date must be in ISO-8601 'basic format'.".into())
        })?;
        let credentials = shared
            .state()
            .identities
            .credentials
            .get(authorization.access_key)
            .cloned()
            .ok_or(Unsigned::UnknownKey)?;
        if self.header("x-amz-security-token") != Some(&credentials.session_token) {
            return Err(Unsigned::UnknownKey);
        }
        let mismatch = |message: String| Err(Unsigned::Mismatch(message));
        if authorization.service != service {
            return mismatch(format!(
                "Credential should be scoped to correct service: '{service}'."
            ));
        }
        if authorization.region != shared.config.region {
            return mismatch(format!(
                "Credential should be scoped to a valid region, not '{}'.",
                authorization.region
            ));
        }
        if !timestamp.starts_with(authorization.date) {
            return mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP".into());
        }
        for name in ["host", "x-amz-date", "x-amz-security-token"] {
            if !authorization.signed_headers.contains(&name) {
                return mismatch(format!("'{name}' must be a signed header."));
            }
        }
        let body_hash = hex(digest::digest(&digest::SHA256, self.body).as_ref());
        let declared = self.header("x-amz-content-sha256").unwrap_or(&body_hash);
        if declared != body_hash {
            return mismatch(
                "The provided 'x-amz-content-sha256' header does not match what was computed."
                    .into(),
            );
        }
        let canonical = self.canonical(&authorization.signed_headers, &body_hash);
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{timestamp}\n{}\n{}",
            authorization.scope,
            hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
        );
        let mut key = format!("AWS4{}", credentials.secret_key).into_bytes();
        for part in [
            authorization.date,
            authorization.region,
            service,
            "aws4_request",
        ] {
            key = hmac_sha256(&key, part.as_bytes());
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let genuine = unhex(authorization.signature)
            .is_some_and(|tag| hmac::verify(&key, to_sign.as_bytes(), &tag).is_ok());
        if !genuine {
            return mismatch(MISMATCH.into());
        }
        // Only whoever holds the key is told about clocks and lifetimes.
        let now = shared.clock.unix();
        if signed_at + SKEW_SECONDS < now {
            return mismatch(format!(
                "Signature expired: {timestamp} is now earlier than {} ({} - 15 min.)",
                basic(now - SKEW_SECONDS),
                basic(now)
            ));
        }
        if signed_at > now + SKEW_SECONDS {
            return mismatch(format!(
                "Signature not yet current: {timestamp} is still later than {} ({} + 15 min.)",
                basic(now + SKEW_SECONDS),
                basic(now)
            ));
        }
        if now >= credentials.expires {
            return Err(Unsigned::Expired);
        }
        Ok(credentials)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn authorization(&self) -> Result<Authorization<'_>, Unsigned> {
        let value = self
            .header(header::AUTHORIZATION.as_str())
            .ok_or(Unsigned::Missing)?;
        let fields = value.strip_prefix("AWS4-HMAC-SHA256").ok_or_else(|| {
            Unsigned::Incomplete("Unsupported AWS 'algorithm'; expected AWS4-HMAC-SHA256.".into())
        })?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| {
                    Unsigned::Incomplete(format!(
                        "Authorization header requires '{name}' parameter."
                    ))
                })
        };
        let (credential, signed_headers, signature) = (
            field("Credential")?,
            field("SignedHeaders")?,
            field("Signature")?,
        );
        let malformed = || {
            Unsigned::Incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.".into())
        };
        let (access_key, scope) = credential.split_once('/').ok_or_else(malformed)?;
        let [date, region, service, "aws4_request"] = scope.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(malformed());
        };
        Ok(Authorization {
            access_key,
            date,
            region,
            service,
            scope,
            signed_headers: signed_headers.split(';').collect(),
            signature,
        })
    }

    fn canonical(&self, signed_headers: &[&str], body_hash: &str) -> String {
        let headers: String = signed_headers
            .iter()
            .map(|name| {
                let values: Vec<_> = self
                    .headers
                    .get_all(*name)
                    .iter()
                    .map(|value| {
                        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                        text.split_whitespace().collect::<Vec<_>>().join(" ")
                    })
                    .collect();
                format!("{name}:{}\n", values.join(","))
            })
            .collect();
        let mut query: Vec<_> = self
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let encode = |text: &str| uri_encode(&percent_decode(text), false);
                (encode(name), encode(value))
            })
            .collect();
        query.sort();
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!(
            "{}\n{}\n{}\n{headers}\n{}\n{body_hash}",
            self.method,
            // Every service but S3 encodes the path as sent once more.
            uri_encode(self.uri.path().as_bytes(), true),
            query.join("&"),
            signed_headers.join(";"),
        )
    }
}

/// RFC 3986 unreserved characters stay; in a path, so does the slash.
fn uri_encode(bytes: &[u8], path: bool) -> String {
    let mut encoded = String::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(*byte));
            }
            b'/' if path => encoded.push('/'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
        .as_ref()
        .to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| {
        text.as_bytes()
            .chunks(2)
            .filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
            .collect()
    })
}

/// `20150830T123600Z` in Unix seconds. The calendar is httpdate's.
pub(crate) fn unix_of(basic: &str) -> Option<u64> {
    let digits = |range: std::ops::Range<usize>| {
        let part = basic.get(range)?;
        part.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(part)
    };
    if basic.len() != 16 || &basic[8..9] != "T" || !basic.ends_with('Z') {
        return None;
    }
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS.get(digits(4..6)?.parse::<usize>().ok()?.checked_sub(1)?)?;
    let rest = format!(
        "{month} {} {}:{}:{} {}",
        digits(6..8)?,
        digits(9..11)?,
        digits(11..13)?,
        digits(13..15)?,
        digits(0..4)?
    );
    // The asctime form wants the right day of the week, which is one of seven.
    let time = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        .iter()
        .find_map(|day| httpdate::parse_http_date(&format!("{day} {rest}")).ok())?;
    Some(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs())
}

/// Unix seconds as `20150830T123600Z`.
fn basic(unix: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(unix);
    let text = httpdate::fmt_http_date(time);
    // "Sun, 06 Nov 1994 08:49:37 GMT"
    let month = "JanFebMarAprMayJunJulAugSepOctNovDec"
        .find(&text[8..11])
        .map_or(0, |at| at / 3 + 1);
    format!(
        "{}{month:02}{}T{}{}{}Z",
        &text[12..16],
        &text[5..7],
        &text[17..19],
        &text[20..22],
        &text[23..25]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_dates_go_both_ways() {
        assert_eq!(unix_of("20150830T123600Z"), Some(1_440_938_160));
        assert_eq!(basic(1_440_938_160), "20150830T123600Z");
        for wrong in [
            "",
            "20150830T123600",
            "20151330T123600Z",
            "2015-08-30T12:36Z",
            "20150830X123600Z",
            "ééééééééT",
        ] {
            assert_eq!(unix_of(wrong), None, "{wrong}");
        }
    }
}
