//! The emulator: from exec to its first answers.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::figures::{Series, limit, table};
use super::released;
use crate::process::{Result, find};

const LIMIT_MS: f64 = 100.;
/// The emulator's own pool.
const POOL: &str = "us-east-1_KeyfobDemo";

pub(super) fn measure(runs: u16) -> Result {
    let mut process = Series::new("peer: exec and end of /bin/true", "ms");
    let mut keys = Series::new("peer: openssl makes two such keys at once", "ms");
    let mut listening = Series::new("exec to \"Listening on\"", "ms");
    let mut discovery = Series::new("exec to the discovery document", "ms");
    let mut jwks = Series::new("exec to the JWKS, two new RSA keys in it", "ms");
    for turn in 0..=runs {
        let exec = exec_true()?;
        let openssl = two_keys()?;
        let [listens, discovered, has_keys] = start()?;
        // The first warms the page cache up.
        if turn > 0 {
            process.push(exec);
            keys.extend(openssl);
            listening.push(listens);
            discovery.push(discovered);
            jwks.push(has_keys);
        }
    }
    table(
        "emulator",
        &[&process, &keys, &listening, &discovery, &jwks],
    );
    limit("  ready", discovery.median(), LIMIT_MS, " ms")
}

/// Milliseconds from exec to each of the three.
fn start() -> Result<[f64; 3]> {
    let begin = Instant::now();
    let child = Command::new(released("cognito-emulator"))
        .args(["--port", "0", "--exit-with-parent-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut emulator = Ended(child);
    let said = emulator.0.stdout.take().ok_or("it has no stdout")?;
    let mut lines = BufReader::new(said).lines();
    let domain = loop {
        let line = lines.next().ok_or("the emulator ended")??;
        if let Some(domain) = line.strip_prefix("Listening on ") {
            break domain.to_owned();
        }
    };
    let listening = milliseconds(begin);
    let fetch = |document: &str| -> Result<f64> {
        // Anything but a success is an error.
        ureq::get(format!("{domain}/{POOL}/.well-known/{document}"))
            .call()?
            .body_mut()
            .read_to_vec()?;
        Ok(milliseconds(begin))
    };
    Ok([
        listening,
        fetch("openid-configuration")?,
        fetch("jwks.json")?,
    ])
}

/// What starting any process costs.
fn exec_true() -> Result<f64> {
    let begin = Instant::now();
    Command::new("true").status()?;
    Ok(milliseconds(begin))
}

/// What another implementation needs for the keys; `None` where it is not installed.
fn two_keys() -> Result<Option<f64>> {
    if find("openssl").is_none() {
        return Ok(None);
    }
    let begin = Instant::now();
    let key = || {
        Command::new("openssl")
            .args(["genrsa", "2048"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Ended)
    };
    let (mut one, mut other) = (key()?, key()?);
    one.0.wait()?;
    other.0.wait()?;
    Ok(Some(milliseconds(begin)))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.
}

/// A program that is ended with this value.
pub(super) struct Ended(pub(super) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
