//! The least that a `credential_process` in Rust can be: the peer of `cargo xtask bench credentials`. What it prints is as
//! long as what Cognito's identity pools give.
#![expect(clippy::print_stdout, reason = "a command-line program")]

fn main() {
    println!(
        r#"{{"Version":1,"AccessKeyId":"ASIAEXAMPLEEXAMPLE12","SecretAccessKey":"{}","SessionToken":"{}","Expiration":"2026-11-01T00:00:00Z","AccountId":"123456789012"}}"#,
        "s".repeat(40),
        "t".repeat(1_200)
    );
}
