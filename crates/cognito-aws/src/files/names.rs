//! Names on their way between S3, where a key may hold anything, and a disk, where a name may not. One rule for
//! all systems, so that a folder can be carried from one to another.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization as _;

use super::FileError;

/// File systems take 255 bytes or UTF-16 units; the rest is for what is put before and after.
const LONGEST: usize = 200;
/// S3 guide, "Naming Amazon S3 objects".
const LONGEST_KEY: usize = 1_024;
/// Names that belong to Windows, in whatever case and with whatever extension (Windows documentation,
/// "Naming Files, Paths, and Namespaces"), apart from `COM0` to `COM9` and `LPT0` to `LPT9`.
const RESERVED: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// Gives each key below a folder a place on a disk, no two of them the same one.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// What is taken, as the file systems compare names that tell the fewest apart.
    taken: HashSet<String>,
    /// Where each folder of keys went.
    folders: HashMap<String, PathBuf>,
}

impl Places {
    /// The place of an object by its path, relative to wherever the folder goes. It has plain names only: no root,
    /// no `..`, nothing a file system would take for more than a name.
    pub(super) fn of(&mut self, path: &str) -> PathBuf {
        let (parent, name) = match path.rsplit_once('/') {
            Some((parent, name)) => (self.folder(parent), name),
            None => (PathBuf::new(), path),
        };
        self.take(&parent, name)
    }

    /// The place of a folder, the same for all that is in it.
    pub(super) fn folder(&mut self, path: &str) -> PathBuf {
        // Not recursive: 1,024 bytes of slashes are 1,024 folders.
        let mut place = PathBuf::new();
        for end in path
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([path.len()])
        {
            let key = &path[..end];
            place = match self.folders.get(key) {
                Some(known) => known.clone(),
                None => {
                    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
                    let taken = self.take(&place, name);
                    self.folders.insert(key.to_owned(), taken.clone());
                    taken
                }
            };
        }
        place
    }

    fn take(&mut self, parent: &Path, name: &str) -> PathBuf {
        let mut name = local(name);
        loop {
            let place = parent.join(&name);
            if self.taken.insert(folded(&place.to_string_lossy())) {
                return place;
            }
            name = another(&name);
        }
    }
}

/// A key's part as a name on a disk.
pub(super) fn local(part: &str) -> String {
    let name = part.nfc().map(|c| if is_safe(c) { c } else { '_' });
    let mut name = shortened(&name.collect::<String>(), LONGEST);
    // Windows drops them, and `.` and `..` are no names.
    let kept = name.trim_end_matches(['.', ' ']).len();
    let dropped = name[kept..].chars().count();
    name.truncate(kept);
    name.extend(std::iter::repeat_n('_', dropped));
    if name.is_empty() {
        name.push('_');
    }
    let stem = name.split('.').next().unwrap_or_default();
    if is_reserved(stem.trim_end()) {
        name.insert(0, '_');
    }
    name
}

/// The next of `a.txt`, `a (2).txt`, `a (3).txt`; of a path, its last part, and a folder stays one.
pub(super) fn another(path: &str) -> String {
    let (path, end) = match path.strip_suffix('/') {
        Some(path) => (path, "/"),
        None => (path, ""),
    };
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    let (parent, name) = path.split_at(name);
    // A name that begins with its only dot has no extension; a folder's has none.
    let dot = name.rfind('.').filter(|dot| *dot > 0 && end.is_empty());
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let counted = stem.strip_suffix(')').and_then(|stem| {
        let (stem, number) = stem.rsplit_once(" (")?;
        Some((stem, number.parse::<u32>().ok().filter(|n| *n > 1)?))
    });
    let (stem, number) = counted.unwrap_or((stem, 1));
    let number = format!(" ({})", u64::from(number) + 1);
    let room = LONGEST
        .saturating_sub(number.len() + extension.len())
        .max(1);
    let stem = if name.len() > LONGEST {
        shortened(stem, room)
    } else {
        stem.to_owned()
    };
    format!("{parent}{stem}{number}{extension}{end}")
}

/// A name from a disk as a key's part: composed, as the web has it (W3C, "Character Model"). macOS gives some names
/// decomposed, and the same name would be two.
pub(super) fn key_part(name: &str) -> String {
    name.nfc().collect()
}

/// Whether S3 can be asked for it. It can list, copy and delete by any key; but in an address, a part `.` or `..`
/// means something else to every HTTP client and proxy (RFC 3986, section 5.2.4).
pub(super) fn check_key(key: &str) -> Result<(), FileError> {
    let problem = if key.len() > LONGEST_KEY {
        "is longer than the 1,024 bytes that S3 takes"
    } else if key.split('/').any(|part| matches!(part, "." | "..")) {
        "has a part `.` or `..`, which no address can have"
    } else if key.is_empty() {
        "is empty"
    } else {
        return Ok(());
    };
    let name = key.to_owned();
    Err(FileError::Name { name, problem })
}

fn is_safe(c: char) -> bool {
    // Windows' list, what no terminal should see, and what makes text run the other way: `gpj.exe`.
    !(c.is_control()
        || matches!(c, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
}

fn is_reserved(stem: &str) -> bool {
    let stem = stem.to_uppercase();
    let numbered = ["COM", "LPT"]
        .iter()
        .find_map(|name| stem.strip_prefix(name));
    let digit = |rest: &str| {
        let mut rest = rest.chars();
        let is = rest
            .next()
            .is_some_and(|c| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³'));
        is && rest.next().is_none()
    };
    RESERVED.contains(&stem.as_str()) || numbered.is_some_and(digit)
}

/// At most so many bytes, at the end of a letter, and the extension stays.
fn shortened(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let dot = name
        .rfind('.')
        .filter(|dot| *dot > 0 && name.len() - dot <= 32);
    let extension = dot.map_or("", |dot| &name[dot..]);
    let stem = &name[..name.floor_char_boundary(longest - extension.len().min(longest))];
    format!("{stem}{extension}")
}

/// As a file system compares that tells the fewest names apart.
fn folded(name: &str) -> String {
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_mean_something_to_a_disk_lose_it() {
        for (key, name) in [
            ("report.pdf", "report.pdf"),
            ("my photo 🌄.jpg", "my photo 🌄.jpg"),
            ("", "_"),
            (".", "_"),
            ("..", "__"),
            ("...", "___"),
            ("a. .", "a___"),
            (".gitignore", ".gitignore"),
            ("..\\..\\autoexec.bat", ".._.._autoexec.bat"),
            ("C:evil", "C_evil"),
            ("a\0b\nc\u{7f}", "a_b_c_"),
            ("photo\u{202e}gpj.exe", "photo_gpj.exe"),
            ("con", "_con"),
            ("NUL.tar.gz", "_NUL.tar.gz"),
            ("Aux .txt", "_Aux .txt"),
            ("com1", "_com1"),
            ("LPT³.x", "_LPT³.x"),
            ("com10", "com10"),
            ("console", "console"),
            ("e\u{301}", "\u{e9}"),
        ] {
            assert_eq!(local(key), name, "{key:?}");
        }
        let long = format!("{}.jpeg", "ß".repeat(400));
        assert!(local(&long).len() <= LONGEST && local(&long).ends_with("ß.jpeg"));
    }

    #[test]
    fn what_a_disk_takes_for_the_same_gets_two_places() {
        let mut places = Places::default();
        let of: Vec<_> = [
            "a", "A", "a/b", "a/B", "é", "e\u{301}", "x:", "x?", "a (2)", "/", "//z", "../../z",
        ]
        .iter()
        .map(|key| places.of(key).to_string_lossy().into_owned())
        .collect();
        assert_eq!(
            of,
            [
                "a",
                "A (2)",
                "a (3)/b",
                "a (3)/B (2)",
                "é",
                "é (2)",
                "x_",
                "x_ (2)",
                "a (4)",
                "_/_",
                "_/_ (2)/z",
                "__/__/z"
            ]
            .map(|place| place.replace('/', std::path::MAIN_SEPARATOR_STR))
        );
    }

    #[test]
    fn names_are_counted_up() {
        for (name, next) in [
            ("a.txt", "a (2).txt"),
            ("a (2).txt", "a (3).txt"),
            ("x/y/a (9)", "x/y/a (10)"),
            ("x.d/", "x.d (2)/"),
            (".profile", ".profile (2)"),
            ("a (1)", "a (1) (2)"),
            ("a (4294967295)", "a (4294967296)"),
        ] {
            assert_eq!(another(name), next);
        }
    }

    #[test]
    fn keys_that_cannot_be_asked_for_are_known() {
        assert!(check_key("users/x/a..b/..c/ä 🌄\\:\n").is_ok());
        for key in ["", "a/../b", "./a", "a/..", &"x".repeat(1_025)] {
            assert!(check_key(key).is_err(), "{key}");
        }
    }

    fn hostile() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "\\PC{0,6}",
            "[a-c. ]{0,5}",
            "[\\x00-\\x20:\\\\*?|\"<>]{0,4}",
            Just("..".to_owned()),
            Just("CON".to_owned()),
            Just("nul.txt".to_owned()),
            Just("é".to_owned()),
            Just("e\u{301}".to_owned()),
            "[äß🌄]{100,300}",
        ];
        prop::collection::vec(part, 1..5).prop_map(|parts| parts.join("/"))
    }

    proptest! {
        #[test]
        fn every_key_has_a_place_of_its_own_inside(keys in prop::collection::btree_set(hostile(), 1..30)) {
            let mut places = Places::default();
            let mut seen = HashSet::new();
            for key in &keys {
                let place = places.of(key);
                prop_assert!(place.is_relative());
                prop_assert!(place.components().all(|part| matches!(part, Component::Normal(_))), "{key:?} {place:?}");
                for part in place.components() {
                    let name = part.as_os_str().to_str().unwrap();
                    prop_assert!(name.len() <= 255 && !name.ends_with(['.', ' ']), "{name:?}");
                    prop_assert!(name.chars().all(is_safe), "{name:?}");
                    prop_assert!(!is_reserved(name.split('.').next().unwrap().trim_end()), "{name:?}");
                }
                prop_assert!(seen.insert(folded(place.to_str().unwrap())), "{key:?} {place:?}");
            }
            // No file stands where another's folder is.
            for place in &seen {
                for parent in Path::new(place).ancestors().skip(1) {
                    prop_assert!(!seen.contains(parent.to_str().unwrap()) , "{place}");
                }
            }
        }

        #[test]
        fn a_good_name_stays(name in "[a-zäé0-9_-][a-z äé0-9_.-]{0,30}[a-z]") {
            prop_assume!(!is_reserved(name.split('.').next().unwrap().trim_end()));
            prop_assert_eq!(local(&name), name);
        }

        #[test]
        fn another_name_is_another(name in "[^/]{1,300}") {
            let name = local(&name);
            let next = another(&name);
            prop_assert_ne!(&next, &name);
            prop_assert!(next.len() <= 255);
        }
    }
}
