//! The flags and environment, turned into settings or into one sentence per mistake.

use std::net::SocketAddr;

use clap::Parser;
use cognito_verifier::{AccessClaims, ClientIds, UserPool, Verifier};

const EXAMPLE: &str = "https://cognito-idp.REGION.amazonaws.com/POOL_ID";

/// An API that only signed-in users of an Amazon Cognito user pool can call.
#[derive(Parser, Debug)]
#[command(version)]
pub(crate) struct Args {
    /// Issuer of the user pool, e.g. https://cognito-idp.REGION.amazonaws.com/POOL_ID
    #[arg(long, env = "COGNITO_API_ISSUER", value_name = "URL")]
    issuer: Option<String>,
    /// App client whose users may call; repeat it, or separate several with commas
    #[arg(
        long,
        env = "COGNITO_API_CLIENT_ID",
        value_name = "ID",
        value_delimiter = ','
    )]
    client_id: Vec<String>,
    /// Address and port to listen on; port 0 takes any free one
    #[arg(
        long,
        env = "COGNITO_API_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9230"
    )]
    listen: String,
    /// Scope every token must have
    #[arg(long, env = "COGNITO_API_REQUIRED_SCOPE", value_name = "SCOPE")]
    required_scope: Option<String>,
    /// Form of the log on standard error: text or json. RUST_LOG sets what is logged
    #[arg(
        long,
        env = "COGNITO_API_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    log_format: String,
    /// Stops when standard input is closed, and so with the program that started it
    #[arg(long)]
    exit_with_parent_stdin: bool,
}

pub(crate) struct Settings {
    pub(crate) verifier: Verifier<AccessClaims>,
    pub(crate) listen: SocketAddr,
    pub(crate) log_format: LogFormat,
    pub(crate) exit_with_parent_stdin: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Args {
    /// Checks everything before anything is done.
    pub(crate) fn check(self) -> Result<Settings, Vec<String>> {
        let mut mistakes = Vec::new();
        let mut pool = None;
        match self.issuer.map(UserPool::new) {
            Some(Ok(known)) => pool = Some(known),
            Some(Err(error)) => mistakes.push(format!("--issuer: {error}")),
            None => mistakes.push(format!(
                "--issuer (or COGNITO_API_ISSUER) is missing: name the user pool, e.g. {EXAMPLE}"
            )),
        }
        if self.client_id.is_empty() {
            mistakes.push("--client-id (or COGNITO_API_CLIENT_ID) is missing: name the app client whose users may call".to_owned());
        }
        for id in self.client_id.iter().filter(|id| !is_client_id(id)) {
            mistakes.push(format!(
                "--client-id: {id:?} is not an app client id (1 to 128 letters, digits, _ or +)"
            ));
        }
        let listen = self.listen.parse().ok();
        if listen.is_none() {
            mistakes.push(format!(
                "--listen: {:?} is not an IP address and port, e.g. 127.0.0.1:9230",
                self.listen
            ));
        }
        if let Some(scope) = self
            .required_scope
            .as_ref()
            .filter(|scope| !is_scope(scope))
        {
            mistakes.push(format!(
                "--required-scope: {scope:?} is not one scope (no spaces, quotes or backslashes)"
            ));
        }
        let log_format = match self.log_format.as_str() {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        };
        if log_format.is_none() {
            mistakes.push(format!(
                "--log-format: {:?} is neither text nor json",
                self.log_format
            ));
        }
        let (Some(pool), Some(listen), Some(log_format), []) =
            (pool, listen, log_format, mistakes.as_slice())
        else {
            return Err(mistakes);
        };
        let mut verifier = Verifier::access(pool, ClientIds::only(self.client_id));
        if let Some(scope) = self.required_scope {
            verifier = verifier.with_required_scope(scope);
        }
        Ok(Settings {
            verifier,
            listen,
            log_format,
            exit_with_parent_stdin: self.exit_with_parent_stdin,
        })
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
