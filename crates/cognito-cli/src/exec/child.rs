//! The program that `exec` runs, and the signals that are meant for it.

use std::io;
#[cfg(unix)]
use std::io::IsTerminal as _;
use std::process::{Command, ExitStatus};

/// Takes the program's place of this one: its signals, its terminal and its exit code are then its own.
#[cfg(unix)]
pub(super) fn become_or_run(mut command: Command) -> io::Result<u8> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

/// Runs it to its end.
#[cfg(windows)]
pub(super) fn become_or_run(mut command: Command) -> io::Result<u8> {
    Ok(code(command.status()?))
}

/// As shells have it: the exit code, or 128 and the signal (POSIX, "Exit Status for Commands").
pub(super) fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    // Windows has larger ones, all of which are failures.
    u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)
}

/// What the system tells this command and means for the program. Listened to before the program runs, so that
/// none comes in between.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the program's end, and hands on what ends programs.
    pub(super) async fn wait(mut self, mut child: tokio::process::Child) -> io::Result<u8> {
        use rustix::process::{Pid, Signal, kill_process};

        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        loop {
            let signal = tokio::select! {
                ended = child.wait() => return ended.map(code),
                _ = self.interrupt.recv() => Signal::INT,
                _ = self.terminate.recv() => Signal::TERM,
                _ = self.hang_up.recv() => Signal::HUP,
            };
            // A terminal sends Ctrl-C to both: a second one would tell many programs to drop everything.
            if signal == Signal::INT && std::io::stdin().is_terminal() {
                continue;
            }
            if let Some(pid) = pid {
                // Where it has just ended there is nobody to tell.
                let _ = kill_process(pid, signal);
            }
        }
    }
}

/// What the console tells both, and this command leaves to the program.
#[cfg(windows)]
pub(super) struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// Waits for the program's end.
    pub(super) async fn wait(mut self, mut child: tokio::process::Child) -> io::Result<u8> {
        loop {
            tokio::select! {
                ended = child.wait() => return ended.map(code),
                _ = self.0.recv() => {}
            }
        }
    }
}
