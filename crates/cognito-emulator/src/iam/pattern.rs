//! Strings of a policy: policy variables, and the wildcards `*` and `?`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use super::policy::Facts;

/// A string of a policy in which the variables have their values. What a variable brings is literal: an asterisk in a
/// person's name matches an asterisk.
pub(super) struct Pattern(Vec<Token>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Any,
    One,
    Char(char),
}

impl Pattern {
    /// `None` when a variable has no value: then nothing matches.
    pub(super) fn expand(text: &str, facts: &Facts) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let variable = rest
                .strip_prefix("${")
                .and_then(|after| after.split_once('}'));
            if let Some((variable, after)) = variable {
                let (name, default) = match variable.split_once(',') {
                    Some((name, default)) => (name.trim(), Some(default.trim().trim_matches('\''))),
                    None => (variable, None),
                };
                // `${*}`, `${?}` and `${$}` are the characters themselves.
                let value = match name {
                    "*" | "?" | "$" => name,
                    _ => facts.one(name).or(default)?,
                };
                tokens.extend(value.chars().map(Token::Char));
                rest = after;
                continue;
            }
            tokens.push(match first {
                '*' => Token::Any,
                '?' => Token::One,
                other => Token::Char(other),
            });
            rest = &rest[first.len_utf8()..];
        }
        Some(Self(tokens))
    }

    /// Without wildcards, as `StringEquals` compares.
    pub(super) fn equals(&self, input: &str) -> bool {
        self.0.iter().map(Token::literal).eq(input.chars())
    }

    pub(super) fn equals_ignoring_case(&self, input: &str) -> bool {
        let own: String = self.0.iter().map(Token::literal).collect();
        own.to_lowercase() == input.to_lowercase()
    }

    pub(super) fn matches(&self, input: &str) -> bool {
        let input: Vec<char> = input.chars().collect();
        let (mut at, mut next) = (0, 0);
        // Where the last asterisk stood, and how much it has taken so far.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.0.get(next) {
                None if at == input.len() => return true,
                Some(Token::Any) => {
                    retry = Some((next + 1, at));
                    next += 1;
                    continue;
                }
                Some(Token::One) if at < input.len() => {
                    (at, next) = (at + 1, next + 1);
                    continue;
                }
                Some(Token::Char(char)) if input.get(at) == Some(char) => {
                    (at, next) = (at + 1, next + 1);
                    continue;
                }
                _ => {}
            }
            let Some((after, taken)) = retry.filter(|(_, taken)| *taken < input.len()) else {
                return false;
            };
            retry = Some((after, taken + 1));
            (at, next) = (taken + 1, after);
        }
    }
}

impl Token {
    fn literal(&self) -> char {
        match self {
            Self::Any => '*',
            Self::One => '?',
            Self::Char(char) => *char,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_iam_says() {
        for (pattern, input, expected) in [
            ("*", "", true),
            ("a", "aa", false),
            ("a*", "a/b/c", true),
            ("***a", "aaaa", true),
            ("*abc???def", "abcdefabc123def", true),
            ("a*c?b", "acdcb", false),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:Get*", "s3:PutObject", false),
            ("?", "é", true),
            ("", "", true),
            ("", "a", false),
            ("a?", "a", false),
        ] {
            let matches = Pattern::expand(pattern, &Facts::default())
                .is_some_and(|pattern| pattern.matches(input));
            assert_eq!(matches, expected, "{pattern} {input}");
        }
    }

    #[test]
    fn what_a_variable_brings_is_literal() {
        let facts = Facts::default().with("aws:PrincipalTag/team", ["a*b"]);
        let pattern = Pattern::expand("x/${aws:principaltag/team}/*", &facts).expect("has a value");
        assert!(pattern.matches("x/a*b/file"));
        assert!(!pattern.matches("x/aXb/file"));
        assert!(Pattern::expand("${aws:username}", &facts).is_none());
        let default = Pattern::expand("${aws:username, 'nobody'}", &facts).expect("has a default");
        assert!(default.matches("nobody"));
        let dollar = Pattern::expand("${$}{${*}}", &facts).expect("is literal");
        assert!(dollar.matches("${*}"));
    }
}
