//! The built program.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
};

pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cognito-api"));
    // Nothing of the machine's environment may decide a test.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COGNITO_API_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running server. Killed, by its own pid, when a test fails.
pub struct Program {
    pub child: Child,
    pub stdout: BufReader<ChildStdout>,
    pub url: String,
    /// Read all the time: a program that can write no more waits.
    log: Option<JoinHandle<String>>,
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line
            .trim_end()
            .strip_prefix("Listening on ")
            .expect("says where it listens")
            .to_owned();
        let mut stderr = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        Self {
            child,
            stdout,
            url,
            log: Some(log),
        }
    }

    /// Waits for the end: the exit code, the rest of standard output, and the log.
    pub fn end(mut self) -> (Option<i32>, String, String) {
        let log = self.log.take().unwrap().join().unwrap();
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        (self.child.wait().unwrap().code(), stdout, log)
    }

    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
