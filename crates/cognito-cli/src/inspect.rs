//! `keyfob inspect`: what a token says, in words, and whether anybody has checked that.

use std::io::{self, Read, Write};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use cognito_verifier::{Clock as _, VerifyError};
use serde_json::{Map, Value};

use crate::{
    arguments::Time,
    lines::{Line, Lines},
    printable::printable,
    trust::Judge,
    when,
    words::{self, Meaning},
};

const NOT_ASKED: &str = "NOT VERIFIED: anyone can write such a token. Give --use, --issuer and --client-id to verify it.";

/// Shows every line; whether there were any, and all could be read and, where there is a judge, are valid.
pub(crate) fn inspect<R: Read>(
    lines: &mut Lines<R>,
    output: &mut impl Write,
    judge: Option<&Judge>,
    time: Time,
) -> io::Result<bool> {
    let mut all_well = true;
    let mut any = false;
    while let Some(line) = lines.next()? {
        if any {
            writeln!(output)?;
        }
        any = true;
        all_well &= show(&line, output, judge, seconds(time))?;
        if lines.is_waiting() {
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(any && all_well)
}

fn seconds(time: Time) -> f64 {
    let since = time.now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

fn show(line: &Line, output: &mut impl Write, judge: Option<&Judge>, now: f64) -> io::Result<bool> {
    let number = line.number;
    let token = match &line.token {
        Ok(token) => token,
        Err(refusal) => {
            writeln!(output, "Line {number}: no token: {}", sentence(refusal))?;
            return Ok(false);
        }
    };
    let verdict = judge.map(|judge| judge.verify(token).map(drop));
    let segments: Vec<&str> = token.split('.').collect();
    let Some(header) = segments.first().and_then(|segment| object(segment)) else {
        writeln!(
            output,
            "Line {number}: no token that can be read. A token is three pieces of base64url with dots between them."
        )?;
        return Ok(false);
    };
    let claims = match segments[..] {
        [_, payload, _] => object(payload),
        _ => None,
    };
    let kind = match &claims {
        Some(claims) => match claims.get("token_use").and_then(Value::as_str) {
            Some("access") => "calls itself an access token",
            Some("id") => "calls itself an ID token",
            _ => "a signed token, of no use that Cognito knows",
        },
        None if segments.len() == 5 => {
            "an encrypted token, as Cognito's refresh tokens are; only who issued it can read it"
        }
        None => "its header can be read and its claims cannot",
    };
    writeln!(output, "Line {number}: {kind}")?;
    let well = match &verdict {
        None => {
            writeln!(output, "  {NOT_ASKED}")?;
            claims.is_some()
        }
        Some(Ok(())) => {
            writeln!(
                output,
                "  VERIFIED: the signature is the pool's, and every other check passes."
            )?;
            true
        }
        Some(Err(refusal)) => {
            writeln!(
                output,
                "  NOT VERIFIED ({}): {}",
                refusal.code(),
                sentence(refusal)
            )?;
            false
        }
    };
    writeln!(output, "\n  Header")?;
    members(output, &header, words::HEADER, now)?;
    if let Some(claims) = &claims {
        writeln!(output, "\n  Claims")?;
        members(output, claims, words::CLAIMS, now)?;
    }
    Ok(well)
}

fn members(
    output: &mut impl Write,
    object: &Map<String, Value>,
    meanings: &[Meaning],
    now: f64,
) -> io::Result<()> {
    if object.is_empty() {
        return writeln!(output, "    none");
    }
    // First what is known, in the order in which it matters.
    let known = meanings
        .iter()
        .filter_map(|meaning| Some((meaning, object.get(meaning.name)?)));
    for (meaning, value) in known {
        write!(
            output,
            "    {}: {}",
            meaning.name,
            printable(&value.to_string())
        )?;
        if let Some(date) = meaning
            .is_date
            .then(|| when::in_words(value, now))
            .flatten()
        {
            write!(output, " = {date}")?;
        }
        writeln!(output, "\n        {}", meaning.words)?;
    }
    let strange = |name: &str| meanings.iter().all(|meaning| meaning.name != name);
    for (name, value) in object.iter().filter(|(name, _)| strange(name)) {
        let name = printable(&Value::from(name.as_str()).to_string());
        let name = &name[1..name.len() - 1];
        writeln!(output, "    {name}: {}", printable(&value.to_string()))?;
        if name.starts_with("custom:") {
            writeln!(output, "        an attribute that this pool defines")?;
        }
    }
    Ok(())
}

/// A refusal as one printable sentence: it may quote the token.
fn sentence(refusal: &VerifyError) -> String {
    let quoted = printable(&Value::from(refusal.to_string()).to_string());
    format!(
        "{}.",
        quoted[1..quoted.len() - 1]
            .replace("\\\"", "\"")
            .replace("\\\\", "\\")
    )
}

/// A segment, read as leniently as can be: this is for people who want to see what is wrong.
fn object(segment: &str) -> Option<Map<String, Value>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    serde_json::from_slice(&LENIENT.decode(segment.trim()).ok()?).ok()
}
