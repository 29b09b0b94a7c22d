//! Who answers: the app where it runs, what is at hand in the keychain, or a process that renews.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cognito_agent::{
    Answer, AskError, Credentials, Place, Request, Want, ask, read_line, write_line,
};
use cognito_client::Profile;

use crate::account;
use crate::failure::Failure;

/// How long a person's own command waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// The least that is left of credentials that are handed out, where AWS gives that much: below it the AWS
/// CLI and boto3 ask again each time.
pub(crate) const AT_LEAST: Duration = Duration::from_secs(15 * 60);
/// The same where nobody can renew them, a shell and a program that is run with them: as much as there can be.
pub(crate) const TO_WORK_WITH: Duration = Duration::from_secs(12 * 60 * 60);

/// How to ask.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// How long an answer is waited for. A renewal that has begun is finished all the same.
    pub(crate) patience: Duration,
    /// Whether the keychain may ask the person for its password.
    pub(crate) may_ask: bool,
}

impl Manner {
    /// Of a command that a person has typed.
    pub(crate) const PERSON: Self = Self {
        patience: PATIENCE,
        may_ask: true,
    };
    /// Of a program that runs unattended.
    pub(crate) const PROGRAM: Self = Self {
        patience: PATIENCE,
        may_ask: false,
    };
}

/// AWS credentials of this profile, with this much left where AWS gives that much.
pub(crate) fn credentials(
    profile: &Profile,
    at_least: Duration,
    manner: Manner,
) -> Result<Credentials, Failure> {
    let at_least = at_least.as_secs();
    match obtain(profile, Want::Credentials { at_least }, manner)? {
        Answer::Credentials(credentials) => Ok(credentials),
        other => Err(unexpected(other, profile)),
    }
}

/// An answer, whoever gives it. Refusals are failures.
pub(crate) fn obtain(profile: &Profile, want: Want, manner: Manner) -> Result<Answer, Failure> {
    let until = Instant::now() + manner.patience;
    let request = Request::new(profile, want);
    let answer = match Place::of_user().map(|place| ask(&place, &request, manner.patience)) {
        Some(Err(AskError::TimedOut)) => return Err(slow()),
        None | Some(Ok(Answer::NotMine) | Err(_)) => alone(&request, profile, manner, until)?,
        Some(Ok(answer)) => answer,
    };
    match answer {
        Answer::SignInRequired { .. } | Answer::Failed { .. } | Answer::NotMine => {
            Err(unexpected(answer, profile))
        }
        answer => Ok(answer),
    }
}

/// What an answer that is no answer to the question means.
pub(crate) fn unexpected(answer: Answer, profile: &Profile) -> Failure {
    match answer {
        Answer::SignInRequired { message } => Failure::SignInRequired {
            message,
            profile: profile.name.clone(),
        },
        Answer::Failed { message, remedy } => Failure::Failed { message, remedy },
        _ => Failure::failed(
            "the Keyfob app and this command do not understand each other",
            "Install both from the same version, then start the app again.",
        ),
    }
}

fn slow() -> Failure {
    Failure::failed(
        "there was no answer in time; a renewal that has begun goes on",
        "Try again in a moment.",
    )
}

/// Without the app: what is at hand in the keychain, or what another process gets.
fn alone(
    request: &Request,
    profile: &Profile,
    manner: Manner,
    until: Instant,
) -> Result<Answer, Failure> {
    let account = account::account(profile.clone(), manner.may_ask)?;
    let at_hand = account::block_on(async {
        let at_hand = cognito_agent::answer_at_hand(&account, request);
        tokio::time::timeout_at(until.into(), at_hand).await
    })?;
    if let Some(answer) = at_hand.map_err(|_| slow())? {
        return Ok(answer);
    }
    let (answered, answer) = mpsc::channel();
    let (request, may_ask) = (request.clone(), manner.may_ask);
    // Nobody may wait for it any more.
    thread::spawn(move || drop(answered.send(by_another_process(&request, may_ask))));
    let left = until.saturating_duration_since(Instant::now());
    answer.recv_timeout(left).unwrap_or_else(|_| Err(slow()))
}

/// Has a process of its own renew and answer, which nobody ends with this one: a refresh token that was
/// replaced at the user pool and not kept here would be the end of the session.
fn by_another_process(request: &Request, may_ask: bool) -> Result<Answer, Failure> {
    let answered = || -> io::Result<Answer> {
        let mut other = Command::new(this_program()?);
        other
            .arg("answer")
            .args(may_ask.then_some("--may-ask"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Whoever reads this one's would wait for that one's end.
            .stderr(Stdio::null());
        on_its_own(&mut other);
        let mut other = other.spawn()?;
        if let Some(stdin) = other.stdin.take() {
            write_line(stdin, request)?;
        }
        let answer = read_line(other.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        // It ends with its answer; whoever this process becomes knows of no child.
        other.wait()?;
        answer
    };
    answered().map_err(|error| {
        Failure::failed(
            format!("the process that renews has failed: {error}"),
            "Try again. If it keeps happening, look at `keyfob doctor`.",
        )
    })
}

/// This very program, also when an update has put another in its place meanwhile (proc_pid_exe(5)).
#[cfg(target_os = "linux")]
fn this_program() -> io::Result<PathBuf> {
    Ok("/proc/self/exe".into())
}

#[cfg(not(target_os = "linux"))]
fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Apart from the terminal's signals, such as Ctrl-C.
#[cfg(unix)]
fn on_its_own(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(windows)]
fn on_its_own(command: &mut Command) {
    // Microsoft, "Process Creation Flags".
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    std::os::windows::process::CommandExt::creation_flags(
        command,
        CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW,
    );
}

/// `keyfob answer`: that other process. Request on standard input, answer on standard output.
pub(crate) fn answer(may_ask: bool) -> Result<(), Failure> {
    let request: Request = read_line(io::stdin().lock())?;
    let account = account::account(account::profile(Some(&request.profile))?, may_ask)?;
    let answer = account::block_on(cognito_agent::answer(&account, &request))?;
    write_line(io::stdout().lock(), &answer)?;
    Ok(())
}
