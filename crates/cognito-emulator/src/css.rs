//! Custom CSS of the classic hosted UI, by Cognito's rules.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/hosted-ui-classic-branding.html>

/// At most 3 KB.
const MAX_BYTES: usize = 3 * 1024;

const CLASSES: [&str; 14] = [
    "background-customizable",
    "banner-customizable",
    "errorMessage-customizable",
    "idpButton-customizable",
    "idpDescription-customizable",
    "inputField-customizable",
    "label-customizable",
    "legalText-customizable",
    "logo-customizable",
    "passwordCheck-notValid-customizable",
    "passwordCheck-valid-customizable",
    "redirect-customizable",
    "socialButton-customizable",
    "submitButton-customizable",
];

/// What is wrong with custom CSS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CssError {
    /// Larger than Cognito takes.
    #[error("custom CSS has {0} bytes, Cognito takes at most {MAX_BYTES}: shorten it")]
    TooLarge(usize),
    /// An at-rule.
    #[error(
        "custom CSS uses {0}: Cognito forbids @import, @supports, @page, @media and every other at-rule"
    )]
    AtRule(String),
    /// A selector that is not in Cognito's list.
    #[error(
        "custom CSS styles `{0}`: Cognito takes only its own classes, e.g. .submitButton-customizable"
    )]
    Selector(String),
    /// Not CSS, or something that could leave the style element.
    #[error("custom CSS is not well-formed near `{0}`")]
    Malformed(String),
}

/// Returns the CSS unchanged when Cognito would take it.
pub(crate) fn check(css: &str) -> Result<&str, CssError> {
    if css.len() > MAX_BYTES {
        return Err(CssError::TooLarge(css.len()));
    }
    if css.contains('<') {
        return Err(CssError::Malformed("<".into()));
    }
    let bare = without_comments(css)?;
    if let Some(start) = bare.find('@') {
        let name: String = bare[start..]
            .chars()
            .take_while(|c| !c.is_whitespace() && *c != '{' && *c != ';')
            .collect();
        return Err(CssError::AtRule(name));
    }
    let mut rest = bare.trim();
    while !rest.is_empty() {
        let malformed = || CssError::Malformed(rest.chars().take(30).collect());
        let (selectors, after) = rest.split_once('{').ok_or_else(malformed)?;
        let (body, after) = after.split_once('}').ok_or_else(malformed)?;
        if body.contains('{') || selectors.contains('}') {
            return Err(malformed());
        }
        for selector in selectors.split(',').map(str::trim) {
            if !is_allowed(selector) {
                return Err(CssError::Selector(selector.to_owned()));
            }
        }
        rest = after.trim();
    }
    Ok(css)
}

fn without_comments(css: &str) -> Result<String, CssError> {
    let mut bare = String::new();
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        bare.push_str(before);
        rest = comment
            .split_once("*/")
            .ok_or_else(|| CssError::Malformed("/*".into()))?
            .1;
    }
    bare.push_str(rest);
    Ok(bare)
}

fn is_allowed(selector: &str) -> bool {
    let Some(class) = selector.strip_prefix('.') else {
        return false;
    };
    let (class, state) = class.split_once(':').unwrap_or((class, ""));
    let states: &[&str] = match class {
        "idpButton-customizable" | "submitButton-customizable" => &["", "hover"],
        "inputField-customizable" => &["", "focus"],
        _ => &[""],
    };
    CLASSES.contains(&class) && states.contains(&state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_cognitos_classes() {
        let css = "/* ours */ .submitButton-customizable:hover, .label-customizable { color: #123; }\n\
                   .inputField-customizable:focus{border-color:red}";
        assert_eq!(check(css), Ok(css));
        assert_eq!(check(""), Ok(""));
    }

    #[test]
    fn refuses_everything_else() {
        let cases = [
            (
                "@media (min-width: 1px) { }",
                CssError::AtRule("@media".into()),
            ),
            ("@import url(x);", CssError::AtRule("@import".into())),
            ("body { color: red }", CssError::Selector("body".into())),
            (
                ".label-customizable:hover { color: red }",
                CssError::Selector(".label-customizable:hover".into()),
            ),
            (
                ".label-customizable",
                CssError::Malformed(".label-customizable".into()),
            ),
            ("</style>", CssError::Malformed("<".into())),
            ("/* open", CssError::Malformed("/*".into())),
        ];
        for (css, error) in cases {
            assert_eq!(check(css), Err(error), "{css}");
        }
        let long = format!(".label-customizable {{ }}{}", " ".repeat(MAX_BYTES));
        assert_eq!(check(&long), Err(CssError::TooLarge(long.len())));
    }
}
