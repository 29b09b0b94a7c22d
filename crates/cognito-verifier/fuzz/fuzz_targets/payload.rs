//! Any bytes as the claims of an otherwise good token, whose signature is made good where nothing else is wrong.
#![no_main]

use cognito_verifier_fuzz::{check, check_claims, genuine, signed, unsigned, verdict};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if check(&unsigned(&genuine(0), data)) {
        let accepted = verdict(&signed(data)).expect("only the signature was wrong");
        let claims = serde_json::from_slice(data).expect("was read before");
        check_claims(&accepted, &claims);
    }
});
