//! Running a function: time limit, failures, and the log around it.

use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::{Instant, timeout},
};

use super::{
    MAX_PAYLOAD,
    function::{Caller, Function, FunctionError, Handler, Log, Outcome},
};
use crate::random;

/// `LogResult` is the last 4 KB.
const TAIL: usize = 4096;

/// What became of an invocation.
pub(super) struct Finished {
    /// The answer, or the error object.
    pub(super) payload: Value,
    pub(super) failed: bool,
    log: String,
}

/// Where a function runs, for what it can ask about itself.
pub(super) struct Place<'a> {
    pub(super) region: &'a str,
    pub(super) name: &'a str,
}

impl Finished {
    pub(super) fn log_tail(&self) -> &str {
        let mut start = self.log.len().saturating_sub(TAIL);
        while !self.log.is_char_boundary(start) {
            start += 1;
        }
        &self.log[start..]
    }
}

pub(super) async fn run(
    function: &Function,
    place: &Place<'_>,
    payload: Value,
    caller: Caller,
) -> Finished {
    let id = random::uuid();
    let log = Log::default();
    let start = Instant::now();
    let running = async {
        match &function.handler {
            Handler::Closure(handler) => handler(payload, caller, log.clone()).await,
            Handler::Command { program, arguments } => {
                let command = command(program, arguments, place, &id, &caller);
                converse(command, &payload, &log, &id).await
            }
        }
    };
    let outcome = timeout(function.timeout, running).await;
    let took = start.elapsed();
    let seconds = function.timeout.as_secs_f64();
    let outcome = outcome.unwrap_or_else(|_| {
        let message = format!("Task timed out after {seconds:.2} seconds");
        log.line(format_args!("{id} {message}"));
        fail(
            "Sandbox.Timedout",
            format!("RequestId: {id} Error: {message}"),
        )
    });
    let milliseconds = took.as_secs_f64() * 1000.0;
    let log = format!(
        "START RequestId: {id} Version: $LATEST\n{}END RequestId: {id}\nREPORT RequestId: {id}\tDuration: \
         {milliseconds:.2} ms\tBilled Duration: {} ms\tMemory Size: 128 MB\t\n",
        log.take(),
        milliseconds.ceil()
    );
    let failed = outcome.is_err();
    let payload = outcome.unwrap_or_else(
        |failure| json!({ "errorMessage": failure.message, "errorType": failure.error_type }),
    );
    Finished {
        payload,
        failed,
        log,
    }
}

fn fail(error_type: &str, message: impl Into<String>) -> Outcome {
    Err(FunctionError {
        error_type: error_type.into(),
        message: message.into(),
    })
}

fn command(
    program: &Path,
    arguments: &[String],
    place: &Place<'_>,
    id: &str,
    caller: &Caller,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("AWS_REGION", place.region)
        .env("AWS_LAMBDA_FUNCTION_NAME", place.name)
        .env("AWS_LAMBDA_REQUEST_ID", id)
        .env("COGNITO_IDENTITY_ID", &caller.identity_id)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // When its time is up, and when the emulator ends.
        .kill_on_drop(true);
    command
}

async fn converse(mut command: Command, payload: &Value, log: &Log, id: &str) -> Outcome {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let program = command.as_std().get_program().to_string_lossy();
            log.line(format_args!("cannot run {program}: {error}"));
            return fail(
                "Runtime.InvalidEntrypoint",
                format!("RequestId: {id} Error: cannot run {program}: {error}"),
            );
        }
    };
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let give = async {
        if let Some(mut stdin) = stdin {
            // A program need not read what it is given.
            let _ = stdin.write_all(payload.to_string().as_bytes()).await;
        }
    };
    let answer = async {
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            let mut limited = stdout.take(MAX_PAYLOAD as u64 + 1);
            limited.read_to_end(&mut answer).await?;
        }
        io::Result::Ok(answer)
    };
    // Whatever was written until time is up is in the log.
    let listen = async {
        let mut piece = [0; 4096];
        let mut unfinished = Vec::new();
        let Some(mut stderr) = stderr else { return };
        while let Ok(length @ 1..) = stderr.read(&mut piece).await {
            unfinished.extend_from_slice(&piece[..length]);
            while let Some(end) = unfinished.iter().position(|byte| *byte == b'\n') {
                let line: Vec<_> = unfinished.drain(..=end).collect();
                log.line(String::from_utf8_lossy(&line[..end]));
            }
        }
        if !unfinished.is_empty() {
            log.line(String::from_utf8_lossy(&unfinished));
        }
    };
    let ((), answer, (), status) = tokio::join!(give, answer, listen, child.wait());
    let (answer, status) = match (answer, status) {
        (Ok(answer), Ok(status)) => (answer, status),
        (Err(error), _) | (_, Err(error)) => {
            return fail("Runtime.Unknown", format!("RequestId: {id} Error: {error}"));
        }
    };
    if !status.success() {
        return fail(
            "Runtime.ExitError",
            format!(
                "RequestId: {id} Error: Runtime exited with error: {}",
                how(status)
            ),
        );
    }
    if answer.len() > MAX_PAYLOAD {
        return fail(
            "Function.ResponseSizeTooLarge",
            format!(
                "Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes)."
            ),
        );
    }
    let answer = answer.trim_ascii();
    if answer.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(answer).or_else(|error| {
        fail(
            "Runtime.MarshalError",
            format!("The command's standard output is not JSON: {error}"),
        )
    })
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}
