//! No token, code or verifier in anything that is printed or logged: a search through all of it.
//!
//! What is secret is known by its looks. JWTs and the pool's encrypted refresh tokens begin with `eyJ`. The emulator marks
//! its authorization codes and AWS session tokens. PKCE verifiers are random words of the client: each word that could
//! be one is hashed, and is one when that is a challenge some authorization URL showed (RFC 7636 §4.2).

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::process::Result;

/// The folder below which the tests log everything, by `crates/test_log.rs`.
pub(crate) const LOGS: &str = "KEYFOB_TEST_LOG";
/// Fewer sign-ins than the suite makes: not to have heard of them is not to have heard the suite.
const SIGN_INS: usize = 20;

/// What gives a secret away, and what it is.
const MARKS: [(&str, &str); 3] = [
    ("c0dec0dec0de", "an authorization code"),
    ("IQoJb3JpZ2lu", "an AWS session token"),
    ("101, 121, 74, ", "a token, byte by byte"),
];
/// Three letters are too few: this many more of a token must be there.
const JWT: &str = "eyJ";
const JWT_LENGTH: usize = 20;
const CHALLENGE: &str = "code_challenge=";
const CHALLENGE_LENGTH: usize = 43;
/// RFC 7636 §4.1.
const VERIFIER_LENGTHS: std::ops::RangeInclusive<usize> = 43..=128;

/// A search, while the output comes in.
#[derive(Default)]
pub(crate) struct Search {
    found: Vec<String>,
    /// The authorization requests that were seen, by their challenge.
    challenges: HashSet<String>,
    /// Where a word was first seen that could be a verifier, by the challenge it would have.
    words: HashMap<String, String>,
    lines: usize,
}

impl Search {
    /// Looks through one line.
    pub(crate) fn line(&mut self, place: &str, line: &str) {
        self.lines += 1;
        for (mark, what) in MARKS {
            if line.contains(mark) {
                self.find(place, what);
            }
        }
        let mut rest = line;
        while let Some(at) = rest.find(JWT) {
            let token = &rest[at..];
            if word_length(token) >= JWT_LENGTH {
                self.find(place, "a token");
                break;
            }
            rest = &token[JWT.len()..];
        }
        for (at, _) in line.match_indices(CHALLENGE) {
            let value = &line[at + CHALLENGE.len()..];
            if word_length(value) == CHALLENGE_LENGTH {
                self.challenges.insert(value[..CHALLENGE_LENGTH].to_owned());
            }
        }
        for word in line.split(|c: char| !is_word(c)) {
            if VERIFIER_LENGTHS.contains(&word.len()) {
                let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(word));
                self.words
                    .entry(challenge)
                    .or_insert_with(|| place.to_owned());
            }
        }
    }

    fn find(&mut self, place: &str, what: &str) {
        self.found.push(format!("{place}: {what}"));
    }

    /// Looks through every file of a folder, and of the folders in it.
    pub(crate) fn folder(&mut self, folder: &Path) -> Result {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.folder(&path)?;
                continue;
            }
            let name = path.display().to_string();
            let mut file = BufReader::new(std::fs::File::open(&path)?);
            let (mut line, mut number) = (Vec::new(), 0);
            while file.read_until(b'\n', &mut line)? > 0 {
                number += 1;
                self.line(&format!("{name}:{number}"), &String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        Ok(())
    }

    /// What was found; an error too when too little was heard to have found anything.
    pub(crate) fn verdict(mut self) -> Result {
        let verifiers: Vec<_> = self
            .words
            .iter()
            .filter(|(challenge, _)| self.challenges.contains(*challenge))
            .map(|(_, place)| format!("{place}: a PKCE verifier"))
            .collect();
        self.found.extend(verifiers);
        println!(
            "  {} lines searched, {} sign-ins heard of, {} words hashed, {} secrets found",
            self.lines,
            self.challenges.len(),
            self.words.len(),
            self.found.len()
        );
        if !self.found.is_empty() {
            return Err(format!(
                "secrets were printed or logged:\n  {}",
                self.found.join("\n  ")
            )
            .into());
        }
        if self.challenges.len() < SIGN_INS {
            return Err(format!(
                "only {} sign-ins were heard of: the tests do not log as they should",
                self.challenges.len()
            )
            .into());
        }
        Ok(())
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn word_length(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

/// Makes a command's output pass before the search on its way to the person.
pub(crate) fn overhear(what: &str, command: &mut Command, search: &Mutex<Search>) -> Result {
    println!("== {what}");
    let start = std::time::Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| pass(what, err, &mut std::io::stderr(), search));
        pass(what, out, &mut std::io::stdout(), search);
    });
    let (status, seconds) = (child.wait()?, start.elapsed().as_secs_f32());
    if !status.success() {
        return Err(format!("{what}: ended with {status} after {seconds:.1} s").into());
    }
    println!("== {what}: {seconds:.1} s");
    Ok(())
}

fn pass(what: &str, from: Option<impl Read>, to: &mut impl Write, search: &Mutex<Search>) {
    let Some(from) = from else { return };
    let (mut from, mut line) = (BufReader::new(from), Vec::new());
    while matches!(from.read_until(b'\n', &mut line), Ok(length) if length > 0) {
        // A terminal that is gone ends nothing: the verdict is in the exit code.
        drop(to.write_all(&line));
        let mut search = search.lock().unwrap_or_else(PoisonError::into_inner);
        search.line(what, &String::from_utf8_lossy(&line));
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636, appendix B.
    const RFC_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const RFC_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn heard(lines: &[&str]) -> Search {
        let mut search = Search::default();
        for sign_in in 0..SIGN_INS {
            search.line("url", &format!("?{CHALLENGE}{sign_in:0>43}&state=s"));
        }
        for line in lines {
            search.line("planted", line);
        }
        search
    }

    #[test]
    fn what_is_planted_is_found() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGV4In0.c2lnbmF0dXJl";
        for (lines, what) in [
            (vec![format!("token={jwt}")], "a token"),
            (vec![format!("eyJ is short, {jwt} is not")], "a token"),
            (vec!["eyJjdHkiOiJKV1QiLCJlbmMiO".to_owned()], "a token"),
            (
                vec!["?code=7378f445-c87f-400c-855e-c0dec0dec0de&state=x".to_owned()],
                "an authorization code",
            ),
            (
                vec![format!("{:?}", &jwt.as_bytes()[..40])],
                "a token, byte by byte",
            ),
            (
                vec!["IQoJb3JpZ2luX2VjEJr==".to_owned()],
                "an AWS session token",
            ),
            (
                vec![
                    format!("verifier: {RFC_VERIFIER:?}"),
                    format!("GET /authorize?{CHALLENGE}{RFC_CHALLENGE}&nonce=n"),
                ],
                "a PKCE verifier",
            ),
        ] {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let error = heard(&lines).verdict().unwrap_err().to_string();
            assert!(error.contains(&format!("planted: {what}")), "{error}");
            assert!(!lines.iter().any(|line| error.contains(line)), "{error}");
        }
    }

    #[test]
    fn what_is_public_is_not() {
        heard(&[
            "eyJ and eyJ.",
            "a challenge is public: code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            RFC_CHALLENGE,
            "sub 7378f445-c87f-400c-855e-0297d072ff03",
        ])
        .verdict()
        .unwrap();
    }

    #[test]
    fn silence_is_no_proof() {
        let error = Search::default().verdict().unwrap_err().to_string();
        assert!(error.contains("only 0 sign-ins"), "{error}");
    }

    /// The same way that the suite's output takes: both streams of a program, and the files of its log.
    #[test]
    fn a_program_that_prints_or_logs_a_secret_is_caught() {
        let code = "7378f445-c87f-400c-855e-c0dec0dec0de";
        for to in ["", " >&2"] {
            let search = Mutex::new(heard(&[]));
            let mut program = Command::new(if cfg!(windows) { "cmd" } else { "sh" });
            program.args([
                if cfg!(windows) { "/C" } else { "-c" },
                &format!("echo {code}{to}"),
            ]);
            overhear("a program", &mut program, &search).unwrap();
            let error = search.into_inner().unwrap().verdict().unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("a program: an authorization code")
            );
        }
        let folder = crate::process::target().join("tmp/leaks-test/inner");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("one.log"), format!("fine\n{code}\n")).unwrap();
        let mut search = heard(&[]);
        search.folder(folder.parent().unwrap()).unwrap();
        let error = search.verdict().unwrap_err().to_string();
        assert!(
            error.contains("one.log:2: an authorization code"),
            "{error}"
        );
    }
}
