//! What a token check costs: `cognito-verifier` beside a bare signature check and the peers, on one core.
//!
//! Every figure is processor time of the thread (the peers of Node and Python: of the process), so what else the machine does
//! counts little. The candidates of `benches/peers` take turns, each in a process that has warmed up.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::figures::{Series, at_least, limit, table};
use crate::process::{self, Result, cargo, npm, output, root, target};

const RAW: &str = "raw aws-lc";
const OURS: &str = "cognito-verifier";
const REMEMBERED: &str = "cognito-verifier, remembered, of 100";
const REFUSAL: &str = "refusal: ";

/// Of the rate of aws-lc's RSA-2048 verification, its key parsed once.
const SHARE_OF_RAW: f64 = 0.9;
/// How much faster a remembered token is.
const REMEMBERED_TIMES: f64 = 10.;
/// Of a signature check: what a refusal may cost.
const REFUSAL_SHARE: f64 = 0.25;

pub(super) fn build() -> Result {
    let mut rust = cargo(&["build", "--release", "--locked"]);
    rust.current_dir(peers()).arg("--target-dir").arg(built());
    process::run("benches/peers, Rust", &mut rust)?;
    let ci = ["ci", "--no-audit", "--no-fund"];
    process::run(
        "benches/api-peers, Node",
        &mut npm(&root().join("benches/api-peers"), &ci),
    )?;
    if python().exists() {
        Ok(())
    } else {
        Err("PyJWT is missing: run `cargo xtask setup --tests`, which installs it".into())
    }
}

fn peers() -> PathBuf {
    root().join("benches/peers")
}

fn built() -> PathBuf {
    target().join("bench-peers")
}

fn python() -> PathBuf {
    target().join("peers/verifier/bin/python")
}

pub(super) fn measure(runs: u16) -> Result {
    let folder = target().join("bench-verifier");
    fs::create_dir_all(&folder)?;
    let rust = built().join("release/verifier-peers");
    process::run(
        "making tokens",
        Command::new(&rust).arg("corpus").arg(&folder),
    )?;
    let mut nanos: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let python = python();
    let scripts = [
        (Path::new("node"), "check.mjs"),
        (python.as_path(), "check.py"),
    ];
    for _ in 0..runs {
        turn(on_one_core(&rust).arg("measure").arg(&folder), &mut nanos)?;
        for (program, script) in scripts {
            turn(
                on_one_core(program).arg(peers().join(script)).arg(&folder),
                &mut nanos,
            )?;
        }
    }
    let series: BTreeMap<&str, Series> = nanos
        .iter()
        .map(|(name, values)| {
            // The names live as long as the program, which ends with the table.
            let mut series = Series::new(String::leak(name.clone()), "ns");
            values.iter().for_each(|value| series.push(*value));
            (name.as_str(), series)
        })
        .collect();
    let (refusals, checks): (Vec<_>, Vec<_>) = series
        .iter()
        .partition(|(name, _)| name.starts_with(REFUSAL));
    table(
        "verifier: processor time for an access token of 1.1 KB",
        &series_of(&checks),
    );
    table(
        "verifier: processor time for a refusal",
        &series_of(&refusals),
    );

    println!();
    let (raw, ours) = (&series[RAW], &series[OURS]);
    let mut limits = vec![
        at_least(
            "  of the rate of a bare signature check",
            raw.times(ours),
            SHARE_OF_RAW,
        ),
        at_least(
            "  a remembered token, times as fast",
            ours.times(&series[REMEMBERED]),
            REMEMBERED_TIMES,
        ),
    ];
    for (name, refusal) in refusals {
        limits.push(limit(
            &format!("  {name}, of a signature check"),
            refusal.times(raw),
            REFUSAL_SHARE,
            "",
        ));
    }
    for (name, peer) in checks {
        if *name != RAW && !name.starts_with(OURS) {
            limits.push(at_least(
                &format!("  times as fast as {name}"),
                peer.times(ours),
                1.,
            ));
        }
    }
    limits.into_iter().collect()
}

fn series_of<'s>(named: &[(&&str, &'s Series)]) -> Vec<&'s Series> {
    named.iter().map(|(_, series)| *series).collect()
}

fn on_one_core(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(program);
    command
}

fn turn(command: &mut Command, nanos: &mut BTreeMap<String, Vec<f64>>) -> Result {
    let said: BTreeMap<String, f64> = serde_json::from_str(&output(command)?)?;
    for (name, value) in said {
        nanos.entry(name).or_default().push(value);
    }
    Ok(())
}
