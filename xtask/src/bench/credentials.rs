//! Credentials for a program: how soon `keyfob credential-process` answers, from the app and from the keychain, beside a
//! program that only prints the same; how many renewals a crowd causes; what it all weighs.

use std::process::Command;

use super::figures::{Series, limit, table};
use super::{COMMAND, built, released};
use crate::process::{Result, output};

/// Of the app's answer, to a program that only prints it.
const RATIO: f64 = 3.;
const KEYCHAIN_MILLISECONDS: f64 = 25.;
const RENEWALS: f64 = 1.;
const MEGABYTES: f64 = 8.;
const BINARY_MEGABYTES: f64 = 15.;
/// What whoever runs it waits at most.
const STALLED_MILLISECONDS: f64 = 2_000.;
/// Of processor time, in two seconds in which nobody asks anything.
const IDLE_MILLISECONDS: f64 = 0.5;

pub(super) fn measure(runs: u16) -> Result {
    let keyfob = built(COMMAND, "keyfob");
    let measured = output(
        Command::new(released("examples/credentials_bench"))
            .arg(&keyfob)
            .arg(released("examples/only_prints"))
            .arg(runs.to_string()),
    )?;
    let mut agent = Series::new("answered by the app", "ms");
    let mut least = Series::new("peer: a program that prints the same", "ms");
    let mut keychain = Series::new("from the keychain, without the app", "ms");
    let mut crowd = Series::new("until 50 at once had theirs", "ms");
    let mut renewals = Series::new("renewals that made", "");
    let mut with_app = Series::new("answered by the app", "MB");
    let mut without = Series::new("from the keychain", "MB");
    let mut stalled = Series::new("until it gives up", "ms");
    let mut idle = Series::new("processor time of session and agent, in 2 s", "ms");
    for line in measured.lines() {
        let (kind, numbers) = line.split_once(' ').unwrap_or_default();
        let numbers = numbers.split_whitespace().map(str::parse);
        let numbers: Vec<f64> = numbers.collect::<std::result::Result<_, _>>()?;
        let series: &mut [&mut Series] = match kind {
            "answer" => &mut [&mut agent, &mut least, &mut keychain],
            "crowd" => &mut [&mut crowd, &mut renewals],
            "memory" => &mut [&mut with_app, &mut without],
            "stalled" => &mut [&mut stalled],
            "idle" => &mut [&mut idle],
            _ => return Err(format!("credentials_bench said: {line}").into()),
        };
        for (series, number) in series.iter_mut().zip(numbers) {
            series.push(number);
        }
    }
    table("keyfob credential-process", &[&agent, &least, &keychain]);
    table("50 at once, with the app", &[&crowd, &renewals]);
    table("the most memory it had (VmHWM)", &[&with_app, &without]);
    table("the identity pool does not answer", &[&stalled]);
    table("nobody asks", &[&idle]);
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let binary = std::fs::metadata(&keyfob)?.len() as f64 / 1e6;
    let limits = [
        limit("ratio to the peer, median", agent.times(&least), RATIO, ""),
        limit(
            "from the keychain, median",
            keychain.median(),
            KEYCHAIN_MILLISECONDS,
            " ms",
        ),
        limit("renewals of a crowd, at most", renewals.max(), RENEWALS, ""),
        limit(
            "memory with the app, at most",
            with_app.max(),
            MEGABYTES,
            " MB",
        ),
        limit(
            "memory without it, at most",
            without.max(),
            MEGABYTES,
            " MB",
        ),
        limit(
            "without an answer, at most",
            stalled.max(),
            STALLED_MILLISECONDS,
            " ms",
        ),
        limit("the program", binary, BINARY_MEGABYTES, " MB"),
        limit("idle, median", idle.median(), IDLE_MILLISECONDS, " ms"),
    ];
    limits.into_iter().collect()
}
