//! What the browser shows at the end. Nothing of a request is ever in it, and nothing in it runs.

use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::authorization::CallbackError;

/// The page that answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The answer has arrived.
    Arrived,
    /// It has arrived, and is a refusal.
    Refused,
    /// It does not answer the sign-in that waits.
    NotIt(CallbackError),
    /// Another path.
    NotHere,
    /// Not a GET.
    WrongMethod,
    /// Another name than the redirect's.
    WrongHost,
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;display:grid;place-content:center;\
min-height:90vh;margin:0 1.5rem;text-align:center}h1{font-size:1.5rem}";
/// Allows the style above, by its SHA-256 (Content Security Policy Level 3 §2.3.1), and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'sha256-TpeCoxxBHcFy/Jr9ALcxdEtib/JhbWjKm1ricZOmMgo='; base-uri 'none'; form-action 'none'; \
frame-ancestors 'none'";

impl Page {
    fn status(self) -> StatusCode {
        match self {
            Self::Arrived | Self::Refused => StatusCode::OK,
            Self::NotIt(CallbackError::WrongState) => StatusCode::FORBIDDEN,
            Self::NotIt(CallbackError::AlreadyUsed | CallbackError::NothingPending) => {
                StatusCode::GONE
            }
            Self::NotIt(_) => StatusCode::BAD_REQUEST,
            Self::NotHere => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
        }
    }

    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Arrived => [
                "Return to Keyfob",
                "Your sign-in has arrived there. You can close this tab.",
            ],
            Self::Refused => [
                "The sign-in was refused",
                "Return to Keyfob: it says why, and what to do. You can close this tab.",
            ],
            Self::NotIt(CallbackError::WrongState) => [
                "This is not the sign-in Keyfob is waiting for",
                "It may be an earlier one. Return to Keyfob, and finish in the page it opened last.",
            ],
            Self::NotIt(CallbackError::AlreadyUsed | CallbackError::NothingPending) => [
                "This sign-in is over",
                "Return to Keyfob. You can close this tab.",
            ],
            Self::NotIt(_) => [
                "This is not a sign-in's answer",
                "Return to Keyfob, and finish in the page it opened.",
            ],
            Self::NotHere | Self::WrongMethod | Self::WrongHost => [
                "There is nothing here",
                "Keyfob is waiting for a sign-in at this address, and for nothing else.",
            ],
        }
    }

    pub(crate) fn response(self) -> Response<String> {
        let [title, text] = self.words();
        let mut response = Response::new(format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>Keyfob: {title}</title>\n<style>{STYLE}</style>\n\
             <main><h1>{title}</h1><p>{text}</p></main>\n</html>\n"
        ));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (CACHE_CONTROL, "no-store"),
            // The address holds the code.
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(
            "cross-origin-resource-policy",
            HeaderValue::from_static("same-origin"),
        );
        headers.insert(
            "cross-origin-opener-policy",
            HeaderValue::from_static("same-origin"),
        );
        if self == Self::WrongMethod {
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    use super::*;

    #[test]
    fn the_policy_allows_the_style() {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
        let source = format!("'sha256-{}'", BASE64_STANDARD.encode(digest));
        assert!(POLICY.contains(&source), "{source}");
    }
}
