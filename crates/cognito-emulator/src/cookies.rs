//! Cookies of the hosted UI.

use axum::http::{HeaderMap, HeaderValue, header};

pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split("; "))
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .filter(|value| !value.is_empty())
}

/// No `Secure`, which Cognito sets: this server speaks plain HTTP on the loopback address.
pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str, max_age: Option<u64>) {
    let age = max_age.map_or(String::new(), |seconds| format!("; Max-Age={seconds}"));
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}");
    headers.append(
        header::SET_COOKIE,
        HeaderValue::from_str(&cookie).expect("our own cookie values are ASCII"),
    );
}
