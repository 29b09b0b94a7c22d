//! The pool's password policy: Cognito's default.

use minijinja::{Value, context};

pub(crate) const REFUSED: &str = "Password did not conform with policy";

/// One requirement, and whether a password meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) text: &'static str,
    pub(crate) met: bool,
}

impl From<Rule> for Value {
    fn from(Rule { text, met }: Rule) -> Self {
        context! { text, met }
    }
}

/// Cognito's symbols.
const SYMBOLS: &str = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= ";

pub(crate) fn check(password: &str) -> Vec<Rule> {
    let has = |test: fn(char) -> bool| password.chars().any(test);
    let length = password.chars().count();
    [
        (
            "Password must have 8 to 256 characters",
            (8..=256).contains(&length),
        ),
        (
            "Password must have lowercase characters",
            has(|c| c.is_ascii_lowercase()),
        ),
        (
            "Password must have uppercase characters",
            has(|c| c.is_ascii_uppercase()),
        ),
        (
            "Password must have numeric characters",
            has(|c| c.is_ascii_digit()),
        ),
        (
            "Password must have symbol characters",
            has(|c| SYMBOLS.contains(c)),
        ),
    ]
    .map(|(text, met)| Rule { text, met })
    .into()
}
