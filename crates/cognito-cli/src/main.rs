//! The `keyfob` command: signs a person in, hands their AWS credentials to the programs they run, and says
//! whether tokens of a Cognito user pool are valid.
//!
//! Standard output carries data only; what goes wrong is said on standard error.
//!
//! Not for: standing in front of an API, which is the library `cognito-verifier`'s work.

mod account;
mod answers;
mod arguments;
mod aws_config;
mod browser;
mod credential_process;
mod doctor;
mod environment;
mod exec;
mod failure;
mod inspect;
mod lines;
mod login;
mod manual;
mod printable;
mod profiles;
mod roles;
mod status;
mod token;
mod trust;
mod verify;
mod when;
mod words;

use std::io::{self, BufWriter, IsTerminal};
use std::process::ExitCode;

use account::profile;
use arguments::{Arguments, Command};
use cognito_client::SignOutScope;
use failure::{FAILED, Failure, USAGE, complain};
use lines::Lines;
use trust::Judge;

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(instead) => {
            let is_mistake = instead.use_stderr();
            // Where nobody reads it, there is nobody to tell.
            drop(instead.print());
            return ExitCode::from(if is_mistake { USAGE } else { 0 });
        }
    };
    run(arguments.command).map_or_else(Failure::tell, ExitCode::from)
}

/// The exit code.
fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Login(how) => login::login(profile(how.which.profile.as_deref())?, how)?,
        Command::Logout {
            which,
            browser,
            everywhere,
            no_browser,
        } => {
            let scope = match (everywhere, browser) {
                (true, _) => SignOutScope::Everywhere,
                (false, true) => SignOutScope::Browser,
                (false, false) => SignOutScope::Device,
            };
            login::logout(profile(which.profile.as_deref())?, scope, no_browser)?;
        }
        Command::Status { which, json } => {
            return status::print(&profile(which.profile.as_deref())?, json);
        }
        Command::Whoami { which, json } => {
            status::who_am_i(&profile(which.profile.as_deref())?, json)?;
        }
        Command::Roles {
            which,
            choose,
            forget,
            json,
        } => {
            let profile = profile(which.profile.as_deref())?;
            match choose {
                Some(role) => roles::choose(&profile, &role)?,
                None if forget => roles::forget(&profile)?,
                None => roles::print(&profile, json)?,
            }
        }
        Command::Profiles { json } => profiles::print(json)?,
        Command::Exec {
            profile: name,
            server,
            command,
        } => return exec::exec(&profile(name.as_deref())?, &command, server),
        Command::Env { which, shell } => {
            environment::print(&profile(which.profile.as_deref())?, shell)?;
        }
        Command::Token { which, token_use } => {
            token::print(&profile(which.profile.as_deref())?, token_use)?;
        }
        Command::CredentialProcess { which } => {
            credential_process::print(&profile(which.profile.as_deref())?)?;
        }
        Command::AwsConfig { what } => aws_config::run(&what)?,
        Command::Doctor(how) => {
            return Ok(if doctor::run(&how)? { 0 } else { FAILED });
        }
        Command::Verify { .. } | Command::Inspect { .. } => {
            let all_well = judge(&command).map_err(|failure| match failure {
                Failure::Stream(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    let message = Failure::Stream(error).message();
                    Failure::failed(format!("{message}; not every token was judged"), "")
                }
                failure => failure,
            });
            return Ok(if all_well? { 0 } else { FAILED });
        }
        Command::Completions { shell } => manual::completions(shell)?,
        Command::Man { folder } => manual::pages(&folder)?,
        Command::Answer { may_ask } => answers::answer(may_ask)?,
    }
    Ok(0)
}

/// Whether all tokens on standard input are well.
fn judge(command: &Command) -> Result<bool, Failure> {
    let (trust, time) = match command {
        Command::Verify { trust, time } => (Some(trust), *time),
        Command::Inspect { trust, time } => (trust.as_ref(), *time),
        _ => unreachable!("the others judge nothing"),
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
