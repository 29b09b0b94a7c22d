//! Any text as the URL the browser comes back with, or as what follows its question mark, or as what is pasted.
#![no_main]

use cognito_client::fuzzing::{Callback, STATE, callback, pasted};
use libfuzzer_sys::fuzz_target;
use url::Url;

const REDIRECTS: [&str; 2] = [
    "dev.keyfob.desktop://auth/callback",
    "http://127.0.0.1:7231/callback",
];

fuzz_target!(|text: &str| {
    pasted(text);
    for redirect in REDIRECTS {
        check(redirect, text);
        check(redirect, &format!("{redirect}?{text}"));
        check(redirect, &format!("{redirect}?state={STATE}&{text}"));
    }
});

fn check(redirect: &str, text: &str) {
    let Ok(read) = callback(redirect, text) else {
        return;
    };
    let Ok(url) = text.parse::<Url>() else {
        assert_eq!(read, Callback::NoUrl);
        return;
    };
    let all = |name: &str| -> Vec<String> {
        let pairs = url.query_pairs().filter(|(known, _)| known == name);
        pairs.map(|(_, value)| value.into_owned()).collect()
    };
    let (path, _) = url.as_str().split_once('?').expect("it has parameters");
    assert_eq!(path, redirect, "another address is never read");
    assert_eq!(all("state"), [STATE], "nothing is read without the state");
    match read {
        Callback::Code(code) => {
            assert_eq!(all("code"), [code]);
            assert!(all("error").is_empty());
        }
        Callback::Refusal(told) => {
            assert_eq!(all("error").len(), 1);
            assert!(all("code").is_empty());
            assert!(told.len() < 400 && !told.contains(|c: char| c.is_control()));
        }
        Callback::NoUrl => panic!("it is a URL"),
    }
}
