//! What `keyfob credential-process` costs, for `cargo xtask bench credentials`.
//!
//! `credentials_bench KEYFOB PEER N` runs that program at an emulator and prints N lines of each kind:
//! - `answer`: milliseconds of its answer from the app, of the peer, which only prints such an answer, and of its answer
//!   from the keychain;
//! - `crowd`: milliseconds until 50 at once, with the app, have theirs, and how many renewals that made;
//! - `memory`: the most memory it had, from the app and from the keychain, in megabytes;
//! - `stalled`: milliseconds until it gives up, where the identity pool does not answer the app;
//! - `idle`: milliseconds of processor time in two seconds of a session that is kept fresh and an agent nobody asks.
//!
//! It fills the keychain, and so wants one of its own.
#![expect(clippy::print_stdout, reason = "a command-line program")]

use std::collections::HashMap;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cognito_agent::{Account, Agent, Place};
use cognito_client::{MemoryStore, Profile, Session};
use cognito_emulator::{Config, Emulator, Endpoint, Fault};
use tempfile::TempDir;
use tokio::runtime::Runtime;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const CROWD: usize = 50;
const IDLE: Duration = Duration::from_secs(2);
const SETTLE: Duration = Duration::from_secs(1);

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [keyfob, peer, runs] = &arguments[..] else {
        return Err("credentials_bench KEYFOB PEER N".into());
    };
    let runs: usize = runs.parse()?;
    let bench = Bench::new(keyfob.into())?;
    bench.sign_in_by_keychain()?;
    // Before the others, which leave connections behind that end only later.
    println!("{}", bench.idle(runs)?.join("\n"));
    // The first of each warms up.
    for run in 0..=runs {
        let lines = [
            bench.answers(Path::new(peer))?,
            bench.crowd()?,
            bench.memory()?,
            bench.stalled()?,
        ];
        if run > 0 {
            println!("{}", lines.join("\n"));
        }
    }
    Ok(())
}

struct Bench {
    keyfob: PathBuf,
    profile: PathBuf,
    /// Where the app listens.
    runtime_folder: PathBuf,
    emulator: Emulator,
    runtime: Runtime,
    _folder: TempDir,
}

impl Bench {
    fn new(keyfob: PathBuf) -> Result<Self> {
        let runtime = Runtime::new()?;
        let emulator = runtime.block_on(Emulator::start(Config::demo().port(0)))?;
        let folder = tempfile::tempdir()?;
        let profile = folder.path().join("profile.toml");
        let toml = include_str!("../../cognito-client/src/local-demo.toml");
        let here = format!("127.0.0.1:{}", emulator.port());
        fs::write(&profile, toml.replace("127.0.0.1:9229", &here))?;
        Ok(Self {
            keyfob,
            profile,
            runtime_folder: folder.path().join("run"),
            emulator,
            runtime,
            _folder: folder,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.keyfob);
        command
            .args(arguments)
            .env("KEYFOB_PROFILE_FILE", &self.profile)
            .env("XDG_RUNTIME_DIR", &self.runtime_folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    fn sign_in_by_keychain(&self) -> Result {
        let mut login = self.command(&["login", "--paste", "--no-browser"]);
        let mut login = login.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let said = BufReader::new(login.stderr.take().ok_or("no standard error")?);
        for line in said.lines() {
            let line = line?;
            if line.starts_with("http") {
                let callback = self.emulator.sign_in_with(&line, "alex", "Keyfob-demo-1");
                let callback = self.runtime.block_on(callback)?;
                let stdin = login.stdin.take().ok_or("no standard input")?;
                writeln!(&stdin, "{callback}")?;
            }
        }
        if !login.wait()?.success() {
            return Err("nobody is signed in".into());
        }
        // The credentials are kept from here on.
        timed(&mut self.command(&["credential-process"]))?;
        Ok(())
    }

    /// An app with a session that has no credentials yet.
    fn app(&self) -> Result<Agent> {
        let _inside = self.runtime.enter();
        let session = Session::new(
            Profile::from_file(&self.profile)?,
            Arc::new(MemoryStore::new()),
        )?;
        self.runtime.block_on(async {
            session.restore().await;
            let url = session.begin().await?;
            let callback = self
                .emulator
                .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1");
            session.complete(&callback.await?).await?;
            Result::Ok(())
        })?;
        let fresh = session.clone();
        self.runtime.spawn(async move { fresh.keep_fresh().await });
        let account = Account::new(session);
        let place = Place::within(self.runtime_folder.join("keyfob"));
        let agent = Agent::new(place, move |_| Some(account.clone()));
        agent.set_enabled(true)?;
        Ok(agent)
    }

    fn answers(&self, peer: &Path) -> Result<String> {
        let asking = &["credential-process"];
        let app = self.app()?;
        // It has to have them first.
        timed(&mut self.command(asking))?;
        let answered = timed(&mut self.command(asking))?;
        let least = timed(
            Command::new(peer)
                .stdin(Stdio::null())
                .stdout(Stdio::piped()),
        )?;
        app.set_enabled(false)?;
        let kept = timed(&mut self.command(asking))?;
        Ok(format!("answer {answered:.3} {least:.3} {kept:.3}"))
    }

    fn crowd(&self) -> Result<String> {
        let app = self.app()?;
        let renewals = || {
            let requests = self.emulator.requests();
            let renewals = requests.iter().filter(|request| {
                request.operation.as_deref() == Some("GetCredentialsForIdentity")
            });
            renewals.count()
        };
        let before = renewals();
        let begin = Instant::now();
        let started: Vec<_> = (0..CROWD)
            .map(|_| self.command(&["credential-process"]).spawn())
            .collect();
        for one in started {
            let output = one?.wait_with_output()?;
            if !output.status.success() || output.stdout.is_empty() {
                return Err("one of the crowd was given nothing".into());
            }
        }
        let took = milliseconds(begin.elapsed());
        app.set_enabled(false)?;
        Ok(format!("crowd {took:.3} {}", renewals() - before))
    }

    fn memory(&self) -> Result<String> {
        let app = self.app()?;
        let with_app = self.most_memory()?;
        app.set_enabled(false)?;
        let without = self.most_memory()?;
        Ok(format!("memory {with_app:.3} {without:.3}"))
    }

    /// In megabytes: held at the end, where it cannot print what it has to say, it tells.
    fn most_memory(&self) -> Result<f64> {
        let (mut reader, mut writer) = std::io::pipe()?;
        // What a pipe holds (pipe(7)).
        let full = vec![b' '; 64 * 1024];
        writer.write_all(&full)?;
        let mut child = self
            .command(&["credential-process"])
            .stdout(writer)
            .spawn()?;
        let process = PathBuf::from(format!("/proc/{}", child.id()));
        loop {
            if child.try_wait()?.is_some() {
                return Err("it ended before it had anything to say".into());
            }
            let waits = fs::read_to_string(process.join("wchan")).unwrap_or_default();
            if waits.contains("pipe_write") {
                break;
            }
            std::thread::yield_now();
        }
        let status = fs::read_to_string(process.join("status"))?;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: f64 = most
            .and_then(|most| most.trim().strip_suffix(" kB")?.parse().ok())
            .ok_or("the system does not tell")?;
        std::io::copy(&mut reader, &mut std::io::sink())?;
        child.wait()?;
        Ok(kib * 1024. / 1e6)
    }

    fn stalled(&self) -> Result<String> {
        let app = self.app()?;
        self.emulator.fail_next(Endpoint::Credentials, Fault::Stall);
        let begin = Instant::now();
        let output = self.command(&["credential-process"]).output()?;
        let took = milliseconds(begin.elapsed());
        self.emulator.release();
        app.set_enabled(false)?;
        if output.status.code() == Some(1) && output.stdout.is_empty() {
            Ok(format!("stalled {took:.3}"))
        } else {
            Err(format!("without an answer it ended with {}", output.status).into())
        }
    }

    fn idle(&self, runs: usize) -> Result<Vec<String>> {
        let app = self.app()?;
        timed(&mut self.command(&["credential-process"]))?;
        // What the answer has left to do is no idleness.
        nothing(SETTLE);
        let lines = (0..runs).map(|_| {
            let before = processor_time()?;
            nothing(IDLE);
            // Thread by thread: one that has ended takes nothing of the others away.
            let spent = processor_time()?
                .into_iter()
                .map(|(thread, after)| after - before.get(&thread).copied().unwrap_or_default());
            Ok(format!("idle {:.3}", spent.sum::<f64>()))
        });
        let lines = lines.collect();
        app.set_enabled(false)?;
        lines
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "doing nothing is what is measured"
)]
fn nothing(for_so_long: Duration) {
    std::thread::sleep(for_so_long);
}

/// Milliseconds from the start of a command to its end; it has to print something and succeed.
fn timed(command: &mut Command) -> Result<f64> {
    let begin = Instant::now();
    let output = command.spawn()?.wait_with_output()?;
    let took = milliseconds(begin.elapsed());
    if output.status.success() && !output.stdout.is_empty() {
        Ok(took)
    } else {
        Err(format!(
            "{} ended with {}",
            command.get_program().display(),
            output.status
        )
        .into())
    }
}

/// Of each thread of this process but the one that asks, in milliseconds.
fn processor_time() -> Result<HashMap<OsString, f64>> {
    let own = std::process::id().to_string();
    let mut all = HashMap::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let thread = thread?;
        if thread.file_name().to_str() == Some(&own) {
            continue;
        }
        // It may have just ended.
        let stat = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let nanoseconds: f64 = stat
            .split(' ')
            .next()
            .unwrap_or_default()
            .parse()
            .unwrap_or(0.);
        all.insert(thread.file_name(), nanoseconds / 1e6);
    }
    Ok(all)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
