//! The API as a program.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks on its standard streams"
)]

mod settings;

use std::{
    future::Future,
    io::{self, Write as _},
    process::ExitCode,
    thread,
};

use clap::Parser as _;
use settings::{Args, LogFormat, Settings};
use tokio::{net::TcpListener, sync::oneshot};
use tracing::{info, level_filters::LevelFilter};
use tracing_subscriber::EnvFilter;

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
    log(settings.log_format);
    match run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("cognito-api: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> Result<(), String> {
    let listen = settings.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{listen} is taken: end the program that listens there, or choose another address with --listen")
        }
        _ => format!("cannot listen on {listen}: {error}; choose another address with --listen"),
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let signalled = signalled().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let parent_gone = parent_gone(settings.exit_with_parent_stdin);
    let stop = async {
        tokio::select! {
            () = signalled => info!("told to stop"),
            () = parent_gone => info!("standard input was closed"),
        }
    };
    let verifier = settings.verifier;
    // The first caller need not wait for the keys; a failure is logged by the verifier, and the next caller tries again.
    let preloading = verifier.clone();
    tokio::spawn(async move { drop(preloading.preload().await) });
    println!("Listening on http://{address}");
    drop(io::stdout().flush());
    cognito_api::serve(listener, cognito_api::router(verifier), stop).await;
    Ok(())
}

fn log(format: LogFormat) {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Resolves on ctrl-c, or on SIGTERM, which is how systemd, Docker and Kubernetes ask. Listens from the call on.
#[cfg(unix)]
fn signalled() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(windows)]
fn signalled() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move { drop(interrupt.recv().await) })
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
