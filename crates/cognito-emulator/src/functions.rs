//! Lambda functions as Rust closures.

use std::{fmt, sync::Arc};

use serde_json::{Value, json};

/// Who signed a request: an identity-pool session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Identity id, `REGION:GUID`.
    pub identity_id: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/CognitoIdentityCredentials`.
    pub arn: String,
    /// `AROA...:CognitoIdentityCredentials`.
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

type Handler = dyn Fn(Value, &Caller) -> Result<Value, FunctionError> + Send + Sync;

/// A Lambda function.
#[derive(Clone)]
pub struct Function(Arc<Handler>);

impl Function {
    /// Wraps a closure from payload and caller to the answer.
    pub fn new(
        handler: impl Fn(Value, &Caller) -> Result<Value, FunctionError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(handler))
    }

    /// The demo function: greets `{"name": ...}`, and fails for `{"fail": true}`.
    pub fn hello() -> Self {
        Self::new(|payload, caller| {
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
        })
    }

    pub(crate) fn call(&self, payload: Value, caller: &Caller) -> Result<Value, FunctionError> {
        (self.0)(payload, caller)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}
