use std::{collections::HashMap, fmt, sync::Arc};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents},
};
use serde_json::{Map, Value};

use crate::{
    error::{JwksProblem, KeyProblem, Segment, VerifyError, clip},
    json::parse_object,
    jws::{Jws, KnownHeaders, Signature, decode},
};

/// A pool's public keys by `kid` (RFC 7517 §5), each parsed once.
///
/// Keys that must not check RS256 signatures are kept with the reason, so that a token naming one is told why.
pub struct Jwks {
    keys: HashMap<String, Result<Arc<Key>, KeyProblem>>,
}

/// An RSA key that may check RS256 signatures.
pub(crate) struct Key {
    n: Vec<u8>,
    e: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl Key {
    pub(crate) fn check(&self, jws: &Jws<'_>, signature: &Signature) -> Result<(), VerifyError> {
        // A little quicker than to have it hashed on the way.
        self.parsed
            .verify_digest_sig(&digest(&SHA256, jws.signing_input), signature.as_ref())
            .map_err(|_| VerifyError::BadSignature)
    }
}

impl Jwks {
    /// Reads a JWK Set. Keys without a `kid` are passed over: nothing can name them. Unknown members are ignored, as
    /// RFC 7517 §4 and §5 require.
    ///
    /// # Errors
    /// [`JwksProblem::NotAJwkSet`], or [`JwksProblem::NoUsableKey`] when no key is an RSA key of 2048 to 4096 bits that
    /// may check RS256 signatures.
    pub fn from_json(json: &[u8]) -> Result<Self, JwksProblem> {
        Self::replacing(json, None)
    }

    /// As [`Jwks::from_json`]; a key that `old` holds unchanged stays the same one.
    pub(crate) fn replacing(json: &[u8], old: Option<&Self>) -> Result<Self, JwksProblem> {
        let set = parse_object(json).map_err(|_| JwksProblem::NotAJwkSet)?;
        let entries = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(JwksProblem::NotAJwkSet)?;
        let mut keys = HashMap::new();
        for entry in entries.iter().filter_map(Value::as_object) {
            let Some(kid) = entry.get("kid").and_then(Value::as_str) else {
                continue;
            };
            let key = verifying_key(entry, old.and_then(|old| old.key(kid).ok()));
            match keys.get_mut(kid) {
                None => drop(keys.insert(kid.to_owned(), key)),
                // RFC 7517 §4.5: keys of different types may share a kid; the RSA key is the one meant here.
                Some(known) => match (&*known, &key) {
                    (Err(KeyProblem::NotRsa), _) => *known = key,
                    (_, Err(KeyProblem::NotRsa)) => {}
                    _ => *known = Err(KeyProblem::SharedKeyId),
                },
            }
        }
        if keys.values().any(Result::is_ok) {
            Ok(Self { keys })
        } else {
            Err(JwksProblem::NoUsableKey)
        }
    }

    /// Checks the signature of a JWS in compact serialization and nothing else: the payload may be anything, the claims
    /// of a token included that has expired or was meant for someone else. To accept a token use [`crate::Verifier`].
    ///
    /// # Errors
    /// Every [`VerifyError`] about form, header, key and signature.
    pub fn verify_signature(&self, compact: &str) -> Result<Vec<u8>, VerifyError> {
        let known = KnownHeaders::default();
        let jws = Jws::parse(compact, &known)?;
        let (payload, signature) = (jws.payload()?, jws.signature()?);
        self.key(jws.kid())?.check(&jws, &signature)?;
        Ok(payload)
    }

    /// The key a token names.
    pub(crate) fn key(&self, kid: &str) -> Result<&Arc<Key>, VerifyError> {
        let unknown = || Err(VerifyError::UnknownKey { kid: clip(kid) });
        self.find(kid).unwrap_or_else(unknown)
    }

    /// As [`Jwks::key`]; `None` for a key that is not there.
    pub(crate) fn find(&self, kid: &str) -> Option<Result<&Arc<Key>, VerifyError>> {
        let key = self.keys.get(kid)?.as_ref();
        Some(key.map_err(|problem| VerifyError::UnusableKey {
            kid: clip(kid),
            problem: *problem,
        }))
    }

    pub(crate) fn holds(&self, key: &Arc<Key>) -> bool {
        let mut keys = self.keys.values().flatten();
        keys.any(|known| Arc::ptr_eq(known, key))
    }

    pub(crate) fn contains(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    /// Whether every `kid` of this set is one of `other`'s too.
    pub(crate) fn adds_nothing_to(&self, other: &Self) -> bool {
        self.keys.keys().all(|kid| other.contains(kid))
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

fn verifying_key(jwk: &Map<String, Value>, old: Option<&Arc<Key>>) -> Result<Arc<Key>, KeyProblem> {
    if jwk.get("kty").and_then(Value::as_str) != Some("RSA") {
        return Err(KeyProblem::NotRsa);
    }
    if jwk.get("alg").is_some_and(|alg| alg != "RS256") {
        return Err(KeyProblem::OtherAlgorithm);
    }
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return Err(KeyProblem::OtherUse);
    }
    let lists_verify = |ops: &Value| {
        ops.as_array()
            .is_some_and(|ops| ops.iter().any(|op| op == "verify"))
    };
    if jwk.get("key_ops").is_some_and(|ops| !lists_verify(ops)) {
        return Err(KeyProblem::OtherOperations);
    }
    let n = number(jwk, "n")?;
    let e = number(jwk, "e")?;
    let bits = n.len() * 8 - n[0].leading_zeros() as usize;
    if !(2048..=4096).contains(&bits) {
        return Err(KeyProblem::Size { bits });
    }
    if let Some(old) = old
        && (&old.n, &old.e) == (&n, &e)
    {
        return Ok(Arc::clone(old));
    }
    let parsed = RsaPublicKeyComponents { n: &n, e: &e }
        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .map_err(|_| KeyProblem::InvalidNumbers)?;
    Ok(Arc::new(Key { n, e, parsed }))
}

/// A Base64urlUInt: big-endian in as few octets as possible (RFC 7518 §2). Never empty.
fn number(jwk: &Map<String, Value>, member: &str) -> Result<Vec<u8>, KeyProblem> {
    jwk.get(member)
        .and_then(Value::as_str)
        .and_then(|text| decode(text, Segment::Signature).ok())
        .filter(|octets| octets.first().is_some_and(|first| *first != 0))
        .ok_or(KeyProblem::InvalidNumbers)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{self, Write},
        path::Path,
    };

    use serde_json::json;

    use super::*;

    fn octets(hex: &Value) -> Vec<u8> {
        let hex = hex.as_str().unwrap().as_bytes();
        hex.chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// Project Wycheproof's RSA-2048/SHA-256 signatures: padding, lengths and arithmetic.
    #[test]
    fn wycheproof_signatures() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/testdata/wycheproof/rsa_signature_2048_sha256_test.json");
        let Ok(text) = fs::read_to_string(&path) else {
            // Past the test harness, which keeps what a passing test prints: an absent file must not look like a pass.
            let absent = format!(
                "NOT RUN: {} is absent; it is Wycheproof's file of that name\n",
                path.display()
            );
            return io::stderr().write_all(absent.as_bytes()).unwrap();
        };
        let vectors: Value = serde_json::from_str(&text).unwrap();
        let (mut tried, mut accepted) = (0, 0);
        for group in vectors["testGroups"].as_array().unwrap() {
            let set = json!({ "keys": [group["keyJwk"]] }).to_string();
            let jwks = Jwks::from_json(set.as_bytes()).unwrap();
            let key = jwks.key("none").unwrap();
            for test in group["tests"].as_array().unwrap() {
                let (message, signature) = (octets(&test["msg"]), octets(&test["sig"]));
                // "acceptable" is a DigestInfo without NULL, which RFC 8017 §9.2 does not produce.
                let expected = test["result"] == "valid";
                assert_eq!(
                    key.parsed
                        .verify_digest_sig(&digest(&SHA256, &message), &signature)
                        .is_ok(),
                    expected,
                    "{} {}",
                    test["tcId"],
                    test["comment"]
                );
                tried += 1;
                accepted += usize::from(expected);
            }
        }
        assert_eq!((tried, accepted), (259, 9));
    }
}
