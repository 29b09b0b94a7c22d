//! The flags and environment, turned into settings or into one sentence per mistake.

use std::{net::SocketAddr, ops::RangeInclusive, time::Duration};

use clap::Parser;
use cognito_api::{Limits, UserPoolArgs};
use cognito_verifier::{AccessClaims, Verifier};

const DAY: u64 = 24 * 60 * 60;

/// An API that only signed-in users of an Amazon Cognito user pool can call.
#[derive(Parser, Debug)]
#[command(version)]
pub(crate) struct Args {
    #[command(flatten)]
    user_pool: UserPoolArgs,
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
    /// Connections at once; further ones are answered 503. Each takes a file descriptor: for more than 900, raise the limit
    /// of those (LimitNOFILE, ulimit -n)
    #[arg(
        long,
        env = "COGNITO_API_MAX_CONNECTIONS",
        value_name = "NUMBER",
        default_value = "768"
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
        let (verifier, mistakes) = match self.user_pool.verifier() {
            Ok(verifier) => (Some(verifier), Vec::new()),
            Err(mistakes) => (None, mistakes),
        };
        let mut mistakes = Mistakes(mistakes);
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
