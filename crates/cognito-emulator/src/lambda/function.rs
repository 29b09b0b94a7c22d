//! Lambda functions: Rust closures, and commands of this machine.

use std::{
    fmt,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

/// Who signed a request: an identity-pool session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Identity id, `REGION:GUID`.
    pub identity_id: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`; in the enhanced flow, `SESSION` is
    /// `CognitoIdentityCredentials`.
    pub arn: String,
    /// `AROA...:SESSION`.
    pub user_id: String,
    /// Twelve-digit account id.
    pub account: String,
}

/// What a failing function answers. Lambda still answers HTTP 200, with `X-Amz-Function-Error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// `errorType` of the payload.
    pub error_type: String,
    /// `errorMessage` of the payload.
    pub message: String,
}

/// What a function logs while it runs; its end is what `LogType=Tail` brings back.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<String>>);

impl Log {
    /// Adds a line.
    pub fn line(&self, line: impl fmt::Display) {
        let mut log = self.0.lock().expect("no panic while locked");
        log.push_str(&format!("{line}\n"));
    }

    pub(super) fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().expect("no panic while locked"))
    }
}

pub(super) type Outcome = Result<Value, FunctionError>;
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;
type Closure = dyn Fn(Value, Caller, Log) -> Running + Send + Sync;

/// A Lambda function.
#[derive(Clone)]
pub struct Function {
    pub(super) handler: Handler,
    pub(super) timeout: Duration,
    pub(super) description: String,
}

#[derive(Clone)]
pub(super) enum Handler {
    Closure(Arc<Closure>),
    Command {
        program: PathBuf,
        arguments: Vec<String>,
    },
}

impl Function {
    /// Wraps a closure from payload and caller to the answer. It must not block: [`asynchronous`](Self::asynchronous)
    /// may take its time.
    pub fn new(
        handler: impl Fn(Value, &Caller) -> Result<Value, FunctionError> + Send + Sync + 'static,
    ) -> Self {
        Self::asynchronous(move |payload, caller, _| std::future::ready(handler(payload, &caller)))
    }

    /// Wraps an asynchronous closure, which can log. It is dropped when its time is up.
    pub fn asynchronous<Running>(
        handler: impl Fn(Value, Caller, Log) -> Running + Send + Sync + 'static,
    ) -> Self
    where
        Running: Future<Output = Result<Value, FunctionError>> + Send + 'static,
    {
        Self::of(Handler::Closure(Arc::new(move |payload, caller, log| {
            Box::pin(handler(payload, caller, log))
        })))
    }

    /// Runs a program: the payload is its standard input and the answer its standard output, both JSON; what it writes to
    /// standard error is the log. An exit code other than 0 is a failure, and it is killed when its time is up.
    ///
    /// The program's environment is this process's, and the names a Lambda function knows: `AWS_REGION`,
    /// `AWS_LAMBDA_FUNCTION_NAME`, `AWS_LAMBDA_REQUEST_ID`, and `COGNITO_IDENTITY_ID` of the caller.
    pub fn command(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::of(Handler::Command {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        })
    }

    /// Lambda's own default is three seconds.
    fn of(handler: Handler) -> Self {
        Self {
            handler,
            timeout: Duration::from_secs(3),
            description: String::new(),
        }
    }

    /// Gives it so much time, up to Lambda's 15 minutes.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Says what it is for.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The demo function: greets `{"name": ...}`, and fails for `{"fail": true}`.
    pub fn hello() -> Self {
        let hello = Self::asynchronous(|payload, caller, log| async move {
            log.line(format_args!("Hello from {}", caller.identity_id));
            if payload["fail"] == json!(true) {
                return Err(FunctionError {
                    error_type: "RequestedFailure".into(),
                    message: "The payload asked this function to fail.".into(),
                });
            }
            let name = payload["name"].as_str().unwrap_or("world");
            Ok(json!({
                "message": format!("Hello from Lambda, {name}!"),
                "identityId": caller.identity_id,
            }))
        });
        hello.description("Greets whoever the payload names.")
    }

    /// Takes `{"seconds": ...}`, five without, and a minute at most.
    pub(crate) fn slow() -> Self {
        let slow = Self::asynchronous(|payload, _, log| async move {
            let seconds = payload["seconds"].as_f64().unwrap_or(5.0).clamp(0.0, 120.0);
            log.line(format_args!("Working for {seconds} s"));
            #[expect(clippy::disallowed_methods, reason = "being slow is what it is for")]
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            Ok(json!({ "seconds": seconds }))
        });
        slow.timeout(Duration::from_secs(60))
            .description("Takes as many seconds as the payload says.")
    }

    /// Logs what it was given, and fails.
    pub(crate) fn failing() -> Self {
        let failing = Self::asynchronous(|payload, _, log| async move {
            log.line(format_args!("INFO  received {payload}"));
            log.line("WARN  the order has no lines");
            log.line("ERROR order 4711 cannot be booked");
            Err(FunctionError {
                error_type: "BookingError".into(),
                message: "Order 4711 cannot be booked: it has no lines.".into(),
            })
        });
        failing.description("Logs a few lines and fails.")
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("timeout", &self.timeout)
            .field("description", &self.description)
            .finish_non_exhaustive()
    }
}
