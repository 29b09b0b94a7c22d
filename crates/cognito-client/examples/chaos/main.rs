//! Many processes that share one stored session, on the worst of days; for `cargo xtask chaos`.
//!
//! `chaos --minutes N --seed S` is the runner: it has the user pool (the emulator), signs two people in, starts the
//! workers, which are this program again, and kills them. It must be given a keychain of its own: the one in which it
//! is run is filled and emptied.
#![expect(clippy::print_stdout, reason = "a command-line program")]

mod journal;
mod ledger;
mod plan;
mod runner;
#[path = "../../../test_log.rs"]
mod test_log;
mod verdict;
mod worker;

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Who shares the pool: one profile and one stored session each.
const USERS: [&str; 2] = ["alice", "bob"];
/// The worker processes alive at any moment.
const PROCESSES: usize = 16;
/// The tasks of one process that use one user's session: 64 tasks in all for each.
const TASKS: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["worker"] => worker::work().await,
        ["--minutes", minutes, "--seed", seed, ref rest @ ..] => {
            match (minutes.parse(), seed.parse(), rest) {
                (Ok(minutes), Ok(seed), []) => runner::run(minutes, seed, true).await,
                (Ok(minutes), Ok(seed), ["--without-locks"]) => {
                    runner::run(minutes, seed, false).await
                }
                _ => Err("--minutes and --seed need numbers".into()),
            }
        }
        _ => Err("usage: chaos --minutes N --seed S [--without-locks]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Microseconds since the Unix epoch, by the clock that all processes share.
#[expect(
    clippy::disallowed_methods,
    reason = "events of several processes are put in order by it"
)]
fn micros() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "chaos has a pace; nothing is right because of it"
)]
async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
