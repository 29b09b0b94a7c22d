//! The session: what a token costs, how often a crowd has it renewed, how soon it is there again.

use std::process::Command;

use super::figures::{Series, limit, table};
use super::released;
use crate::process::{Result, output};

/// For a fresh token from a live session.
const HOT_NANOSECONDS: f64 = 1_000.;
const RESTORE_MILLISECONDS: f64 = 50.;

pub(super) fn measure(runs: u16) -> Result {
    let measured = output(Command::new(released("examples/session_bench")).arg(runs.to_string()))?;
    let mut hot = Series::new("a fresh token from a live session", "ns");
    let mut allocations = Series::new("allocations for it", "");
    let mut least = Series::new("peer: Arc<str> behind RwLock, and the clock", "ns");
    let mut callers = Series::new("callers of a token that must be renewed", "");
    let mut refreshes = Series::new("requests that made", "");
    let mut crowd = Series::new("until all had it", "ms");
    let mut restore = Series::new("restore from the system's keychain", "ms");
    let mut bare = Series::new("peer: a bare read there", "ms");
    for line in measured.lines() {
        let (kind, numbers) = line.split_once(' ').unwrap_or_default();
        let numbers = numbers.split_whitespace().map(str::parse);
        let numbers: Vec<f64> = numbers.collect::<std::result::Result<_, _>>()?;
        let series: [&mut Series; 3] = match kind {
            "hot" => [&mut hot, &mut allocations, &mut least],
            "crowd" => [&mut callers, &mut refreshes, &mut crowd],
            "restore" => {
                restore.extend(numbers.first().copied());
                bare.extend(numbers.get(1).copied());
                continue;
            }
            _ => return Err(format!("session_bench said: {line}").into()),
        };
        for (series, number) in series.into_iter().zip(numbers) {
            series.push(number);
        }
    }
    table("a token", &[&hot, &allocations, &least]);
    println!("  ratio to the least: {:.2}", hot.times(&least));
    table("a crowd", &[&callers, &refreshes, &crowd]);
    table("a restore", &[&restore, &bare]);
    println!("  ratio to the bare read: {:.2}", restore.times(&bare));
    let limits = [
        limit(
            "a fresh token, median",
            hot.median(),
            HOT_NANOSECONDS,
            " ns",
        ),
        limit("allocations for it, at most", allocations.max(), 0., ""),
        limit("requests of a crowd, at most", refreshes.max(), 1., ""),
        limit(
            "restore, median",
            restore.median(),
            RESTORE_MILLISECONDS,
            " ms",
        ),
    ];
    limits.into_iter().collect()
}
