//! Listing keys in order, in pages, with common prefixes.

use std::{collections::BTreeMap, ops::Bound};

use super::store::Version;

/// What a listing asks for.
pub(crate) struct Query<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
    /// Only what comes after this, in the order of UTF-8 octets.
    pub(crate) after: Option<&'a str>,
    pub(crate) limit: usize,
}

/// One page.
pub(crate) struct Page<'a, T> {
    pub(crate) entries: Vec<(&'a String, &'a T)>,
    pub(crate) common_prefixes: Vec<String>,
    /// The last key or common prefix of this page, when there are more.
    pub(crate) next: Option<String>,
}

/// Walks the keys that `shows`, and leaps over those a common prefix stands for.
pub(crate) fn page<'a, T>(
    entries: &'a BTreeMap<String, T>,
    query: &Query<'_>,
    shows: impl Fn(&T) -> bool,
) -> Page<'a, T> {
    let mut page = Page {
        entries: Vec::new(),
        common_prefixes: Vec::new(),
        next: None,
    };
    let mut last: Option<String> = None;
    let mut from = match query.after {
        Some(after) if after >= query.prefix => Bound::Excluded(after.to_owned()),
        _ => Bound::Included(query.prefix.to_owned()),
    };
    let delimiter = query.delimiter.filter(|delimiter| !delimiter.is_empty());
    loop {
        let Some((key, entry)) = entries.range((from, Bound::Unbounded)).next() else {
            return page;
        };
        let Some(rest) = key.strip_prefix(query.prefix) else {
            return page;
        };
        from = Bound::Excluded(key.clone());
        if !shows(entry) {
            continue;
        }
        let common = delimiter.and_then(|delimiter| {
            let end = rest.find(delimiter)? + delimiter.len();
            Some(&key[..query.prefix.len() + end])
        });
        if let Some(common) = common {
            from = beyond(common);
            if query.after.is_some_and(|after| common <= after) {
                continue;
            }
        }
        if page.entries.len() + page.common_prefixes.len() == query.limit {
            page.next = last;
            return page;
        }
        match common {
            Some(common) => {
                last = Some(common.to_owned());
                page.common_prefixes.push(common.to_owned());
            }
            None => {
                last = Some(key.clone());
                page.entries.push((key, entry));
            }
        }
    }
}

/// Past every key that begins so.
fn beyond(prefix: &str) -> Bound<String> {
    let mut prefix = prefix.to_owned();
    while let Some(last) = prefix.pop() {
        // `\u{D800}` to `\u{DFFF}` are no characters.
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            prefix.push(next);
            return Bound::Included(prefix);
        }
    }
    Bound::Unbounded
}

/// Whether a key has an object to show: its latest version is not a delete marker.
pub(crate) fn is_object(versions: &[Version]) -> bool {
    versions
        .last()
        .is_some_and(|latest| latest.object.is_some())
}

/// What `encoding-type=url` asks for: keys that XML cannot carry, percent-encoded as S3 does.
pub(crate) fn encoded(text: &str, encode: bool) -> String {
    if !encode {
        return text.to_owned();
    }
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' | b'/' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> BTreeMap<String, ()> {
        keys.iter().map(|key| ((*key).to_owned(), ())).collect()
    }

    #[test]
    fn pages_join_to_the_whole_and_prefixes_come_once() {
        let entries = keys(&["a", "b/1", "b/2", "b0", "c//x", "c/y", "d", "é/ü"]);
        for limit in 1..=9 {
            let mut seen = Vec::new();
            let mut after: Option<String> = None;
            loop {
                let query = Query {
                    prefix: "",
                    delimiter: Some("/"),
                    after: after.as_deref(),
                    limit,
                };
                let page = page(&entries, &query, |()| true);
                assert!(page.entries.len() + page.common_prefixes.len() <= limit);
                seen.extend(page.entries.iter().map(|(key, ())| (*key).clone()));
                seen.extend(page.common_prefixes);
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            seen.sort();
            assert_eq!(seen, ["a", "b/", "b0", "c/", "d", "é/"], "{limit} a page");
        }
    }

    #[test]
    fn a_prefix_is_not_a_folder() {
        let entries = keys(&["b", "b/1", "b/2/3", "b0", "ba"]);
        let query = Query {
            prefix: "b/",
            delimiter: Some("/"),
            after: Some("b/1"),
            limit: 10,
        };
        let page = page(&entries, &query, |()| true);
        assert!(page.entries.is_empty());
        assert_eq!(page.common_prefixes, ["b/2/"]);
        assert_eq!(page.next, None);
    }

    #[test]
    fn nothing_at_all_is_a_page_too() {
        let entries = keys(&["b"]);
        let query = Query {
            prefix: "",
            delimiter: None,
            after: None,
            limit: 0,
        };
        assert!(page(&entries, &query, |()| true).entries.is_empty());
    }
}
