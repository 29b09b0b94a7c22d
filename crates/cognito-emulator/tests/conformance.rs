//! The emulator against software that nobody here wrote: boto3 and aws-jwt-verify.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    ffi::OsStr,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use cognito_emulator::Emulator;
use common::*;
use serde_json::{Value, json};

/// `cargo xtask test` sets these up from tests/peers; without them the test fails.
fn environment(path: &str) -> PathBuf {
    // CARGO_TARGET_TMPDIR is target/tmp, wherever the person has cargo put it.
    let peers = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../peers");
    let path = peers.join(path);
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask test`, which sets it up",
        path.display()
    );
    path
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/peers")
        .join(name)
}

/// Runs a peer, JSON in and JSON out, while the emulator goes on answering.
async fn run(program: PathBuf, script: PathBuf, folder: PathBuf, input: Value) -> Value {
    tokio::task::spawn_blocking(move || converse(program.as_os_str(), &script, &folder, &input))
        .await
        .unwrap()
}

fn converse(program: &OsStr, script: &Path, folder: &Path, input: &Value) -> Value {
    let mut peer = Command::new(program)
        .arg(script)
        .current_dir(folder)
        // Nothing of this machine's own AWS configuration or proxies.
        .env_clear()
        .envs(
            ["PATH", "SYSTEMROOT"]
                .into_iter()
                .filter_map(|name| std::env::var_os(name).map(|value| (name, value))),
        )
        .env("HOME", folder)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
    let mut stdin = peer.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = peer.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        script.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The token with another user name in its claims, under the old signature.
fn tampered(token: &Value) -> String {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let mut parts: Vec<_> = token
        .as_str()
        .unwrap()
        .split('.')
        .map(str::to_owned)
        .collect();
    let mut claims = claims(token);
    claims["cognito:username"] = json!("root");
    parts[1] = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    parts.join(".")
}

async fn boto3(emulator: &Emulator, tokens: &Value) -> Value {
    let python = if cfg!(windows) {
        "venv/Scripts/python.exe"
    } else {
        "venv/bin/python"
    };
    let input = json!({
        "region": "us-east-1",
        "endpoint": emulator.domain(),
        "provider": emulator.provider_name(),
        "identity_pool_id": "us-east-1:6b657966-6f62-4465-8d6f-706f6f6c0001",
        "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:hello",
        "id_token": tokens["id_token"],
        "tampered_id_token": tampered(&tokens["id_token"]),
    });
    run(
        environment(python),
        script("boto3_journey.py"),
        environment("."),
        input,
    )
    .await
}

#[tokio::test]
async fn boto3_goes_from_an_id_token_to_a_functions_answer() {
    let emulator = start().await;
    let tokens = tokens(&emulator).await;
    let seen = boto3(&emulator, &tokens).await;

    let identity_id = seen["identity_id"].as_str().unwrap();
    assert!(identity_id.starts_with("us-east-1:"));
    assert_eq!(seen["same_identity"], true);
    let issued_at = claims(&tokens["id_token"])["iat"].as_f64().unwrap();
    let lifetime = seen["expiration"].as_f64().unwrap() - issued_at;
    assert!((3600.0..3660.0).contains(&lifetime), "{lifetime}");
    assert_eq!(
        seen["arn"],
        "arn:aws:sts::123456789012:assumed-role/KeyfobDemoAuthenticated/CognitoIdentityCredentials"
    );
    assert_eq!(seen["account"], "123456789012");
    let user_id = seen["user_id"].as_str().unwrap();
    assert!(user_id.starts_with("AROA") && user_id.ends_with(":CognitoIdentityCredentials"));
    assert_eq!(
        seen["hello"],
        json!({ "message": "Hello from Lambda, boto3!", "identityId": identity_id })
    );
    assert_eq!(seen["by_arn"]["message"], "Hello from Lambda, ARN!");
    assert_eq!(seen["executed_version"], "$LATEST");
    assert_eq!(seen["failed"]["status"], 200);
    assert_eq!(seen["failed"]["error"], "Unhandled");
    assert_eq!(seen["failed"]["payload"]["errorType"], "RequestedFailure");
    assert_eq!(
        (&seen["event"], &seen["dry_run"]),
        (&json!(202), &json!(204))
    );

    let refused = |name: &str| {
        let refusal = &seen["refused"][name];
        (
            refusal["code"].as_str().unwrap(),
            refusal["status"].as_u64().unwrap(),
        )
    };
    assert_eq!(refused("tampered_token"), ("NotAuthorizedException", 400));
    assert_eq!(
        seen["refused"]["tampered_token"]["message"],
        "Invalid login token. Couldn't verify signed token."
    );
    assert_eq!(refused("wrong_secret"), ("SignatureDoesNotMatch", 403));
    assert_eq!(refused("unknown_key"), ("InvalidClientTokenId", 403));
    assert_eq!(
        refused("wrong_secret_at_lambda"),
        ("InvalidSignatureException", 403)
    );
    assert_eq!(
        refused("no_such_function"),
        ("ResourceNotFoundException", 404)
    );
}

#[tokio::test]
async fn aws_jwt_verify_accepts_the_tokens_and_refuses_tampered_ones() {
    let emulator = start().await;
    let tokens = tokens(&emulator).await;
    let input = json!({
        "issuer": emulator.issuer(),
        "client_id": CLIENT,
        "id_token": tokens["id_token"],
        "access_token": tokens["access_token"],
    });
    environment("node/node_modules/aws-jwt-verify");
    let seen = run(
        "node".into(),
        script("verify.mjs"),
        environment("node"),
        input,
    )
    .await;
    assert_eq!(seen["accepted"]["id"]["cognito:username"], "alex");
    assert_eq!(seen["accepted"]["access"]["username"], "alex");
    let expected = json!({
        "changed_user": "JwtInvalidSignatureError",
        "changed_scope": "JwtInvalidSignatureError",
        "no_algorithm": "JwtParseError",
        "other_key": "JwtInvalidSignatureError",
        "unknown_key": "KidNotFoundInJwksError",
        "other_signature": "JwtInvalidSignatureError",
        "short_signature": "JwtInvalidSignatureError",
        "access_as_id": "CognitoJwtInvalidTokenUseError",
        "id_as_access": "CognitoJwtInvalidTokenUseError",
        "other_client": "CognitoJwtInvalidClientIdError",
    });
    assert_eq!(seen["refused"], expected);
}
