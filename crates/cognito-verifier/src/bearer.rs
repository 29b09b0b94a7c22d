use crate::error::VerifyError;

/// The token in a request's `Authorization` header, given the values of all headers of that name: RFC 6750 §2.1, with the
/// scheme in any case (RFC 9110 §11.1). For servers that do not use the layer; the only place to take a token from.
///
/// # Errors
/// [`VerifyError::MissingToken`] or [`VerifyError::MalformedAuthorization`].
pub fn bearer_token<'h>(
    values: impl IntoIterator<Item = &'h [u8]>,
) -> Result<&'h str, VerifyError> {
    let mut values = values.into_iter();
    let value = values.next().ok_or(VerifyError::MissingToken)?;
    if values.next().is_some() {
        return Err(VerifyError::MalformedAuthorization);
    }
    let value = std::str::from_utf8(value).map_err(|_| VerifyError::MalformedAuthorization)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(VerifyError::MissingToken);
    }
    match token.trim_matches(' ') {
        "" => Err(VerifyError::MalformedAuthorization),
        token if separates(token) => Err(VerifyError::MalformedAuthorization),
        token => Ok(token),
    }
}

/// Whether there is more than one token. Without an early end, which lets the compiler look at many bytes at once.
fn separates(token: &str) -> bool {
    // No header has other control characters (RFC 9110 §5.5), and no token has any.
    let separator = |byte: u8| byte <= b' ' || byte == b',';
    token
        .bytes()
        .fold(false, |found, byte| found | separator(byte))
}
