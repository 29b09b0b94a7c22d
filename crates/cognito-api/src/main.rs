//! The API as a program.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks on its standard streams"
)]

mod settings;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
    thread,
};

use clap::Parser as _;
use cognito_api::Api;
use settings::{Args, LogFormat, Settings};
use tokio::{net::TcpListener, sync::oneshot, time::timeout};
use tracing::{info, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter,
    layer::{Layer as _, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

/// What the shell convention and clap use for a command that was called wrongly.
const USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Args::parse().check() {
        Ok(settings) => settings,
        Err(mistakes) => {
            for mistake in mistakes {
                eprintln!("cognito-api: {mistake}");
            }
            return ExitCode::from(USAGE);
        }
    };
    let api = Api::new(settings.verifier.clone()).with_limits(settings.limits);
    log(settings.log_format, &api);
    match run(settings, api).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("cognito-api: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings, api: Api) -> Result<(), String> {
    let (listener, address) = bind("--listen", settings.listen).await?;
    let admin = match settings.admin_listen {
        Some(address) => Some(bind("--admin-listen", address).await?),
        None => None,
    };
    let mut signals =
        Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let parent_gone = parent_gone(settings.exit_with_parent_stdin);
    let stop = async {
        tokio::select! {
            signal = signals.next() => {
                info!("told to stop");
                api.drain();
                if signal == Signal::Terminate {
                    // Until those who send requests here have asked `/readyz`, or somebody is in a hurry.
                    drop(timeout(settings.stop_delay, signals.next()).await);
                }
            }
            () = parent_gone => info!("standard input was closed"),
        }
    };
    println!("Listening on http://{address}");
    if let Some((_, address)) = &admin {
        println!("Metrics on http://{address}/metrics");
    }
    drop(io::stdout().flush()); // Nobody need read it.
    let admin = admin.map(|(listener, _)| listener);
    api.serve(listener, admin, stop).await;
    Ok(())
}

async fn bind(flag: &str, listen: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{listen} is taken: end the program that listens there, or choose another address with {flag}"
        ),
        _ => format!("cannot listen on {listen}: {error}; choose another address with {flag}"),
    };
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, address))
}

fn log(format: LogFormat, api: &Api) {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines)
        .with(api.download_counter())
        .init();
}

#[derive(PartialEq)]
enum Signal {
    /// Ctrl-C: somebody waits for the end.
    Interrupt,
    /// SIGTERM, which is how systemd, Docker and Kubernetes ask.
    Terminate,
}

/// Listens from its making on.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    terminate: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: tokio::signal::windows::ctrl_c()?,
            terminate: tokio::signal::windows::ctrl_close()?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// Resolves when standard input is closed, if that is wanted.
async fn parent_gone(wanted: bool) {
    if !wanted {
        return std::future::pending().await;
    }
    let (closed, is_closed) = oneshot::channel();
    // A thread of its own, which ends with the process: a read of standard input cannot be cancelled.
    thread::spawn(move || {
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        let _ = closed.send(()); // Nobody waits any more once a signal came first.
    });
    drop(is_closed.await);
}
