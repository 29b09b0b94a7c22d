//! Whose word is taken for whether a token is valid: the verifier's, set up as the person asked.

use std::{fs::File, io::Read, path::Path, sync::Arc, time::Duration};

use cognito_verifier::{
    AccessClaims, ClientIds, IdClaims, JwksCache, JwksProblem, UserPool, Verifier, VerifyError,
};
use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};

use crate::{
    Failure,
    arguments::{Time, TokenUse, Trust},
};

/// Cognito's key sets have 1 KB.
const MAX_JWKS_BYTES: u64 = 256 * 1024;

/// Verifies tokens.
pub(crate) struct Judge {
    verifier: Kind,
    /// What fetches keys; absent where they came from a file.
    network: Option<Runtime>,
}

enum Kind {
    Access(Verifier<AccessClaims>),
    Id(Verifier<IdClaims>),
}

impl Judge {
    pub(crate) fn new(trust: &Trust, time: Time) -> Result<Self, Failure> {
        let pool = UserPool::new(trust.issuer.as_str())
            .map_err(|problem| Failure::Usage(format!("--issuer: {problem}")))?;
        let clients = if trust.any_client {
            ClientIds::any()
        } else {
            ClientIds::only(&trust.client_ids)
        };
        let keys = trust.jwks.as_deref().map(keys).transpose()?;
        let network = match keys {
            Some(_) => None,
            None => Some(Builder::new_current_thread().enable_all().build()?),
        };
        let leeway = Duration::from_secs(trust.leeway.unwrap_or_default().into());
        // The keys keep to the clock of the machine: `--now` is about the tokens.
        let keys = keys.unwrap_or_else(|| Arc::new(JwksCache::new(&pool)));
        let verifier = match trust.token_use {
            TokenUse::Access => {
                let verifier = Verifier::access(pool, clients).with_clock(Arc::new(time));
                Kind::Access(verifier.with_leeway(leeway).with_jwks(keys))
            }
            TokenUse::Id => {
                let verifier = Verifier::id(pool, clients).with_clock(Arc::new(time));
                Kind::Id(verifier.with_leeway(leeway).with_jwks(keys))
            }
        };
        Ok(Self { verifier, network })
    }

    /// The token's claims, all of them, if it is valid.
    pub(crate) fn verify(&self, token: &str) -> Result<Map<String, Value>, VerifyError> {
        Ok(match (&self.verifier, &self.network) {
            (Kind::Access(verifier), None) => verifier.verify_now(token)?.all(),
            (Kind::Id(verifier), None) => verifier.verify_now(token)?.all(),
            (Kind::Access(verifier), Some(net)) => net.block_on(verifier.verify(token))?.all(),
            (Kind::Id(verifier), Some(net)) => net.block_on(verifier.verify(token))?.all(),
        })
    }
}

fn keys(file: &Path) -> Result<Arc<JwksCache>, Failure> {
    let wrong = |problem: &dyn std::fmt::Display| {
        Failure::Usage(format!("--jwks: {} {problem}", file.display()))
    };
    let mut json = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MAX_JWKS_BYTES + 1).read_to_end(&mut json))
        .map_err(|error| wrong(&format_args!("cannot be read: {error}")))?;
    if json.len() as u64 > MAX_JWKS_BYTES {
        return Err(wrong(&format_args!(
            "has more than {MAX_JWKS_BYTES} bytes: it is no key set"
        )));
    }
    match JwksCache::from_json(&json) {
        Ok(keys) => Ok(Arc::new(keys)),
        Err(JwksProblem::NoUsableKey) => {
            Err(wrong(&"has no RSA key that may check RS256 signatures"))
        }
        Err(_) => Err(wrong(
            &"is not a JWK Set: save the pool's ISSUER/.well-known/jwks.json as it is",
        )),
    }
}
