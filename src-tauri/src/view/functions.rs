//! Functions: which there are, how one is invoked, and what came of it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::CommandError;

/// A function that can be invoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FunctionView {
    /// Its name or ARN.
    pub name: String,
    /// What its owner wrote about it.
    pub description: Option<String>,
    /// Whether the profile names it; else only AWS lists it.
    pub in_profile: bool,
}

/// How a function is to be invoked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, TS)]
pub struct FunctionInvocation {
    /// The page's number for it, by which the waiting can be ended.
    pub run: u32,
    /// The function.
    pub name: String,
    /// JSON text.
    pub payload: String,
    /// What is expected of it.
    #[serde(rename = "type")]
    pub invocation_type: InvocationType,
}

/// As Lambda's API has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum InvocationType {
    /// The answer is waited for.
    RequestResponse,
    /// The function is started.
    Event,
    /// Nothing runs; it is asked whether it might.
    DryRun,
}

/// What came of an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum FunctionOutcomeView {
    /// The function ran, and perhaps failed.
    Answered {
        /// Its answer, or its own error.
        payload: String,
        /// `Handled` or `Unhandled` when the function itself failed.
        function_error: Option<String>,
        /// The end of its log.
        log_tail: Option<String>,
        /// The version that ran.
        executed_version: Option<String>,
        /// What AWS charges for.
        billed_milliseconds: Option<u64>,
        /// How long it took from here.
        milliseconds: u64,
    },
    /// Lambda took the event.
    Started,
    /// The person may invoke it.
    Allowed,
    /// They may not.
    Denied {
        /// What is missing, and who can give it.
        error: CommandError,
    },
    /// The person waited no longer. The function may go on.
    Stopped,
}
