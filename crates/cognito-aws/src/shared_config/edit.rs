//! Which lines of the config file are changed, and how; every other byte stays.
//!
//! What is written can be told from what was there before, so that removing it leaves the very same bytes:
//!
//! - A new section comes last, after an empty line. Where the file has no newline at its end, the section has none either.
//! - In a section that was there, [`JOINED`] stands above our lines, and [`REPLACED`] before each that they replace.

use std::ops::Range;
use std::path::Path;

use super::command::{self, Ours};
use super::document::{self, Kind, Line, Section, Setting};
use super::{ChangedLine, SharedConfigError, header, is_source};

const JOINED: &str =
    "# keyfob: joined to a profile that was there; \"keyfob aws-config remove\" undoes it";
const REPLACED: &str = "# keyfob-replaced: ";
/// Of every service (SDKs and tools reference, "Service-specific endpoints").
const ENDPOINT: &str = "endpoint_url";

#[derive(Clone, Debug)]
pub(super) enum Edit {
    Add {
        name: String,
        profile: String,
        /// Of `credential_process`.
        value: String,
        region: String,
        endpoint: Option<String>,
        force: bool,
    },
    Remove {
        profile: String,
        name: Option<String>,
    },
}

/// Whole lines and what comes in their place.
pub(super) struct Splice {
    range: Range<usize>,
    text: Vec<u8>,
}

/// The index, among the settings of a section, of our `credential_process`. It must be the only one.
pub(super) fn ours(section: &Section<'_>) -> Option<(usize, Ours)> {
    let mut commands = section
        .settings
        .iter()
        .enumerate()
        .filter(|(_, setting)| setting.key == "credential_process");
    let (index, setting) = commands.next()?;
    let ours = command::ours(setting.value, cfg!(windows))?;
    commands.next().is_none().then_some((index, ours))
}

impl Edit {
    /// What is to be changed, in the order of the file; nothing when all is as it should be.
    pub(super) fn splices(
        &self,
        bytes: &[u8],
        file: &Path,
    ) -> Result<Vec<Splice>, SharedConfigError> {
        let lines = document::lines(bytes);
        let sections = document::profiles(&lines, Kind::Config);
        match self {
            Self::Add { name, .. } => {
                let known: Vec<_> = sections
                    .iter()
                    .filter(|(known, _)| known == name)
                    .map(|(_, section)| section)
                    .collect();
                match known.as_slice() {
                    [] => Ok(vec![self.append(bytes)]),
                    [section] if section.is_plain => self.join(bytes, &lines, section, file),
                    several => Err(SharedConfigError::Ambiguous {
                        name: name.clone(),
                        file: file.to_owned(),
                        lines: several.iter().map(|section| section.header + 1).collect(),
                    }),
                }
            }
            Self::Remove { profile, name } => {
                let wanted = |known: &str| name.as_deref().is_none_or(|name| name == known);
                let mut splices = Vec::new();
                for (known, section) in sections.iter().filter(|(known, _)| wanted(known)) {
                    match ours(section) {
                        Some((index, ours)) if ours.profile == *profile => {
                            splices.extend(taken_out(bytes, &lines, section, index));
                        }
                        _ if name.is_some() => {
                            return Err(SharedConfigError::NotOurs {
                                name: known.clone(),
                                file: file.to_owned(),
                            });
                        }
                        _ => {}
                    }
                }
                Ok(splices)
            }
        }
    }

    /// Our settings, each with a line ending.
    fn settings(&self, newline: &str) -> String {
        match self {
            Self::Add {
                value,
                region,
                endpoint,
                ..
            } => {
                let command = command_and_endpoint(value, endpoint.as_deref(), newline);
                format!("{command}region = {region}{newline}")
            }
            Self::Remove { .. } => String::new(),
        }
    }

    fn append(&self, bytes: &[u8]) -> Splice {
        let newline = document::newline(bytes);
        let Self::Add { name, .. } = self else {
            unreachable!("only additions are appended")
        };
        let section = format!("{}{newline}{}", header(name), self.settings(newline));
        let text = if document::is_empty(bytes) {
            section
        } else if bytes.ends_with(b"\n") {
            format!("{newline}{section}")
        } else {
            format!("{newline}{newline}{}", section.trim_end())
        };
        Splice {
            range: bytes.len()..bytes.len(),
            text: text.into(),
        }
    }

    /// What is changed where the profile has a section.
    fn join(
        &self,
        bytes: &[u8],
        lines: &[Line<'_>],
        section: &Section<'_>,
        file: &Path,
    ) -> Result<Vec<Splice>, SharedConfigError> {
        let Self::Add {
            name,
            profile,
            value,
            endpoint,
            force,
            ..
        } = self
        else {
            unreachable!("only additions come here")
        };
        if let Some((index, ours)) = ours(section)
            && ours.profile == *profile
        {
            let setting = &section.settings[index];
            let below = right_below(section, index, ENDPOINT);
            let end = below.map_or(setting.lines.end, |below| below.lines.end);
            // One that somebody else has set stays, and no second is set: botocore would read nothing of the file then.
            let is_theirs = |other: &Setting<'_>| {
                other.key == ENDPOINT && !(setting.lines.start..end).contains(&other.lines.start)
            };
            let has_theirs = section.settings.iter().any(is_theirs);
            let endpoint = endpoint.as_deref().filter(|_| !has_theirs);
            if setting.value == value.as_bytes()
                && below.map(|below| below.value) == endpoint.map(str::as_bytes)
            {
                return Ok(Vec::new());
            }
            let range = whole(lines, setting.lines.start..end);
            let text = match ending_of(&bytes[range.clone()]) {
                "" => command_and_endpoint(value, endpoint, document::newline(bytes))
                    .trim_end()
                    .to_owned(),
                ending => command_and_endpoint(value, endpoint, ending),
            };
            return Ok(vec![Splice {
                range,
                text: text.into(),
            }]);
        }
        let is_replaced = |key: &str| {
            key == "region" || (key == ENDPOINT && endpoint.is_some()) || is_source(key)
        };
        let mut replaced: Vec<_> = section
            .settings
            .iter()
            .filter(|setting| is_replaced(&setting.key))
            .flat_map(|setting| setting.lines.clone())
            .filter(|index| !lines[*index].is_blank())
            .collect();
        if !force {
            let shown = std::iter::once(section.header).chain(replaced);
            return Err(SharedConfigError::Taken {
                name: name.clone(),
                file: file.to_owned(),
                lines: shown.map(|index| shown_line(lines[index].text)).collect(),
            });
        }
        // What stood in for others is replaced with them, so that each comes back with its own.
        let before = |index: &usize| lines[*index].text.starts_with(REPLACED.as_bytes());
        replaced.extend(section.body.clone().filter(before));
        replaced.sort_unstable();
        // Above the first setting; what is indented there must not come to belong to ours.
        let above = match section.settings.first() {
            Some(first) => first.lines.start - 1,
            None => (section.body.clone())
                .rfind(|index| lines[*index].is_indented())
                .unwrap_or(section.header),
        };
        let above = lines[above].range.clone();
        let ending = ending_of(&bytes[above.clone()]);
        let joined = if ending.is_empty() {
            let newline = document::newline(bytes);
            let settings = self.settings(newline);
            format!("{newline}{JOINED}{newline}{}", settings.trim_end())
        } else {
            format!("{JOINED}{ending}{}", self.settings(ending))
        };
        let mut splices = vec![Splice {
            range: above.end..above.end,
            text: joined.into(),
        }];
        splices.extend(replaced.into_iter().map(|index| {
            let range = lines[index].range.clone();
            let text = [REPLACED.as_bytes(), &bytes[range.clone()]].concat();
            Splice { range, text }
        }));
        splices.sort_by_key(|splice| splice.range.start);
        Ok(splices)
    }
}

/// What takes our settings out of a section, and the section with them when it was ours alone.
fn taken_out(bytes: &[u8], lines: &[Line<'_>], section: &Section<'_>, index: usize) -> Vec<Splice> {
    let mut ours = section.settings[index].lines.clone();
    let mut last = index;
    for key in [ENDPOINT, "region"] {
        if let Some(setting) = right_below(section, last, key) {
            ours.end = setting.lines.end;
            last += 1;
        }
    }
    let above = ours.start - 1;
    let joined = lines[above].text == JOINED.as_bytes();
    let others = section.settings.len() - (last - index) - 1;
    let mut splices = Vec::new();
    if joined || (others == 0 && above == section.header) {
        ours.start = above;
    } else if others == 0 {
        // Comments between are not ours.
        let header = section.header..section.header + 1;
        splices.push(Splice::removing(whole(lines, header)));
    }
    let mut range = whole(lines, ours.clone());
    let newline = ending_of(&bytes[lines[ours.start].range.clone()]);
    let is_section = ours.start == section.header;
    let above = &bytes[..range.start];
    if let Some(before) = above.strip_suffix(newline.as_bytes())
        && is_section
        && (before.ends_with(b"\n") || document::is_empty(before))
    {
        range.start -= newline.len();
    }
    if !bytes[range.clone()].ends_with(b"\n") && bytes[..range.start].ends_with(newline.as_bytes())
    {
        range.start -= newline.len();
    }
    splices.push(Splice::removing(range));
    if joined {
        let replaced = section.body.clone().filter_map(|index| {
            let range = lines[index].range.clone();
            let text = bytes[range.clone()].strip_prefix(REPLACED.as_bytes())?;
            Some(Splice {
                range,
                text: text.to_owned(),
            })
        });
        splices.extend(replaced);
    }
    splices
}

/// Where credentials come from, and whom they are for: what is written anew when it has changed.
fn command_and_endpoint(value: &str, endpoint: Option<&str>, newline: &str) -> String {
    let endpoint = endpoint.map(|endpoint| format!("{ENDPOINT} = {endpoint}{newline}"));
    let endpoint = endpoint.unwrap_or_default();
    format!("credential_process = {value}{newline}{endpoint}")
}

/// The setting of this key where we write it: right below the one at `index`.
fn right_below<'s, 'a>(
    section: &'s Section<'a>,
    index: usize,
    key: &str,
) -> Option<&'s Setting<'a>> {
    let end = section.settings[index].lines.end;
    let next = section.settings.get(index + 1)?;
    (next.key == key && next.lines.start == end).then_some(next)
}

impl Splice {
    fn removing(range: Range<usize>) -> Self {
        Self {
            range,
            text: Vec::new(),
        }
    }

    pub(super) fn apply(splices: &[Self], bytes: &[u8]) -> Vec<u8> {
        let mut after = Vec::with_capacity(bytes.len() + 256);
        let mut kept = 0;
        for splice in splices {
            after.extend_from_slice(&bytes[kept..splice.range.start]);
            after.extend_from_slice(&splice.text);
            kept = splice.range.end;
        }
        after.extend_from_slice(&bytes[kept..]);
        after
    }

    /// What a person is shown of it.
    pub(super) fn shown(&self, bytes: &[u8]) -> Vec<ChangedLine> {
        let shown = |bytes| -> Vec<String> {
            let lines = document::lines(bytes);
            let lines = lines.iter().filter(|line| !line.is_blank());
            lines.map(|line| shown_line(line.text)).collect()
        };
        let removed = shown(&bytes[self.range.clone()]);
        let added = shown(&self.text);
        let removed = removed.into_iter().map(ChangedLine::Removed);
        removed
            .chain(added.into_iter().map(ChangedLine::Added))
            .collect()
    }
}

/// A line with what a terminal would obey escaped, and a secret masked.
fn shown_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let setting = text.trim_start_matches(REPLACED);
    let key = setting.split(['=', ':']).next().unwrap_or_default().trim();
    let is_secret = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
    ]
    .iter()
    .any(|secret| key.eq_ignore_ascii_case(secret));
    let text = match text.find(['=', ':']) {
        Some(sign) if is_secret && text.len() == setting.len() => {
            format!("{} ****", &text[..=sign])
        }
        _ if is_secret => format!("{REPLACED}{key} = ****"),
        _ => text.into_owned(),
    };
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// Where some lines stand.
fn whole(lines: &[Line<'_>], range: Range<usize>) -> Range<usize> {
    lines[range.start].range.start..lines[range.end - 1].range.end
}

fn ending_of(line: &[u8]) -> &'static str {
    match line {
        [.., b'\r', b'\n'] => "\r\n",
        [.., b'\n'] => "\n",
        _ => "",
    }
}
