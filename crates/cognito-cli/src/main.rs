//! The `keyfob` command: says whether tokens of a Cognito user pool are valid, and what is in them.
//!
//! Standard output carries data only; what goes wrong is said on standard error.
//!
//! Not for: standing in front of an API, which is the library `cognito-verifier`'s work.

mod arguments;
mod inspect;
mod lines;
mod printable;
mod trust;
mod verify;
mod when;
mod words;

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    process::ExitCode,
};

use arguments::{Arguments, Command};
use lines::Lines;
use trust::Judge;

/// The command did what it was asked, and found something wrong.
const NOT_ALL_VALID: u8 = 1;
/// The command was called wrongly; clap ends with the same.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match run(&Arguments::read().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_ALL_VALID),
        Err(Failure::Usage(mistake)) => {
            complain(&mistake);
            ExitCode::from(USAGE)
        }
        // Whoever reads has read enough. It is no success all the same: not every token was judged.
        Err(Failure::Stream(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::from(NOT_ALL_VALID)
        }
        Err(Failure::Stream(error)) => {
            complain(&format!(
                "standard input or output broke: {error}; not every token was judged"
            ));
            ExitCode::from(NOT_ALL_VALID)
        }
    }
}

/// Why a command did not come to its end.
enum Failure {
    /// The person has to call it otherwise.
    Usage(String),
    /// Standard input cannot be read, or standard output not written.
    Stream(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

/// Whether everything is well.
fn run(command: &Command) -> Result<bool, Failure> {
    let (trust, time) = match command {
        Command::Verify { trust, time } => (Some(trust), *time),
        Command::Inspect { trust, time } => (trust.as_ref(), *time),
    };
    let judge = trust.map(|trust| Judge::new(trust, time)).transpose()?;
    let input = io::stdin().lock();
    if input.is_terminal() {
        complain("paste tokens, one a line, and end with Ctrl-D");
    }
    // Whole lines at a time, and at the latest when there is nothing more to read.
    let mut output = BufWriter::new(io::stdout().lock());
    let mut lines = Lines::new(input);
    let all_well = match (command, &judge) {
        (Command::Verify { .. }, Some(judge)) => verify::verify(&mut lines, &mut output, judge),
        (_, judge) => inspect::inspect(&mut lines, &mut output, judge.as_ref(), time),
    }?;
    if lines.count() == 0 {
        complain("there was no token on standard input");
    }
    Ok(all_well)
}

fn complain(mistake: &str) {
    // Where standard error is closed too, there is nobody to tell.
    drop(writeln!(io::stderr(), "keyfob: {mistake}"));
}
