//! `cognito-api` under load: processor time and requests per second beside axum alone, other checks, and Node's servers.
//!
//! The server has one core and the crowd another. Processor time is the process's own, so that what else the machine does
//! counts little; requests per second suffer from it, which is why the servers take turns.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::emulator::Ended;
use super::figures::{Series, at_least, limit, table};
use crate::process::{self, Result, Running, Sink, cargo, npm, root, target};

const ISSUER: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_KeyfobDemo";
const CLIENT: &str = "6keyfobdemodesktop00client";
const CONNECTIONS: &str = "64";
const TOKENS: &str = "10000";
/// Tokens that come again and again, for the token cache.
const CACHED: &str = "1000";
/// Seconds of a turn that count, and before that.
const LENGTH: &str = "3";
const WARM_UP: &str = "1";

/// Microseconds of processor time beyond axum and a signature check.
const OVERHEAD_MICROS: f64 = 3.;
/// Requests per second with the token cache, of axum's without any check.
const CACHED_SHARE: f64 = 0.9;
const MEMORY_MIB: f64 = 12.;
const START_MS: f64 = 50.;

/// Builds the servers: ours as they are shipped in a container, static and in the profile for it.
pub(super) fn build() -> Result {
    let ours = ["--bin=cognito-api", "--example=bench"];
    process::run("cognito-api, static", shipped("build")?.args(ours))?;
    let folder = peers();
    let mut rust = cargo(&["build", "--release", "--locked"]);
    rust.current_dir(&folder)
        .arg("--target-dir")
        .arg(rust_peers());
    process::run("benches/api-peers, Rust", &mut rust)?;
    let ci = ["ci", "--no-audit", "--no-fund"];
    process::run("benches/api-peers, Node", &mut npm(&folder, &ci))
}

/// A command of cargo about what the Dockerfile builds.
fn shipped(command: &str) -> Result<Command> {
    let mut cargo = cargo(&[command, "--profile=server", "-pcognito-api"]);
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    // Named, so that the flags do not reach what cargo runs itself.
    cargo.args(["--target", &triple()?]);
    Ok(cargo)
}

fn triple() -> Result<String> {
    let said = process::output(&mut cargo(&["-vV"]))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("cargo names no host")?.to_owned())
}

fn server(name: &str) -> Result<PathBuf> {
    Ok(target().join(triple()?).join("server").join(name))
}

fn peers() -> PathBuf {
    root().join("benches/api-peers")
}

fn rust_peers() -> PathBuf {
    target().join("api-peers")
}

/// A server of the comparison, and how many tokens it is asked with.
struct Server {
    name: &'static str,
    command: Box<dyn Fn() -> Command>,
    tokens: &'static str,
}

pub(super) fn measure(runs: u16) -> Result {
    let folder = target().join("bench-api");
    let bench = server("examples/bench")?;
    let api = server("cognito-api")?;
    process::run(
        "making tokens",
        Command::new(&bench).arg("tokens").arg(&folder).arg(TOKENS),
    )?;
    let servers = servers(&bench, &api, &folder);

    let mut micros: BTreeMap<_, Series> = BTreeMap::new();
    let mut rates: BTreeMap<_, Series> = BTreeMap::new();
    let mut resident: BTreeMap<_, Series> = BTreeMap::new();
    let mut starts = Series::new("cognito-api: exec to the first 200", "ms");
    for turn in 0..=runs {
        for server in &servers {
            let measured = under_load(server, &bench, &folder)?;
            // The first turn warms the page cache up.
            if turn > 0 {
                let name = server.name;
                let series = |unit| move || Series::new(name, unit);
                micros
                    .entry(name)
                    .or_insert_with(series("µs"))
                    .push(measured.micros);
                rates
                    .entry(name)
                    .or_insert_with(series("/s"))
                    .push(measured.rate);
                resident
                    .entry(name)
                    .or_insert_with(series("MiB"))
                    .push(measured.mib);
            }
        }
        let started = first_answer(&api, &folder)?;
        if turn > 0 {
            starts.push(started);
        }
    }
    let all = |of: &BTreeMap<&str, Series>, what: &str| {
        let series: Vec<&Series> = servers.iter().map(|server| &of[server.name]).collect();
        table(what, &series);
    };
    all(&micros, "api: processor time for a request");
    all(&rates, "api: requests a second, on one core");
    all(&resident, "api: resident memory under load, at most");
    table("api: start", &[&starts]);

    println!();
    let limits = [
        limit(
            "  processor time, beyond axum with a raw signature check",
            micros[OURS].median() - micros[RAW].median(),
            OVERHEAD_MICROS,
            " µs",
        ),
        at_least(
            "  requests with the token cache, of axum's without a check",
            rates[OURS_CACHED].times(&rates[BARE]),
            CACHED_SHARE,
        ),
        limit(
            "  resident memory",
            resident[OURS].max(),
            MEMORY_MIB,
            " MiB",
        ),
        limit("  start to the first 200", starts.median(), START_MS, " ms"),
    ];
    let broken: Vec<String> = limits
        .into_iter()
        .filter_map(|limit| Some(limit.err()?.to_string()))
        .collect();
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken.join("; ").into())
    }
}

/// The crowd of the tests at the program, for so many minutes.
pub(crate) fn endure(minutes: u16) -> Result {
    let seconds = u32::from(minutes) * 60;
    let mut test = shipped("test")?;
    test.args(["--test=load", "--", "--nocapture"]);
    test.env("COGNITO_API_LOAD_SECONDS", seconds.to_string());
    process::run(
        &format!("{minutes} minutes under load, keys rotating"),
        &mut test,
    )
}

const BARE: &str = "axum, no check";
const RAW: &str = "axum, one raw signature check";
const OURS: &str = "cognito-api";
const OURS_CACHED: &str = "cognito-api, token cache";

fn servers(bench: &Path, api: &Path, folder: &Path) -> Vec<Server> {
    let (bench, api, folder) = (bench.to_owned(), api.to_owned(), folder.to_owned());
    let serve = |name, kind: &'static str| {
        let (bench, folder) = (bench.clone(), folder.clone());
        Server {
            name,
            command: Box::new(move || {
                let mut command = on_core(0, &bench);
                command.args(["serve", kind]).arg(&folder);
                command
            }),
            tokens: TOKENS,
        }
    };
    let program = |name, level: &'static str, cache: &'static str, tokens| {
        let (api, folder) = (api.clone(), folder.clone());
        Server {
            name,
            command: Box::new(move || {
                let mut command = configured(&api, &folder, level);
                command.args(["--token-cache", cache]);
                command
            }),
            tokens,
        }
    };
    let jwks = folder.join("jwks.json");
    let rust_peer = {
        let jwks = jwks.clone();
        Server {
            name: "axum + jwt-authorizer",
            command: Box::new(move || {
                let mut command = on_core(0, &rust_peers().join("release/api-peers"));
                command.arg(&jwks);
                command
            }),
            tokens: TOKENS,
        }
    };
    let node = |name, kind: &'static str| {
        let jwks = jwks.clone();
        Server {
            name,
            command: Box::new(move || {
                let mut command = on_core(0, Path::new("node"));
                command.current_dir(peers()).env("NODE_ENV", "production");
                command.args(["server.mjs", kind]).arg(&jwks);
                command
            }),
            tokens: TOKENS,
        }
    };
    vec![
        serve(BARE, "bare"),
        serve(RAW, "raw"),
        serve("axum + VerifyLayer", "layer"),
        program(OURS, "warn", "0", TOKENS),
        program("cognito-api, a line in the log each", "info", "0", TOKENS),
        program(OURS_CACHED, "warn", "4000", CACHED),
        rust_peer,
        node("Fastify + aws-jwt-verify", "fastify-aws-jwt-verify"),
        node("Express + aws-jwt-verify", "express-aws-jwt-verify"),
        node("Express + cognito-express", "express-cognito-express"),
    ]
}

fn configured(api: &Path, folder: &Path, level: &str) -> Command {
    let mut command = on_core(0, api);
    command
        .args([
            "--issuer",
            ISSUER,
            "--client-id",
            CLIENT,
            "--listen=127.0.0.1:0",
        ])
        .arg("--jwks-file")
        .arg(folder.join("jwks.json"))
        .env("RUST_LOG", level);
    command
}

fn on_core(core: u8, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

struct Measured {
    micros: f64,
    rate: f64,
    mib: f64,
}

fn under_load(server: &Server, bench: &Path, folder: &Path) -> Result<Measured> {
    let log = Sink::Log(folder.join("server.log"));
    let mut running = Running::start(server.name, (server.command)(), log)?;
    let address = running.announced("the address", address_of)?;
    let crowd = |seconds| -> Result<Value> {
        let mut crowd = on_core(1, bench);
        crowd
            .args(["load", &address])
            .arg(folder)
            .args([CONNECTIONS, seconds, server.tokens]);
        Ok(serde_json::from_str(&process::output(&mut crowd)?)?)
    };
    crowd(WARM_UP)?;
    let before = processor_nanos(running.id())?;
    let heard = crowd(LENGTH)?;
    let nanos = processor_nanos(running.id())? - before;
    let requests = heard["requests"].as_f64().unwrap_or_default();
    if heard["lost"] != 0 || heard["statuses"]["200"] != heard["requests"] || requests < 1. {
        return Err(format!(
            "{} did not answer everything with 200: {heard}",
            server.name
        )
        .into());
    }
    Ok(Measured {
        micros: nanos / requests / 1000.,
        rate: requests / heard["seconds"].as_f64().unwrap_or(f64::NAN),
        mib: peak_mib(running.id())?,
    })
}

fn address_of(line: &str) -> Option<String> {
    Some(line.strip_prefix("Listening on http://")?.to_owned())
}

/// What all threads of a process had of the processor so far.
fn processor_nanos(pid: u32) -> Result<f64> {
    let mut nanos = 0.;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split(' ').next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(nanos)
}

pub(super) fn peak_mib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line
        .and_then(|line| line.split_whitespace().nth(1))
        .ok_or("no VmHWM")?;
    Ok(kib.parse::<f64>()? / 1024.)
}

/// Milliseconds from `exec` to a 200, with the keys in a file.
fn first_answer(api: &Path, folder: &Path) -> Result<f64> {
    let tokens = fs::read_to_string(folder.join("tokens.txt"))?;
    let token = tokens.lines().next().ok_or("no token")?;
    let begin = Instant::now();
    let mut program = Ended(
        configured(api, folder, "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let said = program.0.stdout.take().ok_or("it has no stdout")?;
    let line = BufReader::new(said).lines().next().ok_or("it ended")??;
    let address = address_of(&line).ok_or("it says no address")?;
    let answer = ureq::get(format!("http://{address}/api/hello"))
        .header("authorization", format!("Bearer {token}"))
        .call()?;
    let took = begin.elapsed().as_secs_f64() * 1000.;
    if answer.status() == 200 {
        Ok(took)
    } else {
        Err(format!("{}", answer.status()).into())
    }
}
