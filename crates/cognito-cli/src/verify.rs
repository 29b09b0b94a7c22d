//! `keyfob verify`: one verdict a line.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{lines::Lines, printable::printable, trust::Judge};

/// What is printed of one token; the members come in this order.
#[derive(Serialize)]
struct Verdict {
    line: u64,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Judges every line; whether there were any and all were valid tokens.
pub(crate) fn verify<R: Read>(
    lines: &mut Lines<R>,
    output: &mut impl Write,
    judge: &Judge,
) -> io::Result<bool> {
    let mut all_valid = true;
    let mut any = false;
    while let Some(line) = lines.next()? {
        any = true;
        let verdict = match line.token.and_then(|token| judge.verify(&token)) {
            Ok(claims) => Verdict {
                line: line.number,
                ok: true,
                claims: Some(claims),
                error: None,
                message: None,
            },
            Err(refusal) => {
                all_valid = false;
                Verdict {
                    line: line.number,
                    ok: false,
                    claims: None,
                    error: Some(refusal.code()),
                    message: Some(refusal.to_string()),
                }
            }
        };
        let json = serde_json::to_string(&verdict)?;
        writeln!(output, "{}", printable(&json))?;
        if lines.is_waiting() {
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(any && all_valid)
}
