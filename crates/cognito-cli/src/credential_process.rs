//! `keyfob credential-process`: what the AWS CLI and the SDKs run (AWS SDKs and Tools Reference Guide,
//! "Process credential provider").

use std::io::{self, Write as _};
use std::time::Duration;

use cognito_client::Profile;
use jiff::Timestamp;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::answers::{self, AT_LEAST, Manner};
use crate::failure::Failure;

/// Whoever runs it waits, and may be doing so for each of its requests: two seconds in all, of which the rest
/// is for the start and the end.
const PATIENCE: Duration = Duration::from_millis(1_850);

/// The members' names are those of the contract.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessCredentials<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

pub(crate) fn print(profile: &Profile) -> Result<(), Failure> {
    let manner = Manner {
        patience: PATIENCE,
        may_ask: false,
    };
    let credentials = answers::credentials(profile, AT_LEAST, manner)?;
    let answer = ProcessCredentials {
        version: 1,
        access_key_id: &credentials.access_key_id,
        secret_access_key: &credentials.secret_access_key,
        session_token: &credentials.session_token,
        expiration: rfc3339(credentials.expires),
        account_id: credentials.account.as_deref(),
    };
    let mut line = Zeroizing::new(Vec::with_capacity(4 * 1024));
    serde_json::to_writer(&mut *line, &answer).map_err(io::Error::from)?;
    line.push(b'\n');
    io::stdout().lock().write_all(&line)?;
    Ok(())
}

/// In UTC.
pub(crate) fn rfc3339(unix_seconds: u64) -> String {
    let seconds = i64::try_from(unix_seconds).ok();
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or(Timestamp::MAX).to_string()
}
