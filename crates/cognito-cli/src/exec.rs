//! `keyfob exec`: a program with AWS credentials in its environment, or with an endpoint that renews them.

mod child;
mod endpoint;

use std::ffi::OsString;
use std::io;
use std::process::Command;

use cognito_client::Profile;

use crate::answers::{self, AT_LEAST, Manner, TO_WORK_WITH};
use crate::environment::{IN_THE_WAY, Variables, place, variables};
use crate::failure::Failure;

/// The exit code of the program.
pub(crate) fn exec(profile: &Profile, command: &[OsString], server: bool) -> Result<u8, Failure> {
    // Also with the endpoint: better said now than by the program in its own way.
    let at_least = if server { AT_LEAST } else { TO_WORK_WITH };
    let credentials = answers::credentials(profile, at_least, Manner::PERSON)?;
    if server {
        return endpoint::serve(profile, credentials, |variables| {
            in_environment(command, variables)
        });
    }
    let variables = variables(profile, credentials);
    child::become_or_run(in_environment(command, &variables))
        .map_err(|error| not_run(command, &error))
}

fn in_environment(command: &[OsString], variables: &Variables) -> Command {
    let (program, arguments) = command.split_first().expect("clap asks for one");
    let mut command = Command::new(program);
    command.args(arguments);
    for name in IN_THE_WAY {
        command.env_remove(name);
    }
    for (name, value) in variables {
        command.env(name, value.as_str());
    }
    command
}

fn not_run(command: &[OsString], error: &io::Error) -> Failure {
    Failure::NotRun {
        message: format!("{} cannot be run: {error}", command[0].display()),
        found: error.kind() != io::ErrorKind::NotFound,
    }
}

/// Of the endpoint: the same, less the credentials.
fn without_credentials(profile: &Profile) -> Variables {
    place(profile)
}
