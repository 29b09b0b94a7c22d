//! `keyfob profiles`.

use std::io::{self, Write as _};

use cognito_client::Origin;
use serde_json::{Value, json};

use crate::account::{Known, known};
use crate::failure::Failure;

pub(crate) fn print(as_json: bool) -> Result<(), Failure> {
    let Known {
        profiles,
        selected,
        unusable,
    } = known();
    let is_selected = |name: &str| selected.as_deref() == Some(name);
    let mut output = io::stdout().lock();
    if as_json {
        let all: Vec<Value> = profiles
            .iter()
            .map(|(profile, origin)| {
                json!({
                    "name": profile.name,
                    "selected": is_selected(&profile.name),
                    "origin": match origin {
                        Origin::User => "user",
                        Origin::Machine => "machine",
                        Origin::BuiltIn => "built-in",
                    },
                    "region": profile.region,
                })
            })
            .collect();
        writeln!(output, "{}", Value::from(all))?;
    } else {
        let longest = profiles
            .iter()
            .map(|(profile, _)| profile.name.chars().count());
        let width = longest.max().unwrap_or(0);
        for (profile, origin) in &profiles {
            let mark = if is_selected(&profile.name) { '*' } else { ' ' };
            let origin = match origin {
                Origin::User => "yours",
                Origin::Machine => "an administrator's",
                Origin::BuiltIn => "built in",
            };
            writeln!(output, "{mark} {:width$}  {origin}", profile.name)?;
        }
    }
    // The others can be used all the same.
    for failure in unusable {
        failure.tell();
    }
    Ok(())
}
