//! `credential_process`: the command line the AWS CLI and the SDKs run for credentials.
//!
//! SDKs and tools reference, "Process credential provider": no shell, no `~`, no variables; what has a space stands in
//! double quotes. In truth botocore splits the line itself, and others hand it to `sh -c` or `cmd /C`: so it has
//! only what all of them read alike.

use std::path::Path;

use super::SharedConfigError;

/// The program's name, by which a line is known as ours wherever the program is.
const PROGRAM: &str = "keyfob";
const SUBCOMMAND: &str = "credential-process";

/// What a line runs, and for which of Keyfob's profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ours {
    pub(super) program: String,
    pub(super) profile: String,
}

/// The value of `credential_process` for this profile of Keyfob's.
pub(super) fn value(
    program: &Path,
    profile: &str,
    windows: bool,
) -> Result<String, SharedConfigError> {
    let unfit = |path: &str, reason: String| SharedConfigError::Program {
        program: path.to_owned(),
        reason,
    };
    let Some(path) = program.to_str() else {
        let path = program.display().to_string();
        return Err(unfit(&path, "its path is not text".into()));
    };
    if !program.is_absolute() {
        return Err(unfit(path, "its path is not absolute".into()));
    }
    let path_like = if windows { '\\' } else { '/' };
    if let Some(reason) = misread(path, windows, path_like) {
        return Err(unfit(path, format!("its path has {reason}")));
    }
    if let Some(reason) = misread(profile, windows, '/') {
        return Err(SharedConfigError::ProfileName {
            profile: profile.to_owned(),
            reason: format!("has {reason}"),
        });
    }
    Ok(format!(
        "{} {SUBCOMMAND} --profile {}",
        quoted(path),
        quoted(profile)
    ))
}

/// What somebody would read as something else, even between double quotes.
fn misread(word: &str, windows: bool, allowed: char) -> Option<String> {
    let special = |c: char| match c {
        '"' | '$' | '`' | '\\' => c != allowed,
        '%' => windows,
        _ => c.is_control(),
    };
    if let Some(c) = word.chars().find(|c| special(*c)) {
        return Some(format!("`{}`", c.escape_debug()));
    }
    if word.contains(" #") || word.contains(" ;") || word.starts_with(['#', ';']) {
        return Some("a `#` or `;` that begins a comment".into());
    }
    // The AWS CLI reads the file in the code page of the computer.
    (windows && !word.is_ascii()).then(|| "letters that the AWS CLI misreads on Windows".into())
}

/// In quotes only where it needs them, and after the first slash: of a line that begins with a quote, `cmd /C` takes
/// away the first and the last one, and the AWS SDK for Go v1 all that comes after the second
/// (<https://github.com/aws/aws-sdk-go-v2/issues/3208> has more of it).
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./\\:".contains(c);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    let (slash, rest) = word.split_at(usize::from(word.starts_with('/')));
    format!("{slash}\"{rest}\"")
}

/// Whether a value is a line of ours, of whatever place and profile.
pub(super) fn ours(value: &[u8], windows: bool) -> Option<Ours> {
    let words = words(std::str::from_utf8(value).ok()?, windows);
    let [program, subcommand, arguments @ ..] = words.as_slice() else {
        return None;
    };
    let file = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let file = file.strip_suffix(".exe").unwrap_or(file);
    if !file.eq_ignore_ascii_case(PROGRAM) || subcommand != SUBCOMMAND {
        return None;
    }
    let profile = arguments.iter().enumerate().find_map(|(index, word)| {
        match word.strip_prefix("--profile") {
            Some("") => arguments.get(index + 1).cloned(),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => None,
        }
    })?;
    Some(Ours {
        program: program.clone(),
        profile,
    })
}

/// Splits as botocore does what [`value`] has written; with quotes inside quotes it need not bother.
fn words(line: &str, windows: bool) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut quote, mut in_word) = (None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"') | (None, '\'') if c == '"' || !windows => {
                quote = Some(c);
                if !in_word {
                    words.push(String::new());
                }
                in_word = true;
            }
            (None, ' ' | '\t') => in_word = false,
            _ => {
                if !in_word {
                    words.push(String::new());
                }
                in_word = true;
                words.last_mut().expect("just begun").push(c);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_written_is_read_back() {
        for (program, profile, line) in [
            (
                "/usr/bin/keyfob",
                "Example",
                "/usr/bin/keyfob credential-process --profile Example",
            ),
            (
                "/home/Zoë & co/it's/keyfob",
                "Töchter GmbH, (50%) No.#1's",
                r#"/"home/Zoë & co/it's/keyfob" credential-process --profile "Töchter GmbH, (50%) No.#1's""#,
            ),
        ] {
            let value = value(Path::new(program), profile, false).unwrap();
            assert_eq!(value, line);
            let read = ours(value.as_bytes(), false).unwrap();
            assert_eq!(
                (read.program.as_str(), read.profile.as_str()),
                (program, profile)
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_somebody_would_misread_is_refused_with_the_reason() {
        for (profile, windows) in [
            ("a\"b", false),
            ("a$HOME", false),
            ("a`id`", false),
            ("a\\b", false),
            ("a\nb", false),
            ("a # b", false),
            ("; b", false),
            ("100%", true),
            ("Zoë", true),
        ] {
            let error = value(Path::new("/bin/keyfob"), profile, windows).unwrap_err();
            assert!(
                matches!(error, SharedConfigError::ProfileName { .. }),
                "{profile}"
            );
        }
        for program in ["keyfob", "/a\"/keyfob", "/a$b/keyfob", "/a\\b/keyfob"] {
            let error = value(Path::new(program), "a", false).unwrap_err();
            assert!(
                matches!(error, SharedConfigError::Program { .. }),
                "{program}"
            );
        }
    }

    #[test]
    fn on_windows_there_are_quotes_where_they_are_needed_only() {
        assert_eq!(quoted(r"C:\Keyfob\keyfob.exe"), r"C:\Keyfob\keyfob.exe");
        assert_eq!(
            quoted(r"C:\Program Files\keyfob.exe"),
            r#""C:\Program Files\keyfob.exe""#
        );
        assert_eq!(misread(r"C:\Program Files\keyfob.exe", true, '\\'), None);
        let line = br#""C:\Program Files\keyfob.exe" credential-process --profile "A b""#;
        let read = ours(line, true).unwrap();
        assert_eq!(read.program, r"C:\Program Files\keyfob.exe");
        assert_eq!(read.profile, "A b");
    }

    #[test]
    fn only_our_own_command_is_ours() {
        for line in [
            "/usr/bin/other credential-process --profile a",
            "/usr/bin/keyfob env --profile a",
            "/usr/bin/keyfob credential-process",
            "/usr/bin/keyfob",
            "",
        ] {
            assert_eq!(ours(line.as_bytes(), false), None, "{line}");
        }
        for line in [
            "keyfob credential-process --profile=a",
            "'/x y/Keyfob.exe' credential-process  --profile 'a' ",
        ] {
            assert_eq!(ours(line.as_bytes(), false).unwrap().profile, "a", "{line}");
        }
    }
}
