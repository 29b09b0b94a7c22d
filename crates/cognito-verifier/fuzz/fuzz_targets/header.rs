//! Any bytes as the header of an otherwise good token.
#![no_main]

use cognito_verifier_fuzz::{check, genuine, unsigned};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    check(&unsigned(data, &genuine(1)));
});
