//! The person's Lambda functions: which there are, and running them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::time::{Duration, Instant};

use aws_sdk_lambda as lambda;
use aws_sdk_lambda::operation::invoke::builders::InvokeFluentBuilder;
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::IgnoredAny;

use crate::aws::{Aws, is_denied};
use crate::credentials::Held;
use crate::error::{AwsService, Error};
use crate::sdk::{Refusal, refusal};

/// The largest payload of a function that is waited for, in bytes (Lambda guide, "Lambda quotas").
const MAX_PAYLOAD: usize = 6 * 1024 * 1024;
/// The same of one that is not waited for.
const MAX_EVENT: usize = 1024 * 1024;
/// More functions than anybody chooses from, and so many are listed at most.
const MAX_LISTED: usize = 1_000;

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionAnswer {
    /// The payload, as received.
    pub payload: String,
    /// `Handled` or `Unhandled` when the function failed; the payload then describes the failure.
    pub function_error: Option<String>,
    /// The end of what the function logged, at most 4 KB of it.
    pub log_tail: Option<String>,
    /// The version that ran, `$LATEST` or a number.
    pub executed_version: Option<String>,
    /// How long AWS charges for, as the log says.
    pub billed: Option<Duration>,
    /// How long it took, getting credentials included.
    pub elapsed: Duration,
}

/// A function that Lambda lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSummary {
    /// Its name, unique in the account and Region.
    pub name: String,
    /// What its owner wrote about it.
    pub description: Option<String>,
}

impl Aws {
    /// The account's functions in the profile's Region, by name, at most a thousand. Most people's roles are
    /// not allowed to list them, and may invoke those they know.
    ///
    /// # Errors
    /// Any but [`Error::Payload`]; [`Error::NotAllowed`] when the role may not list functions.
    pub async fn functions(&self) -> Result<Vec<FunctionSummary>, Error> {
        let mut listed = Vec::new();
        let mut marker = None;
        while listed.len() < MAX_LISTED {
            let after = &marker;
            let page = self
                .signed(move |held: Held| async move {
                    self.lambda
                        .list_functions()
                        .set_marker(after.clone())
                        .customize()
                        .config_override(credentials(held))
                        .send()
                        .await
                        .map_err(|error| match refusal(AwsService::Lambda, &error) {
                            Ok(refusal) if is_denied(&refusal) => Error::NotAllowed {
                                action: "lambda:ListFunctions",
                                resource: "*".into(),
                                role: None,
                            },
                            Ok(refusal) => refusal.unexpected(AwsService::Lambda),
                            Err(error) => error,
                        })
                })
                .await?;
            let found = page.functions.unwrap_or_default().into_iter();
            listed.extend(found.filter_map(|function| {
                Some(FunctionSummary {
                    name: function.function_name?,
                    description: function.description.filter(|words| !words.is_empty()),
                })
            }));
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                break;
            }
        }
        listed.truncate(MAX_LISTED);
        listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }

    /// Invokes a Lambda function (its name or ARN) and waits for its answer. It is sent once: what became of
    /// a request that was not answered, only the function's owner can tell. So it is too when this is dropped:
    /// Lambda lets the function run to its end.
    ///
    /// # Errors
    /// Any. That the function itself failed is no error: see [`FunctionAnswer::function_error`].
    pub async fn invoke(&self, function: &str, payload: &str) -> Result<FunctionAnswer, Error> {
        let started = Instant::now();
        let answer = self
            .send(function, payload, MAX_PAYLOAD, |request| {
                request.log_type(LogType::Tail)
            })
            .await?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let log_tail = answer.log_result.and_then(|log| {
            // Its beginning is cut off by bytes, in the middle of a character perhaps.
            let log = BASE64_STANDARD.decode(log).ok()?;
            Some(String::from_utf8_lossy(&log).into_owned())
        });
        Ok(FunctionAnswer {
            payload: String::from_utf8(payload).map_err(|_| Error::Protocol {
                service: AwsService::Lambda,
                problem: "sent an answer that is not text",
            })?,
            function_error: answer.function_error,
            billed: log_tail.as_deref().and_then(billed),
            log_tail,
            executed_version: answer.executed_version,
            elapsed: started.elapsed(),
        })
    }

    /// Hands an event to a Lambda function and does not wait for what it does with it; Lambda tries a function
    /// that fails twice more.
    ///
    /// # Errors
    /// As [`invoke`](Self::invoke). What becomes of the event, only the function's owner can tell.
    pub async fn invoke_event(&self, function: &str, payload: &str) -> Result<(), Error> {
        self.send(function, payload, MAX_EVENT, |request| {
            request.invocation_type(InvocationType::Event)
        })
        .await?;
        Ok(())
    }

    /// Asks Lambda whether the person may invoke a function, with this payload, which runs nothing.
    ///
    /// # Errors
    /// As [`invoke`](Self::invoke); [`Error::NotAllowed`] is the answer that they may not.
    pub async fn dry_run(&self, function: &str, payload: &str) -> Result<(), Error> {
        self.send(function, payload, MAX_PAYLOAD, |request| {
            request.invocation_type(InvocationType::DryRun)
        })
        .await?;
        Ok(())
    }

    async fn send(
        &self,
        function: &str,
        payload: &str,
        limit: usize,
        how: impl Fn(InvokeFluentBuilder) -> InvokeFluentBuilder + Sync,
    ) -> Result<InvokeOutput, Error> {
        check(payload, limit)?;
        let how = &how;
        let answer = self
            .signed(move |held: Held| async move {
                let request = self.lambda.invoke().function_name(function);
                how(request.payload(Blob::new(payload)))
                    .customize()
                    .config_override(credentials(held))
                    .send()
                    .await
                    .map_err(|error| self.invoke_refusal(function, limit, &error))
            })
            .await;
        match answer {
            Err(Error::NotAllowed {
                action, resource, ..
            }) => {
                // Lambda's refusal names the role in prose only; STS says it for sure.
                let caller = self.caller_identity().await.ok();
                Err(Error::NotAllowed {
                    action,
                    resource,
                    role: caller.map(|caller| caller.role_arn),
                })
            }
            answer => answer,
        }
    }

    fn invoke_refusal(
        &self,
        function: &str,
        limit: usize,
        error: &lambda::error::SdkError<InvokeError, lambda::config::http::HttpResponse>,
    ) -> Error {
        let refusal: Refusal = match refusal(AwsService::Lambda, error) {
            Ok(refusal) => refusal,
            Err(error) => return error,
        };
        match refusal.code.as_str() {
            "ResourceNotFoundException" | "ValidationException" => Error::Configuration {
                problem: format!(
                    "there is no Lambda function “{function}” in {}",
                    self.session().profile().region
                ),
                remedy: "Ask your administrator to correct the profile's `functions` or `region`."
                    .into(),
            },
            "InvalidRequestContentException" => Error::Payload {
                problem: "is not what AWS Lambda takes for JSON".into(),
            },
            "RequestTooLargeException" => too_large(limit),
            _ if is_denied(&refusal) => Error::NotAllowed {
                action: "lambda:InvokeFunction",
                resource: function.to_owned(),
                role: None,
            },
            _ => refusal.unexpected(AwsService::Lambda),
        }
    }
}

fn credentials(held: Held) -> lambda::config::Builder {
    lambda::config::Builder::new().credentials_provider(held.credentials)
}

fn check(payload: &str, limit: usize) -> Result<(), Error> {
    if payload.len() > limit {
        return Err(too_large(limit));
    }
    match serde_json::from_str::<IgnoredAny>(payload) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Payload {
            problem: format!("is not JSON: {error}"),
        }),
    }
}

fn too_large(limit: usize) -> Error {
    let wait = if limit == MAX_EVENT {
        " for a function that is not waited for"
    } else {
        ""
    };
    Error::Payload {
        problem: format!(
            "is larger than the {} MB that AWS Lambda takes{wait}",
            limit / (1024 * 1024)
        ),
    }
}

/// What the platform's last line says is charged: the part `Billed Duration: 2 ms` of one that begins with
/// `REPORT`, its parts separated by tabs; or, where the function logs in JSON, `"billedDurationMs":2` (Lambda
/// guide, "Working with Lambda function logs").
fn billed(log: &str) -> Option<Duration> {
    let is_report =
        |line: &&str| line.starts_with("REPORT ") || line.contains("\"platform.report\"");
    let report = log.lines().rev().find(is_report)?;
    let (_, after) = report
        .split_once("\tBilled Duration: ")
        .or_else(|| report.split_once("\"billedDurationMs\":"))?;
    let after = after.trim_start();
    let end = after.find(|letter: char| !letter.is_ascii_digit());
    let milliseconds = after[..end.unwrap_or(after.len())].parse().ok()?;
    Some(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_report_says_what_is_charged() {
        let text = "START RequestId: 1 Version: $LATEST\n\tBilled Duration: 9 ms, I say\nEND RequestId: 1\nREPORT RequestId: 1\tDuration: 1.30 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\n";
        assert_eq!(billed(text), Some(Duration::from_millis(2)));
        let json = r#"{"type":"platform.report","record":{"metrics":{"durationMs":1.3,"billedDurationMs":2,"memorySizeMB":128}}}"#;
        assert_eq!(billed(json), Some(Duration::from_millis(2)));
        for nothing in [
            "",
            "REPORT",
            "REPORT \tBilled Duration: soon",
            "\tBilled Duration: 2 ms",
            r#"{"type":"platform.report","billedDurationMs":-1}"#,
        ] {
            assert_eq!(billed(nothing), None, "{nothing}");
        }
    }
}
