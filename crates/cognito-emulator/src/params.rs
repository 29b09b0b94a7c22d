//! Query strings and form bodies.

use axum::http::{HeaderMap, header};
use url::form_urlencoded;

#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// `None` unless the body is declared as a form, the only encoding the OAuth endpoints take.
    pub(crate) fn of_form(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        headers
            .get(header::CONTENT_TYPE)?
            .to_str()
            .ok()?
            .to_ascii_lowercase()
            .starts_with("application/x-www-form-urlencoded")
            .then(|| Self::parse(body))
    }

    /// An empty value counts as none (RFC 6749 3.1).
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn is_repeated(&self, name: &str) -> bool {
        self.0.iter().filter(|(key, _)| key == name).count() > 1
    }
}

/// `uri` with these parameters in its query.
pub(crate) fn with_query(uri: &str, pairs: &[(&str, &str)]) -> String {
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{}", encode(pairs))
}

pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
