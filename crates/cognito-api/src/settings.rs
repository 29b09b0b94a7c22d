//! The flags and environment, turned into settings or into one sentence per mistake.

use std::{fs, net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use clap::Parser;
use cognito_api::Limits;
use cognito_verifier::{AccessClaims, ClientIds, JwksCache, UserPool, Verifier};

const EXAMPLE: &str = "https://cognito-idp.REGION.amazonaws.com/POOL_ID";
const DAY: u64 = 24 * 60 * 60;

/// An API that only signed-in users of an Amazon Cognito user pool can call.
#[derive(Parser, Debug)]
#[command(version)]
pub(crate) struct Args {
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
    /// Address and port to listen on; port 0 takes any free one
    #[arg(
        long,
        env = "COGNITO_API_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9230"
    )]
    listen: String,
    /// Address and port for /metrics, and the probes once more, which only administrators should reach; without it there are
    /// no metrics
    #[arg(long, env = "COGNITO_API_ADMIN_LISTEN", value_name = "ADDRESS:PORT")]
    admin_listen: Option<String>,
    /// Bytes of a request's line and headers, at most
    #[arg(
        long,
        env = "COGNITO_API_MAX_HEADER_BYTES",
        value_name = "BYTES",
        default_value = "32768"
    )]
    max_header_bytes: String,
    /// Header lines of a request, at most
    #[arg(
        long,
        env = "COGNITO_API_MAX_HEADERS",
        value_name = "NUMBER",
        default_value = "100"
    )]
    max_headers: String,
    /// Bytes of a request's body, at most
    #[arg(
        long,
        env = "COGNITO_API_MAX_BODY_BYTES",
        value_name = "BYTES",
        default_value = "65536"
    )]
    max_body_bytes: String,
    /// Connections at once; further ones are answered 503
    #[arg(
        long,
        env = "COGNITO_API_MAX_CONNECTIONS",
        value_name = "NUMBER",
        default_value = "1024"
    )]
    max_connections: String,
    /// Requests being answered at once; further ones are answered 503
    #[arg(
        long,
        env = "COGNITO_API_MAX_REQUESTS",
        value_name = "NUMBER",
        default_value = "512"
    )]
    max_requests: String,
    /// How long a request's header may take to arrive
    #[arg(
        long,
        env = "COGNITO_API_HEADER_TIMEOUT",
        value_name = "SECONDS",
        default_value = "10"
    )]
    header_timeout: String,
    /// How long an answer may take; after that it is 503
    #[arg(
        long,
        env = "COGNITO_API_REQUEST_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30"
    )]
    request_timeout: String,
    /// How long a caller may take in nothing of an answer
    #[arg(
        long,
        env = "COGNITO_API_WRITE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30"
    )]
    write_timeout: String,
    /// How long a connection is kept without a request: longer than the load balancer in front keeps its own (60 in AWS)
    #[arg(
        long,
        env = "COGNITO_API_KEEP_ALIVE",
        value_name = "SECONDS",
        default_value = "75"
    )]
    keep_alive: String,
    /// On SIGTERM, how long to go on serving with /readyz at 503, until load balancers have noticed; a second signal ends it
    #[arg(
        long,
        env = "COGNITO_API_STOP_DELAY",
        value_name = "SECONDS",
        default_value = "0"
    )]
    stop_delay: String,
    /// How long requests in progress get when the server stops
    #[arg(
        long,
        env = "COGNITO_API_DRAIN_TIMEOUT",
        value_name = "SECONDS",
        default_value = "20"
    )]
    drain_timeout: String,
    /// Form of the log on standard error: text or json. RUST_LOG sets what is logged; RUST_LOG=warn leaves out the line for
    /// each request
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
    pub(crate) limits: Limits,
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) stop_delay: Duration,
    pub(crate) log_format: LogFormat,
    pub(crate) exit_with_parent_stdin: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Args {
    /// Checks everything before anything is done.
    pub(crate) fn check(self) -> Result<Settings, Vec<String>> {
        let mut mistakes = Mistakes(Vec::new());
        let verifier = self.verifier(&mut mistakes);
        let listen = mistakes.address("--listen", &self.listen);
        let admin_listen = self
            .admin_listen
            .as_ref()
            .and_then(|address| mistakes.address("--admin-listen", address));
        if let (Some(listen), Some(admin)) = (listen, admin_listen)
            && listen == admin
            && admin.port() != 0
        {
            mistakes
                .add("--admin-listen is the same address as --listen: choose another port".into());
        }
        let limits = self.limits(&mut mistakes);
        let stop_delay = mistakes.seconds("--stop-delay", &self.stop_delay, 0..=900);
        let log_format = match self.log_format.as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            other => {
                mistakes.add(format!("--log-format: {other:?} is neither text nor json"));
                LogFormat::Text
            }
        };
        match (verifier, listen) {
            (Some(verifier), Some(listen)) if mistakes.0.is_empty() => Ok(Settings {
                verifier,
                limits,
                listen,
                admin_listen,
                stop_delay,
                log_format,
                exit_with_parent_stdin: self.exit_with_parent_stdin,
            }),
            _ => Err(mistakes.0),
        }
    }

    fn verifier(&self, mistakes: &mut Mistakes) -> Option<Verifier<AccessClaims>> {
        let mut pools = Vec::new();
        for issuer in &self.issuer {
            match UserPool::new(issuer) {
                Ok(pool) => pools.push(pool),
                Err(error) => mistakes.add(format!("--issuer: {error}")),
            }
        }
        if self.issuer.is_empty() {
            mistakes.add(format!(
                "--issuer (or COGNITO_API_ISSUER) is missing: name the user pool, e.g. {EXAMPLE}"
            ));
        }
        if self.client_id.is_empty() {
            mistakes.add("--client-id (or COGNITO_API_CLIENT_ID) is missing: name the app client whose users may call".into());
        }
        for id in self.client_id.iter().filter(|id| !is_client_id(id)) {
            mistakes.add(format!(
                "--client-id: {id:?} is not an app client id (1 to 128 letters, digits, _ or +)"
            ));
        }
        for scope in self.required_scope.iter().filter(|scope| !is_scope(scope)) {
            mistakes.add(format!(
                "--required-scope: {scope:?} is not a scope (no quotes or backslashes)"
            ));
        }
        let keys = self.jwks_file.as_ref().and_then(|path| {
            if self.issuer.len() > 1 {
                mistakes.add(
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
            keys.map_err(|mistake| mistakes.add(mistake)).ok()
        });
        if pools.len() > 1 {
            mistakes.add("--issuer: only one user pool is supported so far".into());
        }
        let pool = pools.into_iter().next()?;
        let clients = ClientIds::only(self.client_id.iter().cloned());
        let mut verifier = Verifier::access(pool, clients);
        for scope in &self.required_scope {
            verifier = verifier.with_required_scope(scope);
        }
        if let Some(keys) = keys {
            verifier = verifier.with_jwks(keys.into());
        }
        Some(verifier)
    }

    fn limits(&self, mistakes: &mut Mistakes) -> Limits {
        let mut limits = Limits::default();
        limits.header_bytes =
            mistakes.number("--max-header-bytes", &self.max_header_bytes, 8192..=1 << 20);
        limits.headers = mistakes.number("--max-headers", &self.max_headers, 10..=1000);
        limits.body_bytes = mistakes.number("--max-body-bytes", &self.max_body_bytes, 0..=1 << 30);
        limits.connections =
            mistakes.number("--max-connections", &self.max_connections, 1..=1 << 20);
        limits.requests = mistakes.number("--max-requests", &self.max_requests, 1..=1 << 20);
        limits.header_timeout = mistakes.seconds("--header-timeout", &self.header_timeout, 1..=DAY);
        limits.request_timeout =
            mistakes.seconds("--request-timeout", &self.request_timeout, 1..=DAY);
        limits.write_timeout = mistakes.seconds("--write-timeout", &self.write_timeout, 1..=DAY);
        limits.keep_alive = mistakes.seconds("--keep-alive", &self.keep_alive, 1..=DAY);
        limits.drain_timeout = mistakes.seconds("--drain-timeout", &self.drain_timeout, 0..=900);
        limits
    }
}

struct Mistakes(Vec<String>);

impl Mistakes {
    fn add(&mut self, mistake: String) {
        self.0.push(mistake);
    }

    fn address(&mut self, flag: &str, text: &str) -> Option<SocketAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            self.add(format!(
                "{flag}: {text:?} is not an IP address and port, e.g. 127.0.0.1:9230"
            ));
        }
        address
    }

    /// A number of the range; its start after a mistake, which keeps the server from starting anyway.
    fn number(&mut self, flag: &str, text: &str, range: RangeInclusive<usize>) -> usize {
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let (least, most) = (range.start(), range.end());
                self.add(format!(
                    "{flag}: {text:?} is not a whole number from {least} to {most}"
                ));
                *least
            }
        }
    }

    fn seconds(&mut self, flag: &str, text: &str, range: RangeInclusive<u64>) -> Duration {
        match text.parse() {
            Ok(seconds) if range.contains(&seconds) => Duration::from_secs(seconds),
            _ => {
                let (least, most) = (range.start(), range.end());
                self.add(format!(
                    "{flag}: {text:?} is not a whole number of seconds from {least} to {most}"
                ));
                Duration::ZERO
            }
        }
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
