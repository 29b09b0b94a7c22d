//! The flags and environment that say whose tokens are accepted.

use std::{fs, path::PathBuf};

use clap::Args;
use cognito_verifier::{AccessClaims, ClientIds, JwksCache, UserPool, Verifier};

const EXAMPLE: &str = "https://cognito-idp.REGION.amazonaws.com/POOL_ID";

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
    /// when the pool's keys change, the file must change and the server be started anew
    #[arg(long, env = "COGNITO_API_JWKS_FILE", value_name = "PATH")]
    jwks_file: Option<PathBuf>,
}

impl UserPoolArgs {
    /// The verifier they describe, or one sentence for each mistake.
    ///
    /// # Errors
    /// The sentences.
    pub fn verifier(&self) -> Result<Verifier<AccessClaims>, Vec<String>> {
        let mut mistakes = Vec::new();
        let mut pools = Vec::new();
        for issuer in &self.issuer {
            match UserPool::new(issuer) {
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
        let keys = self.jwks_file.as_ref().and_then(|path| {
            if self.issuer.len() > 1 {
                mistakes.push(
                    "--jwks-file holds one user pool's keys, so it goes with one --issuer only"
                        .into(),
                );
            }
            let path_shown = path.display();
            let read = fs::read(path)
                .map_err(|error| format!("--jwks-file: {path_shown} cannot be read: {error}"));
            let keys = read.and_then(|json| {
                JwksCache::from_json(&json).map_err(|problem| {
                    format!("--jwks-file: {path_shown} is not a pool's jwks.json: {problem}")
                })
            });
            keys.map_err(|mistake| mistakes.push(mistake)).ok()
        });
        if pools.len() > 1 {
            mistakes.push("--issuer: only one user pool is supported so far".into());
        }
        let (Some(pool), []) = (pools.into_iter().next(), mistakes.as_slice()) else {
            return Err(mistakes);
        };
        let clients = ClientIds::only(self.client_id.iter().cloned());
        let mut verifier = Verifier::access(pool, clients);
        for scope in &self.required_scope {
            verifier = verifier.with_required_scope(scope);
        }
        if let Some(keys) = keys {
            verifier = verifier.with_jwks(keys.into());
        }
        Ok(verifier)
    }
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
