//! The environment that AWS's tools take credentials from, as aws-vault sets it; and `keyfob env`, which prints it.

use std::io::{self, Write as _};

use cognito_agent::Credentials;
use cognito_client::Profile;
use zeroize::Zeroizing;

use crate::answers::{self, Manner, TO_WORK_WITH};
use crate::arguments::Dialect;
use crate::credential_process::rfc3339;
use crate::failure::Failure;

/// What would come before these credentials, or be mixed with them.
pub(crate) const IN_THE_WAY: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// Names and values.
pub(crate) type Variables = Vec<(&'static str, Zeroizing<String>)>;

/// Where AWS is, and which profile this is of.
pub(crate) fn place(profile: &Profile) -> Variables {
    let text = |text: &str| Zeroizing::new(text.to_owned());
    let mut variables = vec![
        ("KEYFOB_PROFILE", text(&profile.name)),
        // By which prompts show whose credentials a shell has.
        ("AWS_VAULT", text(&profile.name)),
        ("AWS_REGION", text(&profile.region)),
        ("AWS_DEFAULT_REGION", text(&profile.region)),
    ];
    // As the SDKs have it (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
    let endpoints = &profile.endpoints;
    for (name, endpoint) in [
        ("AWS_ENDPOINT_URL_STS", &endpoints.sts),
        ("AWS_ENDPOINT_URL_S3", &endpoints.s3),
        ("AWS_ENDPOINT_URL_LAMBDA", &endpoints.lambda),
    ] {
        if let Some(endpoint) = endpoint {
            variables.push((name, text(endpoint.as_str())));
        }
    }
    variables
}

/// All of it.
pub(crate) fn variables(profile: &Profile, credentials: Credentials) -> Variables {
    let mut variables = place(profile);
    variables.extend([
        (
            "AWS_ACCESS_KEY_ID",
            Zeroizing::new(credentials.access_key_id),
        ),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key),
        ("AWS_SESSION_TOKEN", credentials.session_token),
        (
            "AWS_CREDENTIAL_EXPIRATION",
            Zeroizing::new(rfc3339(credentials.expires)),
        ),
    ]);
    variables
}

pub(crate) fn print(profile: &Profile, dialect: Dialect) -> Result<(), Failure> {
    let credentials = answers::credentials(profile, TO_WORK_WITH, Manner::PERSON)?;
    let text = dialect.commands(&variables(profile, credentials));
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

impl Dialect {
    fn commands(self, variables: &Variables) -> Zeroizing<String> {
        let set = |name: &str| variables.iter().any(|(set, _)| *set == name);
        let mut text = Zeroizing::new(String::with_capacity(8 * 1024));
        for name in IN_THE_WAY.into_iter().filter(|name| !set(name)) {
            text.push_str(&match self {
                Self::Sh => format!("unset {name}\n"),
                Self::Fish => format!("set -e {name}\n"),
                Self::Powershell => {
                    format!("Remove-Item Env:{name} -ErrorAction SilentlyContinue\n")
                }
            });
        }
        for (name, value) in variables {
            let (before, after) = match self {
                Self::Sh => ("export ", "="),
                Self::Fish => ("set -gx ", " "),
                Self::Powershell => ("$Env:", " = "),
            };
            text.push_str(before);
            text.push_str(name);
            text.push_str(after);
            text.push('\'');
            for c in value.chars() {
                self.quote(c, &mut text);
            }
            text.push_str("'\n");
        }
        text
    }

    /// Within single quotes.
    fn quote(self, c: char, text: &mut String) {
        match (self, c) {
            (Self::Sh, '\'') => text.push_str(r"'\''"),
            (Self::Fish, '\'' | '\\') => text.extend(['\\', c]),
            // PowerShell takes the typographic ones for the same.
            (Self::Powershell, '\'' | '\u{2018}'..='\u{201b}') => text.extend([c, c]),
            _ => text.push(c),
        }
    }
}

/// For a POSIX shell, in quotes where it needs them.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("'");
    for c in text.chars() {
        Dialect::Sh.quote(c, &mut quoted);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(dialect: Dialect, value: &str) -> String {
        let commands = dialect.commands(&vec![("NAME", Zeroizing::new(value.to_owned()))]);
        let last = commands.lines().last().unwrap();
        last.to_owned()
    }

    #[test]
    fn no_value_leaves_its_quotes() {
        for (value, sh, fish, powershell) in [
            (
                "a+/=",
                "export NAME='a+/='",
                "set -gx NAME 'a+/='",
                "$Env:NAME = 'a+/='",
            ),
            (
                "$(x) `y` \"z\"",
                "export NAME='$(x) `y` \"z\"'",
                "set -gx NAME '$(x) `y` \"z\"'",
                "$Env:NAME = '$(x) `y` \"z\"'",
            ),
            (
                r"it's \ ’",
                r"export NAME='it'\''s \ ’'",
                r"set -gx NAME 'it\'s \\ ’'",
                r"$Env:NAME = 'it''s \ ’’'",
            ),
        ] {
            assert_eq!(line(Dialect::Sh, value), sh);
            assert_eq!(line(Dialect::Fish, value), fish);
            assert_eq!(line(Dialect::Powershell, value), powershell);
        }
    }

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        assert_eq!(quoted("example-1"), "example-1");
        assert_eq!(quoted("Local demo"), "'Local demo'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
