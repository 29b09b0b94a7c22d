//! The person's Lambda functions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cognito_aws::{Aws, Error};
use tokio::sync::oneshot;

use super::Keyfob;
use super::account::Account;
use super::usage::milliseconds;
use crate::view::{
    CommandError, ErrorCode, FunctionInvocation, FunctionOutcomeView, FunctionView, InvocationType,
};

/// The invocations whose answers are waited for, by the page's numbers. What is dropped is waited for no more.
#[derive(Default)]
pub(super) struct Runs(Mutex<HashMap<u32, oneshot::Sender<()>>>);

impl Runs {
    fn begin(&self, run: u32) -> oneshot::Receiver<()> {
        let (go_on, stopped) = oneshot::channel();
        self.lock().insert(run, go_on);
        stopped
    }

    fn end(&self, run: u32) {
        self.lock().remove(&run);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u32, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keyfob {
    /// The functions there are to invoke: the profile's, and then those that AWS lists. Most roles may not
    /// list any, and that is no error; the profile's are there.
    ///
    /// # Errors
    /// [`CommandError`] when the profile names none, and AWS could not be asked.
    pub async fn functions(&self) -> Result<Vec<FunctionView>, CommandError> {
        let account = self.current()?;
        let named = &account.profile.functions;
        let listed = match account.live.aws()?.functions().await {
            Ok(listed) => listed,
            Err(Error::NotAllowed { .. }) => Vec::new(),
            Err(error) if named.is_empty() => return Err(error.into()),
            Err(error) => {
                tracing::info!(%error, "functions are not listed");
                Vec::new()
            }
        };
        account
            .live
            .list(listed.iter().map(|function| &function.name));
        let description = |name: &String| {
            let same = listed.iter().find(|function| function.name == *name);
            same.and_then(|function| function.description.clone())
        };
        let view = |name: &String, in_profile| FunctionView {
            name: name.clone(),
            description: description(name),
            in_profile,
        };
        let others = listed.iter().map(|function| &function.name);
        let others = others.filter(|name| !named.contains(name));
        let named = named.iter().map(|name| view(name, true));
        Ok(named.chain(others.map(|name| view(name, false))).collect())
    }

    /// Invokes a Lambda function that the profile names or AWS has listed, and no other: the web view names it.
    ///
    /// # Errors
    /// [`CommandError`] when there was no answer; a function's own error is one.
    pub async fn invoke_function(
        &self,
        invocation: FunctionInvocation,
    ) -> Result<FunctionOutcomeView, CommandError> {
        let account = self.current()?;
        if !account.offers(&invocation.name) {
            return Err(CommandError {
                code: ErrorCode::NotAllowed,
                message: "The profile does not offer this function.".into(),
                remedy: "Ask your administrator to add it to the profile's `functions`.".into(),
            });
        }
        let run = invocation.run;
        let stopped = self.runs.begin(run);
        let outcome = tokio::select! {
            outcome = invoke(account.live.aws()?, invocation) => outcome,
            // Ends with an error, because nothing is ever sent.
            _ = stopped => return Ok(FunctionOutcomeView::Stopped),
        };
        self.runs.end(run);
        outcome.map_err(Into::into)
    }

    /// Waits no longer for the answer of an invocation.
    pub fn stop_waiting(&self, run: u32) {
        self.runs.end(run);
    }
}

async fn invoke(aws: &Aws, invocation: FunctionInvocation) -> Result<FunctionOutcomeView, Error> {
    let FunctionInvocation { name, payload, .. } = invocation;
    Ok(match invocation.invocation_type {
        InvocationType::RequestResponse => {
            let answer = aws.invoke(&name, &payload).await?;
            FunctionOutcomeView::Answered {
                payload: answer.payload,
                function_error: answer.function_error,
                log_tail: answer.log_tail,
                executed_version: answer.executed_version,
                billed_milliseconds: answer.billed.map(milliseconds),
                milliseconds: milliseconds(answer.elapsed),
            }
        }
        InvocationType::Event => {
            aws.invoke_event(&name, &payload).await?;
            FunctionOutcomeView::Started
        }
        InvocationType::DryRun => match aws.dry_run(&name, &payload).await {
            Ok(()) => FunctionOutcomeView::Allowed,
            Err(error @ Error::NotAllowed { .. }) => FunctionOutcomeView::Denied {
                error: error.into(),
            },
            Err(error) => return Err(error),
        },
    })
}

impl Account {
    fn offers(&self, function: &str) -> bool {
        let is_named = self.profile.functions.iter().any(|name| name == function);
        is_named || self.live.has_listed(function)
    }
}
