//! `keyfob inspect`, the built program: words, and who vouches for them.
#![allow(clippy::unwrap_used)]

mod common;

use cognito_verifier::{MAX_TOKEN_BYTES, test_issuer::TestKey};
use common::{CLIENT, NOW, jwks, pool, run, text, trust};
use serde_json::json;

const NOT_ASKED: &str = "NOT VERIFIED: anyone can write such a token. Give --use, --issuer and --client-id to verify it.";

fn inspect(input: impl AsRef<[u8]>) -> (Option<i32>, String) {
    let output = run(&["inspect", "--now", "1793491200"], input);
    assert_eq!(text(&output.stderr), "");
    (output.status.code(), text(&output.stdout).to_owned())
}

fn verified(name: &str, input: impl AsRef<[u8]>) -> (Option<i32>, String) {
    let keys = jwks(name);
    let arguments = trust("access", keys.to_str().unwrap());
    let output = run(&[&["inspect"], &arguments[..]].concat(), input);
    assert_eq!(text(&output.stderr), "");
    (output.status.code(), text(&output.stdout).to_owned())
}

#[test]
fn a_token_is_explained_and_said_to_be_unverified() {
    let token = pool()
        .access_token(CLIENT)
        .expired_at(NOW + 12 * 60)
        .claim("auth_time", NOW - 7200)
        .claim("custom:team", "blue")
        .claim("extra", json!({ "a": [1] }))
        .without("event_id")
        .without("version");
    let kid = pool().access_key().kid().to_owned();
    let expected = format!(
        r#"Line 1: calls itself an access token
  {NOT_ASKED}

  Header
    alg: "RS256"
        how it is signed; Cognito's are RS256, RSA with SHA-256
    kid: "{kid}"
        which of the pool's keys signed it

  Claims
    token_use: "access"
        what it is for: access tokens go to APIs, ID tokens tell the app who signed in
    iss: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test"
        the user pool that issued it
    client_id: "{CLIENT}"
        the app client it was issued to
    sub: "5a0c2d1e-3b4f-4c6d-8e7f-90a1b2c3d4e5"
        the user's permanent id; in a token of a machine, its client id
    username: "alex"
        the user's name in the pool
    exp: 1793491920 = 2026-11-01 00:12:00 UTC, in 12 minutes
        when it expires
    iat: 1793488320 = 2026-10-31 23:12:00 UTC, 48 minutes ago
        when it was issued
    auth_time: 1793484000 = 2026-10-31 22:00:00 UTC, 2 hours ago
        when the person last signed in; a refresh does not change it
    scope: "openid email profile"
        what the app may do for the user
    jti: "7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
        the id of this token
    origin_jti: "c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f"
        the id of the sign-in it comes from; revoking that ends all its tokens
    custom:team: "blue"
        an attribute that this pool defines
    extra: {{"a":[1]}}
"#
    );
    assert_eq!(inspect(token.sign()), (Some(0), expected));
}

#[test]
fn with_the_options_it_verifies_and_says_so() {
    let pool = pool();
    let good = pool.access_token(CLIENT);
    let (code, shown) = verified("inspect-good", good.sign());
    assert_eq!(code, Some(0));
    assert!(
        shown
            .contains("\n  VERIFIED: the signature is the pool's, and every other check passes.\n"),
        "{shown}"
    );
    assert!(!shown.contains("NOT VERIFIED"), "{shown}");

    let input = format!(
        "{}\n{}\n{}\n",
        good.clone().expired_at(NOW - 7200).sign(),
        good.clone().signed_by(&TestKey::stranger()).sign(),
        good.sign(),
    );
    let (code, shown) = verified("inspect-bad", input);
    assert_eq!(code, Some(1));
    for line in [
        "  NOT VERIFIED (expired): the token expired at 1793484000; it is now 1793491200 (Unix seconds, leeway 0ns).",
        "    exp: 1793484000 = 2026-10-31 22:00:00 UTC, 2 hours ago",
        "  NOT VERIFIED (bad_signature): the token's signature is wrong.",
        "Line 3: calls itself an access token",
        "  VERIFIED: the signature is the pool's, and every other check passes.",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
    assert_eq!(shown.matches("  VERIFIED").count(), 1);
}

#[test]
fn what_is_no_token_is_said_to_be_none() {
    let jwe = "eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiUlNBLU9BRVAifQ.AAAA.AAAA.AAAA.AAAA";
    let (code, shown) = inspect(jwe);
    assert_eq!(code, Some(1));
    assert!(
        shown.starts_with(
            "Line 1: an encrypted token, as Cognito's refresh tokens are; only who issued it can read it\n"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("    alg: \"RSA-OAEP\"\n") && shown.contains(NOT_ASKED),
        "{shown}"
    );

    let mut input = b"rubbish\n\n\0\xff\xfe.\x80\n".to_vec();
    input.extend(b"A".repeat(MAX_TOKEN_BYTES + 5));
    let (code, shown) = inspect(input);
    assert_eq!(code, Some(1));
    let unreadable =
        "no token that can be read. A token is three pieces of base64url with dots between them.";
    assert_eq!(
        shown,
        format!(
            "Line 1: {unreadable}\n\nLine 2: {unreadable}\n\nLine 3: {unreadable}\n\n\
             Line 4: no token: the token has 16389 bytes; at most 16384 are accepted.\n"
        )
    );

    let output = run(&["inspect"], "");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert_eq!(
        text(&output.stderr),
        "keyfob: there was no token on standard input\n"
    );
}

/// What the verifier would refuse for its form is what one wants to look at.
#[test]
fn tokens_with_mistakes_are_shown_all_the_same() {
    let token = pool()
        .access_token(CLIENT)
        .claim("exp", "soon")
        .without("token_use");
    let (code, shown) = inspect(token.sign() + "==");
    assert_eq!(code, Some(0));
    assert!(
        shown.starts_with("Line 1: a signed token, of no use that Cognito knows\n"),
        "{shown}"
    );
    assert!(
        shown.contains("    exp: \"soon\"\n        when it expires\n"),
        "{shown}"
    );
    let (code, shown) = verified("inspect-padded", pool().access_token(CLIENT).sign() + "==");
    assert_eq!(code, Some(1));
    assert!(shown.contains("  NOT VERIFIED (malformed): "), "{shown}");
    let (code, shown) = inspect(pool().access_token(CLIENT).raw_payload("[]").sign());
    assert_eq!(code, Some(1));
    assert!(
        shown.starts_with("Line 1: its header can be read and its claims cannot\n"),
        "{shown}"
    );
}

#[test]
fn what_a_terminal_would_obey_is_escaped() {
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}\u{7f}\r\nVERIFIED";
    let token = pool()
        .access_token(CLIENT)
        .claim("username", evil)
        .claim(evil, evil)
        .claim("client_id", evil)
        .header("kid", evil)
        .header(evil, 1)
        .sign();
    for (_, shown) in [inspect(&token), verified("inspect-evil", &token)] {
        let obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!shown.contains(obeyed), "{shown:?}");
        assert!(
            !shown
                .lines()
                .any(|line| line.trim_start().starts_with("VERIFIED")),
            "{shown}"
        );
    }
}

#[test]
fn the_options_are_all_there_or_none() {
    for arguments in [
        &["--use", "id"][..],
        &["--issuer", "https://example.com"],
        &["--client-id", "a"],
        &["--any-client"],
        &["--jwks", "x"],
        &["--leeway", "5"],
        &["--use", "id", "--issuer", "https://example.com"],
    ] {
        let output = run(&[&["inspect"], arguments].concat(), "");
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(64), ""),
            "{arguments:?}"
        );
    }
}
