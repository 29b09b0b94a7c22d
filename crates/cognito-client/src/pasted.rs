//! What a person copies from the browser and pastes.

use oauth2::AuthorizationCode;
use url::Url;

/// What a person pastes.
pub(crate) enum Pasted {
    /// The address the browser ended at.
    Callback(Url),
    /// The code alone.
    Code(AuthorizationCode),
}

impl Pasted {
    /// Reads it without what terminals, chats and word processors add. `None` when it is neither.
    pub(crate) fn read(text: &str) -> Option<Self> {
        const MAX_BYTES: usize = 16 * 1024;
        if text.len() > MAX_BYTES {
            return None;
        }
        // Bracketed paste (xterm); lines broken at the window's edge; characters escaped for a shell.
        let text = text.replace("\u{1b}[200~", "").replace("\u{1b}[201~", "");
        let is_added = |c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '\\' | '\u{200b}' | '\u{feff}')
        };
        let text: String = text.chars().filter(|c| !is_added(*c)).collect();
        let text = text.trim_matches(['"', '\'', '`', '<', '>', '“', '”', '‘', '’', '«', '»']);
        if text.contains(':') {
            return text.parse().ok().map(Self::Callback);
        }
        // RFC 6749 §A.11 allows any printable ASCII; Cognito's look like UUIDs, and what has a `=` inside
        // is a piece of an address.
        let is_code =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/');
        let code = text.trim_end_matches('=');
        (!code.is_empty() && code.len() <= 1024 && code.chars().all(is_code))
            .then(|| Self::Code(AuthorizationCode::new(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match Pasted::read(text) {
            Some(Pasted::Callback(url)) => url.into(),
            Some(Pasted::Code(code)) => format!("code {}", code.secret()),
            None => "nothing".into(),
        }
    }

    #[test]
    fn what_is_neither_is_nothing() {
        for text in [
            "",
            " \n",
            "\"\"",
            "=",
            "code=c&state=s",
            "?code=c",
            "c&state=s",
            "c#",
            "c%20d",
            "käse",
            ": a URL",
            "http://",
            &"c".repeat(1025),
        ] {
            assert_eq!(read(text), "nothing", "{text}");
        }
    }

    #[test]
    fn what_terminals_add_is_ignored() {
        let code = "code 5ff87263-7a5e-4c4c-9b8f-0123456789ab";
        let url = "http://127.0.0.1:8915/callback?code=c&state=s";
        for (text, expected) in [
            ("5ff87263-7a5e-4c4c-9b8f-0123456789ab", code),
            (" '5ff87263-7a5e-4c4c-9b8f-\r\n0123456789ab'\n", code),
            ("abc+/==", "code abc+/=="),
            (url, url),
            ("<http://127.0.0.1:8915/callback?code=c&state=s>", url),
            ("“http://127.0.0.1:8915/callback?code=c&state=s”", url),
            (r"http://127.0.0.1:8915/callback\?code\=c\&state\=s", url),
            (
                "\u{1b}[200~http://127.0.0.1:8915/callback?co\n  de=c&state=s\u{1b}[201~",
                url,
            ),
            (
                "\u{feff}dev.keyfob.desktop://auth/callback?code=c",
                "dev.keyfob.desktop://auth/callback?code=c",
            ),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
