//! The flags and environment that say whose tokens are accepted.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use cognito_verifier::{AccessClaims, ClientIds, JwksCache, UserPool, Verifier};

const EXAMPLE: &str = "https://cognito-idp.REGION.amazonaws.com/POOL_ID";
/// Some 260 MB.
const MAX_CACHED_TOKENS: usize = 100_000;

/// Whose tokens are accepted: flags and environment variables, for a clap command to flatten.
#[derive(Args, Clone, Debug)]
pub struct UserPoolArgs {
    /// Issuer of the user pool, e.g. https://cognito-idp.REGION.amazonaws.com/POOL_ID; repeat it, or separate several with
    /// commas
    #[arg(
        long,
        env = "COGNITO_API_ISSUER",
        value_name = "URL",
        value_delimiter = ','
    )]
    issuer: Vec<String>,
    /// App client whose users may call; repeat it, or separate several with commas
    #[arg(
        long,
        env = "COGNITO_API_CLIENT_ID",
        value_name = "ID",
        value_delimiter = ','
    )]
    client_id: Vec<String>,
    /// Scope every token must have; repeat it, or separate several with spaces
    #[arg(
        long,
        env = "COGNITO_API_REQUIRED_SCOPE",
        value_name = "SCOPE",
        value_delimiter = ' '
    )]
    required_scope: Vec<String>,
    /// The user pool's keys, from its /.well-known/jwks.json, where the issuer cannot be reached: nothing is downloaded, and
    /// when the pool's keys change, the file must change and the server be started anew; with several issuers one for each,
    /// in the same order
    #[arg(
        long,
        env = "COGNITO_API_JWKS_FILE",
        value_name = "PATH",
        value_delimiter = ','
    )]
    jwks_file: Vec<PathBuf>,
    /// Verified tokens to remember, which saves the signature check when one comes again: about 2.6 KB of memory each; 0 for
    /// none
    #[arg(
        long,
        env = "COGNITO_API_TOKEN_CACHE",
        value_name = "NUMBER",
        default_value = "0"
    )]
    token_cache: String,
}

impl UserPoolArgs {
    /// The verifier they describe, or one sentence for each mistake.
    ///
    /// # Errors
    /// The sentences.
    pub fn verifier(&self) -> Result<Verifier<AccessClaims>, Vec<String>> {
        let mut mistakes = Vec::new();
        let mut pools = Vec::new();
        for (nth, issuer) in self.issuer.iter().enumerate() {
            match UserPool::new(issuer) {
                Ok(_) if self.issuer[..nth].contains(issuer) => {
                    mistakes.push(format!("--issuer: {issuer} is named twice"));
                }
                Ok(pool) => pools.push(pool),
                Err(error) => mistakes.push(format!("--issuer: {error}")),
            }
        }
        if self.issuer.is_empty() {
            mistakes.push(format!(
                "--issuer (or COGNITO_API_ISSUER) is missing: name the user pool, e.g. {EXAMPLE}"
            ));
        }
        if self.client_id.is_empty() {
            mistakes.push("--client-id (or COGNITO_API_CLIENT_ID) is missing: name the app client whose users may call".into());
        }
        for id in self.client_id.iter().filter(|id| !is_client_id(id)) {
            mistakes.push(format!(
                "--client-id: {id:?} is not an app client id (1 to 128 letters, digits, _ or +)"
            ));
        }
        for scope in self.required_scope.iter().filter(|scope| !is_scope(scope)) {
            mistakes.push(format!(
                "--required-scope: {scope:?} is not a scope (no quotes or backslashes)"
            ));
        }
        let mut keys = Vec::new();
        for path in &self.jwks_file {
            match keys_of(path) {
                Ok(jwks) => keys.push(Arc::new(jwks)),
                Err(problem) => mistakes.push(format!("--jwks-file: {} {problem}", path.display())),
            }
        }
        let (files, issuers) = (self.jwks_file.len(), self.issuer.len());
        if files > 0 && files != issuers {
            mistakes.push(format!(
                "--jwks-file: {files} for {issuers} user pools: name one file for each --issuer, in the same order"
            ));
        }
        let cached = self.token_cache.parse().ok();
        let cached: Option<usize> = cached.filter(|cached| *cached <= MAX_CACHED_TOKENS);
        if cached.is_none() {
            mistakes.push(format!(
                "--token-cache: {:?} is not a whole number from 0 to {MAX_CACHED_TOKENS}",
                self.token_cache
            ));
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        if !keys.is_empty() {
            let with_keys = pools.into_iter().zip(keys);
            pools = with_keys.map(|(pool, keys)| pool.with_jwks(keys)).collect();
        }
        let clients = ClientIds::only(self.client_id.iter().cloned());
        let mut verifier = Verifier::access(pools, clients);
        for scope in &self.required_scope {
            verifier = verifier.with_required_scope(scope);
        }
        Ok(verifier.with_token_cache(cached.unwrap_or(0)))
    }
}

fn keys_of(path: &Path) -> Result<JwksCache, String> {
    let json = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    JwksCache::from_json(&json).map_err(|problem| format!("is not a pool's jwks.json: {problem}"))
}

/// `ClientIdType` of the Cognito user pools API: `[\w+]+`, 1 to 128 characters.
fn is_client_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+'))
}

/// `scope-token` of RFC 6749 §3.3.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}
