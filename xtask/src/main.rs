//! The project's own commands; `cargo xtask` lists them.
//!
//! Not for users of Keyfob: it needs the source tree.
#![expect(clippy::print_stdout, reason = "a command-line program")]

mod bench;
mod chaos;
mod demo;
mod journey;
mod leaks;
mod process;
mod sandbox;
mod setup;
mod test;
mod webdriver;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo              set up what is missing, build, and open the app on a local pool
    --headless        the whole journey with no person and no display; pictures in target/demo
    --port PORT       the emulator's port (9229)
    --api-port PORT   the protected API's port (9230)
  test              set up what is missing, and run every test
    --no-journey      leave out the journey through the real window and browser
  chaos             16 processes share a session, are killed and lied to, and must not lose it
    --minutes N       how long, in two halves: without and with a grace period (2)
    --seed S          repeats what a run did that printed this seed
    --without-locks   lets the processes get in each other's way, to see that losses are found
  bench [NAME]      measure release builds beside their peers: startup, sign-in, session, credentials, emulator,
                    verifier, api, files; or all
    --runs N          how often (12)
    --minutes N       with api: instead, a crowd at it for so long, its keys rotating
  setup             only set up what is missing (for demo; with --tests also for test)

CI=true installs system packages without asking.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, rest)) => dispatch(command, rest),
        None => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, arguments: &[String]) -> process::Result {
    let mut options = Options(arguments.to_vec());
    match command {
        "setup" => {
            let scope = if options.flag("--tests") {
                setup::Scope::Test
            } else {
                setup::Scope::Build
            };
            options.none_left()?;
            setup::setup(scope)
        }
        "test" => {
            let journey = !options.flag("--no-journey");
            options.none_left()?;
            test::test(journey)
        }
        "demo" => {
            let headless = options.flag("--headless");
            let port = options.value("--port")?;
            let api_port = options.value("--api-port")?;
            options.none_left()?;
            if headless {
                demo::headless()
            } else {
                demo::demo(
                    port.unwrap_or(demo::PORT),
                    api_port.unwrap_or(demo::API_PORT),
                )
            }
        }
        "chaos" => {
            let minutes = options.value("--minutes")?;
            let seed = options.value("--seed")?;
            let without_locks = options.flag("--without-locks");
            options.none_left()?;
            setup::setup(setup::Scope::Headless)?;
            let minutes = minutes.unwrap_or(chaos::MINUTES);
            chaos::chaos(minutes, seed, without_locks, |chaos| {
                process::run("chaos", chaos)
            })
        }
        "bench" => {
            let runs = options.value("--runs")?;
            let minutes = options.value("--minutes")?;
            bench::bench(&options.0, runs, minutes)
        }
        // Not for people: what runs inside the private session that `sandbox` opens.
        sandbox::INSIDE => sandbox::inside(arguments),
        journey::JOURNEY => journey::journey(),
        bench::INSIDE => bench::inside(arguments),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("cargo xtask knows no `{command}`.\n\n{USAGE}").into()),
    }
}

/// The words after the command, taken out as they are understood.
struct Options(Vec<String>);

impl Options {
    fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() < before
    }

    fn value<T: std::str::FromStr>(&mut self, name: &str) -> process::Result<Option<T>> {
        let Some(at) = self.0.iter().position(|word| word == name) else {
            return Ok(None);
        };
        self.0.remove(at);
        let wrong = || format!("{name} needs a number that fits");
        if at == self.0.len() {
            return Err(wrong().into());
        }
        Ok(Some(self.0.remove(at).parse().map_err(|_| wrong())?))
    }

    fn none_left(&self) -> process::Result {
        match self.0.first() {
            Some(word) => Err(format!("what is `{word}`?\n\n{USAGE}").into()),
            None => Ok(()),
        }
    }
}
