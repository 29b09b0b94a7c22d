//! `keyfob status` and `keyfob whoami`.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use cognito_agent::{Answer, SignedIn, Status, Want};
use cognito_client::{Profile, SystemClock};
use cognito_verifier::Clock as _;
use serde_json::{Value, json};

use crate::answers::{self, Manner};
use crate::failure::{Failure, SIGN_IN_REQUIRED};
use crate::printable::printable;
use crate::when;

/// A prompt is not kept longer than this.
const PATIENCE: Duration = Duration::from_millis(1_850);

/// The exit code with which a prompt sees that nobody is signed in.
pub(crate) fn print(profile: &Profile, as_json: bool) -> Result<u8, Failure> {
    let manner = Manner {
        patience: PATIENCE,
        may_ask: false,
    };
    let status = match answers::obtain(profile, Want::Status, manner)? {
        Answer::Status(status) => status,
        other => return Err(answers::unexpected(other, profile)),
    };
    let text = if as_json {
        json_of(&profile.name, &status).to_string()
    } else {
        words_of(&profile.name, &status)
    };
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(match status.signed_in {
        Some(_) => 0,
        None => SIGN_IN_REQUIRED,
    })
}

fn json_of(profile: &str, status: &Status) -> Value {
    let who = status.signed_in.as_ref();
    json!({
        "profile": profile,
        "signed_in": who.is_some(),
        "session_ended": status.session_ended,
        "username": who.map(|who| &who.username),
        "name": who.and_then(|who| who.name.as_ref()),
        "email": who.and_then(|who| who.email.as_ref()),
        "token_expires": who.map(|who| who.token_expires),
        "session_expires": who.map(|who| who.session_expires),
        "credentials_expire": status.credentials_expire,
    })
}

fn words_of(profile: &str, status: &Status) -> String {
    let Some(who) = &status.signed_in else {
        let why = if status.session_ended {
            "the session has ended"
        } else {
            "signed out"
        };
        return format!("{profile}: {why}");
    };
    let mut text = format!("{profile}: signed in as {}", name_of(who));
    let mut line = |what: &str, until: u64| {
        if let Some(until) = words(until) {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{what} until {until}");
        }
    };
    line("session", who.session_expires);
    if let Some(until) = status.credentials_expire {
        line("AWS credentials", until);
    }
    text
}

fn words(unix_seconds: u64) -> Option<String> {
    let now = SystemClock.now().duration_since(UNIX_EPOCH);
    when::in_words(&unix_seconds.into(), now.unwrap_or_default().as_secs_f64())
}

/// `alex (Alex Morgan, alex@example.com)`, fit for a terminal.
fn name_of(who: &SignedIn) -> String {
    let more: Vec<&str> = [&who.name, &who.email]
        .into_iter()
        .filter_map(|text| text.as_deref())
        .collect();
    let text = if more.is_empty() {
        who.username.clone()
    } else {
        format!("{} ({})", who.username, more.join(", "))
    };
    printable(&text)
}

pub(crate) fn who_am_i(profile: &Profile, as_json: bool) -> Result<(), Failure> {
    let caller = match answers::obtain(profile, Want::CallerIdentity, Manner::PERSON)? {
        Answer::CallerIdentity(caller) => caller,
        other => return Err(answers::unexpected(other, profile)),
    };
    let mut output = io::stdout().lock();
    if as_json {
        let caller = json!({
            "profile": profile.name,
            "account": caller.account,
            "role": caller.role,
            "arn": caller.arn,
            "identity_id": caller.identity_id,
            "credentials_expire": caller.expires,
        });
        writeln!(output, "{caller}")?;
    } else {
        writeln!(output, "account   {}", caller.account)?;
        writeln!(output, "role      {}", caller.role)?;
        writeln!(output, "identity  {}", caller.identity_id)?;
        if let Some(until) = words(caller.expires) {
            writeln!(output, "until     {until}")?;
        }
    }
    Ok(())
}
