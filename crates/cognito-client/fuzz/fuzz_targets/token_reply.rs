//! Any bytes as the body of the token endpoint's answer.
#![no_main]

use cognito_client::fuzzing::token_reply;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    // What follows the first value is not read: the `oauth2` crate does not look for an end.
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let body = values.next().and_then(Result::ok);
    match token_reply(bytes) {
        Ok(()) => {
            let body = body.expect("only JSON grants tokens");
            assert!(body["access_token"].is_string());
            assert!(body["token_type"].is_string());
        }
        Err(error) => {
            // Whatever the bytes are, they do not come back in what is told, shown or logged.
            let told = format!("{error} {error:?} {}", error.remedy());
            assert!(!told.contains(|c: char| c.is_control()));
            assert!(told.len() < 2_000, "{}", told.len());
            for name in ["access_token", "id_token", "refresh_token"] {
                let token = body.as_ref().and_then(|body| body[name].as_str());
                if let Some(token) = token.filter(|token| token.len() > 24) {
                    let told_elsewhere = ["error", "error_description"].iter().any(|name| {
                        let text = body.as_ref().and_then(|body| body[*name].as_str());
                        text.is_some_and(|text| text.contains(token))
                    });
                    assert!(told_elsewhere || !told.contains(token), "{name} is told");
                }
            }
        }
    }
});
