//! The text of a shared config or credentials file, as the AWS CLI and the SDKs read it: lines, sections, settings.
//!
//! Bytes and not text, because what another program wrote there may be in any encoding. Nothing is changed here.
//! SDKs and tools reference, "Understanding the shared config and credentials files".

use std::ops::Range;

/// What Windows programs may write in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Which of the two files: they write the same profile differently.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[profile NAME]`, but `[default]`.
    Config,
    /// `[NAME]`.
    Credentials,
}

pub(super) struct Line<'a> {
    /// Where it stands, its ending included.
    pub(super) range: Range<usize>,
    /// What it says, without the ending.
    pub(super) text: &'a [u8],
}

/// One profile's lines, from its header to the next.
pub(super) struct Section<'a> {
    /// The header's index among the lines.
    pub(super) header: usize,
    /// The indexes of the lines below it.
    pub(super) body: Range<usize>,
    /// Whether every SDK reads the header as this profile's.
    pub(super) is_plain: bool,
    pub(super) settings: Vec<Setting<'a>>,
}

pub(super) struct Setting<'a> {
    /// In lower case, as they are compared.
    pub(super) key: String,
    pub(super) value: &'a [u8],
    /// Its lines: the first, and those below it that are indented.
    pub(super) lines: Range<usize>,
}

impl Line<'_> {
    pub(super) fn is_indented(&self) -> bool {
        matches!(self.text.first(), Some(b' ' | b'\t')) && !self.is_blank()
    }

    pub(super) fn is_blank(&self) -> bool {
        self.text.trim_ascii().is_empty()
    }

    fn is_comment(&self) -> bool {
        matches!(self.text.first(), Some(b'#' | b';'))
    }

    fn is_header(&self) -> bool {
        self.text.first() == Some(&b'[')
    }
}

pub(super) fn lines(bytes: &[u8]) -> Vec<Line<'_>> {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut start = bytes.len() - text.len();
    text.split_inclusive(|byte| *byte == b'\n')
        .map(|line| {
            let range = start..start + line.len();
            start = range.end;
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            Line { range, text }
        })
        .collect()
}

/// The line ending of a file: that of its first line.
pub(super) fn newline(bytes: &[u8]) -> &'static str {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if bytes[..end].ends_with(b"\r") => "\r\n",
        _ => "\n",
    }
}

/// Whether there is anything but a byte order mark.
pub(super) fn is_empty(bytes: &[u8]) -> bool {
    bytes
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(bytes)
        .is_empty()
}

/// Every section of a profile, with the profile's name, in the order of the file.
pub(super) fn profiles<'a>(lines: &[Line<'a>], kind: Kind) -> Vec<(String, Section<'a>)> {
    let headers: Vec<usize> = (0..lines.len())
        .filter(|index| lines[*index].is_header())
        .collect();
    headers
        .iter()
        .enumerate()
        .filter_map(|(nth, header)| {
            let (name, is_plain) = profile_of(lines[*header].text, kind)?;
            let body = header + 1..headers.get(nth + 1).copied().unwrap_or(lines.len());
            Some((
                name,
                Section {
                    header: *header,
                    settings: settings(lines, body.clone()),
                    body,
                    is_plain,
                },
            ))
        })
        .collect()
}

/// The profile a header names, and whether nobody could read it otherwise.
///
/// botocore keeps spaces inside the brackets and takes quotes off the name; the Rust SDK does the opposite.
fn profile_of(header: &[u8], kind: Kind) -> Option<(String, bool)> {
    let end = header.iter().position(|byte| *byte == b']')?;
    let (inner, rest) = (&header[1..end], header[end + 1..].trim_ascii());
    let inner = String::from_utf8_lossy(inner);
    let (trimmed, is_alone) = (
        inner.trim(),
        matches!(rest.first(), None | Some(b'#' | b';')),
    );
    let name = match (kind, trimmed.strip_prefix("profile")) {
        (Kind::Credentials, _) => trimmed,
        (Kind::Config, _) if trimmed == "default" => trimmed,
        (Kind::Config, Some(name)) if name.starts_with([' ', '\t']) => name.trim(),
        (Kind::Config, _) => return None,
    };
    let bare = ['"', '\''].iter().find_map(|quote| {
        name.strip_prefix(*quote)
            .and_then(|name| name.strip_suffix(*quote))
    });
    let is_plain = is_alone && bare.is_none() && trimmed.len() == inner.len();
    Some((bare.unwrap_or(name).to_owned(), is_plain))
}

fn settings<'a>(lines: &[Line<'a>], body: Range<usize>) -> Vec<Setting<'a>> {
    let mut settings: Vec<Setting<'a>> = Vec::new();
    for index in body {
        let line = &lines[index];
        if line.is_indented() {
            // What is indented belongs to the setting above; comments between them do as well.
            if let Some(above) = settings.last_mut() {
                above.lines.end = index + 1;
            }
            continue;
        }
        if line.is_blank() || line.is_comment() {
            continue;
        }
        // botocore takes a colon, too.
        let sign = line
            .text
            .iter()
            .position(|byte| matches!(byte, b'=' | b':'));
        let (key, value) = match sign {
            Some(sign) => (&line.text[..sign], &line.text[sign + 1..]),
            None => (line.text, &b""[..]),
        };
        settings.push(Setting {
            key: String::from_utf8_lossy(key.trim_ascii()).to_ascii_lowercase(),
            value: value.trim_ascii(),
            lines: index..index + 1,
        });
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, kind: Kind) -> Vec<(String, bool)> {
        profiles(&lines(text.as_bytes()), kind)
            .into_iter()
            .map(|(name, section)| (name, section.is_plain))
            .collect()
    }

    #[test]
    fn profiles_are_found_however_their_headers_are_written() {
        let text = "\u{feff}[default]\n[profile a]\n[profile\tb] # mine\n[ profile c ]\n[profile 'd e']\n\
                    [sso-session f]\n[services g]\n[profiles]\n  [profile h]\n[profile i] j\n[profile]\n[x\n";
        let found = [
            ("default", true),
            ("a", true),
            ("b", true),
            ("c", false),
            ("d e", false),
            ("i", false),
        ];
        assert_eq!(
            names(text, Kind::Config),
            found.map(|(name, plain)| (name.to_owned(), plain))
        );
        assert_eq!(
            names("[a]\n[profile b]\n", Kind::Credentials),
            [("a".to_owned(), true), ("profile b".to_owned(), true)]
        );
    }

    #[test]
    fn a_setting_has_the_indented_lines_below_it() {
        let text =
            b"[default]\r\nS3 =\r\n  a = b\r\n# c\r\n\r\n\td = e\r\nregion: eu-west-1\r\nrubbish";
        let lines = lines(text);
        let sections = profiles(&lines, Kind::Config);
        let settings: Vec<_> = sections[0]
            .1
            .settings
            .iter()
            .map(|setting| (setting.key.as_str(), setting.value, setting.lines.clone()))
            .collect();
        assert_eq!(
            settings,
            [
                ("s3", &b""[..], 1..6),
                ("region", b"eu-west-1", 6..7),
                ("rubbish", b"", 7..8),
            ]
        );
        assert_eq!(
            (newline(text), newline(b"a"), newline(b"a\nb\r\n")),
            ("\r\n", "\n", "\n")
        );
    }
}
