//! The built program: its mistakes, its output, and how it stops.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    io::BufRead as _,
    net::TcpListener,
    process::{Output, Stdio},
};

use cognito_verifier::test_issuer::TestIssuer;
use support::{
    CLIENT, POOL, emulator, http,
    program::{Program, command},
    sign_in,
};

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn every_mistake_gets_its_sentence() {
    let missing = run(&[]);
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(
        stderr(&missing),
        "cognito-api: --issuer (or COGNITO_API_ISSUER) is missing: name the user pool, \
         e.g. https://cognito-idp.REGION.amazonaws.com/POOL_ID\n\
         cognito-api: --client-id (or COGNITO_API_CLIENT_ID) is missing: name the app client whose users may call\n"
    );
    assert!(missing.stdout.is_empty());

    let wrong = run(&[
        "--issuer=http://example.com/pool",
        "--client-id=ok,not ok",
        "--client-id=",
        "--listen=localhost",
        "--admin-listen=9231",
        "--required-scope=read \"write\"",
        "--max-header-bytes=1",
        "--max-headers=many",
        "--max-body-bytes=-1",
        "--max-connections=0",
        "--max-requests=0",
        "--header-timeout=0",
        "--request-timeout=1.5",
        "--write-timeout=",
        "--keep-alive=forever",
        "--stop-delay=1000",
        "--drain-timeout=1000",
        "--log-format=xml",
    ]);
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(
        stderr(&wrong),
        "cognito-api: --issuer: the issuer must use https (http is only for an emulator on this machine); \
         copy it from the user pool's overview page, e.g. https://cognito-idp.REGION.amazonaws.com/POOL_ID\n\
         cognito-api: --client-id: \"not ok\" is not an app client id (1 to 128 letters, digits, _ or +)\n\
         cognito-api: --client-id: \"\" is not an app client id (1 to 128 letters, digits, _ or +)\n\
         cognito-api: --required-scope: \"\\\"write\\\"\" is not a scope (no quotes or backslashes)\n\
         cognito-api: --listen: \"localhost\" is not an IP address and port, e.g. 127.0.0.1:9230\n\
         cognito-api: --admin-listen: \"9231\" is not an IP address and port, e.g. 127.0.0.1:9230\n\
         cognito-api: --max-header-bytes: \"1\" is not a whole number from 8192 to 1048576\n\
         cognito-api: --max-headers: \"many\" is not a whole number from 10 to 1000\n\
         cognito-api: --max-body-bytes: \"-1\" is not a whole number from 0 to 1073741824\n\
         cognito-api: --max-connections: \"0\" is not a whole number from 1 to 1048576\n\
         cognito-api: --max-requests: \"0\" is not a whole number from 1 to 1048576\n\
         cognito-api: --header-timeout: \"0\" is not a whole number of seconds from 1 to 86400\n\
         cognito-api: --request-timeout: \"1.5\" is not a whole number of seconds from 1 to 86400\n\
         cognito-api: --write-timeout: \"\" is not a whole number of seconds from 1 to 86400\n\
         cognito-api: --keep-alive: \"forever\" is not a whole number of seconds from 1 to 86400\n\
         cognito-api: --drain-timeout: \"1000\" is not a whole number of seconds from 0 to 900\n\
         cognito-api: --stop-delay: \"1000\" is not a whole number of seconds from 0 to 900\n\
         cognito-api: --log-format: \"xml\" is neither text nor json\n"
    );
}

#[test]
fn the_environment_is_checked_like_the_flags() {
    let output = command()
        .env("COGNITO_API_ISSUER", POOL)
        .env("COGNITO_API_CLIENT_ID", "one,two")
        .env("COGNITO_API_LISTEN", "127.0.0.1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "cognito-api: --listen: \"127.0.0.1\" is not an IP address and port, e.g. 127.0.0.1:9230\n"
    );
}

#[test]
fn two_listeners_need_two_addresses() {
    let output = command()
        .args(["--issuer", POOL, "--client-id", CLIENT])
        .args(["--listen=127.0.0.1:9230", "--admin-listen=127.0.0.1:9230"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "cognito-api: --admin-listen is the same address as --listen: choose another port\n"
    );
}

#[test]
fn every_user_pool_has_a_file_of_keys_or_none_has() {
    let pools = format!("--issuer={POOL},{POOL}2");
    let output = run(&[&pools, "--client-id", CLIENT, "--jwks-file=Cargo.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    let counted = "cognito-api: --jwks-file: 1 for 2 user pools: name one file for each --issuer, in the same order\n";
    assert!(said.contains(counted), "{said}");
}

#[test]
fn a_file_without_keys_is_refused() {
    let output = run(&[
        "--issuer",
        POOL,
        "--client-id",
        CLIENT,
        "--jwks-file",
        "Cargo.toml",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "cognito-api: --jwks-file: Cargo.toml is not a pool's jwks.json: the answer is not a JWK Set\n"
    );
    let output = run(&[
        "--issuer",
        POOL,
        "--client-id",
        CLIENT,
        "--jwks-file",
        "nowhere.json",
    ]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.starts_with("cognito-api: --jwks-file: nowhere.json cannot be read: "),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_files_of_keys_it_needs_no_issuer() {
    let pools = [
        TestIssuer::new(POOL),
        TestIssuer::new(format!("{POOL}2")).with_fresh_keys(),
    ];
    let mut command = command();
    command.args([
        "--client-id",
        CLIENT,
        "--listen=127.0.0.1:0",
        "--token-cache=100",
    ]);
    let mut files = Vec::new();
    for (nth, pool) in pools.iter().enumerate() {
        let file =
            std::env::temp_dir().join(format!("cognito-api-{}-{nth}.json", std::process::id()));
        std::fs::write(&file, pool.jwks()).unwrap();
        command
            .args(["--issuer", pool.pool().issuer()])
            .arg("--jwks-file")
            .arg(&file);
        files.push(file);
    }
    let running = Program::start(command);
    for file in files {
        std::fs::remove_file(file).unwrap();
    }
    let get = |path: &str| http().get(format!("{}{path}", running.url));
    assert_eq!(get("/readyz").send().await.unwrap().status(), 200);
    for pool in &pools {
        let token = pool.access_token(CLIENT).sign();
        for _ in 0..2 {
            let answer = get("/api/hello").bearer_auth(&token).send().await.unwrap();
            assert_eq!(answer.status(), 200);
        }
    }
}

#[test]
fn a_taken_port_is_said_so() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&[
        "--issuer",
        POOL,
        "--client-id",
        CLIENT,
        "--listen",
        &address,
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!(
            "cognito-api: {address} is taken: end the program that listens there, \
             or choose another address with --listen\n"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_greets_and_logs_no_token() {
    let emulator = emulator().await;
    let tokens = sign_in(&emulator).await;
    let mut command = command();
    command.args([
        "--client-id",
        CLIENT,
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "--exit-with-parent-stdin",
    ]);
    command
        .env("COGNITO_API_ISSUER", emulator.issuer())
        .env("RUST_LOG", "trace")
        .stdin(Stdio::piped());
    let mut running = Program::start(command);
    let call = async |path: &str, token: &str| {
        let answer = http()
            .get(format!("{}{path}", running.url))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let greeting = "Hi alex, your API call is authenticated!".to_owned();
    assert_eq!(call("/api/hello", &tokens.access).await, (200, greeting));
    assert_eq!(call("/api/hello", &tokens.id).await.0, 401);
    assert_eq!(
        call(
            &format!("/secret-path?access_token={}", tokens.access),
            &tokens.access
        )
        .await
        .0,
        404
    );

    drop(running.child.stdin.take());
    let (code, _, log) = running.end();
    assert_eq!(code, Some(0));
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect(line);
    }
    assert!(
        log.contains("\"route\":\"/api/hello\"") && log.contains("standard input was closed"),
        "{log}"
    );
    for token in [&tokens.access, &tokens.id] {
        let signature = token.rsplit('.').next().unwrap();
        assert!(
            !log.contains(signature) && !log.contains(&signature[..40]),
            "a token is in the log"
        );
    }
    assert!(
        !log.contains("secret-path"),
        "a path that is no route is in the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_an_address_of_their_own_and_count_downloads() {
    let emulator = emulator().await;
    let tokens = sign_in(&emulator).await;
    let mut command = command();
    command
        .args(["--issuer", &emulator.issuer(), "--client-id", CLIENT])
        .args(["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"])
        // The log's level does not decide what is counted.
        .env("RUST_LOG", "error");
    let mut running = Program::start(command);
    let mut line = String::new();
    running.stdout.read_line(&mut line).unwrap();
    let metrics = line
        .trim_end()
        .strip_prefix("Metrics on ")
        .expect(&line)
        .to_owned();
    let get = async |url: String| {
        http()
            .get(url)
            .bearer_auth(&tokens.access)
            .send()
            .await
            .unwrap()
    };
    assert_eq!(
        get(format!("{}/api/hello", running.url)).await.status(),
        200
    );
    let text = get(metrics).await.text().await.unwrap();
    let line = "cognito_api_jwks_downloads_total{outcome=\"fetched\"} 1\n";
    assert!(text.contains(line), "{text}");
    assert_eq!(get(format!("{}/metrics", running.url)).await.status(), 404);
}
