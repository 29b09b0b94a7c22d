//! The program that `exec` runs, and the signals that are meant for it.

use std::io;
use std::process::{Command, ExitStatus};
#[cfg(unix)]
use std::task::Poll;

/// Takes the program's place of this one: its signals, its terminal and its exit code are then its own.
#[cfg(unix)]
pub(super) fn become_or_run(mut command: Command) -> io::Result<u8> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

/// Runs it to its end, which Ctrl-C is not for this command.
#[cfg(windows)]
pub(super) fn become_or_run(command: Command) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let signals = Signals::new()?;
        let child = tokio::process::Command::from(command).spawn()?;
        signals.wait(child).await
    })
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
pub(super) struct Signals(Vec<(rustix::process::Signal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};

        let ignored = ignored();
        let mut heard = Vec::new();
        for (name, kind) in [
            (Signal::INT, SignalKind::interrupt()),
            (Signal::TERM, SignalKind::terminate()),
            (Signal::HUP, SignalKind::hangup()),
            (Signal::QUIT, SignalKind::quit()),
            (Signal::USR1, SignalKind::user_defined1()),
            (Signal::USR2, SignalKind::user_defined2()),
        ] {
            // What `nohup` and shells have ignored, the program ignores too (POSIX, "exec"), unless it is heard here.
            if ignored & (1 << (name.as_raw() - 1)) == 0 {
                heard.push((name, signal(kind)?));
            }
        }
        Ok(Self(heard))
    }

    async fn next(&mut self) -> rustix::process::Signal {
        std::future::poll_fn(|context| {
            let mut all = self.0.iter_mut();
            match all.find_map(|(name, heard)| heard.poll_recv(context).is_ready().then_some(*name))
            {
                Some(name) => Poll::Ready(name),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Waits for the program's end, and hands on what is meant for it.
    pub(super) async fn wait(mut self, mut child: tokio::process::Child) -> io::Result<u8> {
        use rustix::process::{Pid, Signal, kill_process};

        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        loop {
            let signal = tokio::select! {
                ended = child.wait() => return ended.map(code),
                signal = self.next() => signal,
            };
            // A terminal sends Ctrl-C to both: a second one would tell many programs to drop everything.
            if matches!(signal, Signal::INT | Signal::QUIT) && is_in_front() {
                continue;
            }
            if let Some(pid) = pid {
                // Where it has just ended there is nobody to tell.
                let _ = kill_process(pid, signal);
            }
        }
    }
}

/// The signals that whoever started this command has had ignored, a bit each (proc_pid_status(5), `SigIgn`). The other
/// systems have no interface for it that could be used without unsafe code.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

/// Whether the terminal's keys are for this command, and so for the program too.
#[cfg(unix)]
fn is_in_front() -> bool {
    use rustix::process::getpgrp;
    use rustix::termios::tcgetpgrp;

    let terminal = std::fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|front| front == getpgrp()))
}

/// What the console tells both, and this command leaves to the program.
#[cfg(windows)]
pub(super) struct Signals {
    ctrl_c: tokio::signal::windows::CtrlC,
    ctrl_break: tokio::signal::windows::CtrlBreak,
}

#[cfg(windows)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            ctrl_c: tokio::signal::windows::ctrl_c()?,
            ctrl_break: tokio::signal::windows::ctrl_break()?,
        })
    }

    /// Waits for the program's end.
    pub(super) async fn wait(mut self, mut child: tokio::process::Child) -> io::Result<u8> {
        loop {
            tokio::select! {
                ended = child.wait() => return ended.map(code),
                _ = self.ctrl_c.recv() => {}
                _ = self.ctrl_break.recv() => {}
            }
        }
    }
}
