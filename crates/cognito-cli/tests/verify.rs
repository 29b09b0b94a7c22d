//! `keyfob verify`, the built program: what it prints, how it ends, and what it survives.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::Output,
    thread,
};

use cognito_verifier::{MAX_TOKEN_BYTES, test_issuer::TestKey};
use common::{CLIENT, ISSUER, NOW, jwks, pool, run, start, text, trust};
use serde_json::{Value, json};

fn verify(name: &str, more: &[&str], input: impl AsRef<[u8]>) -> Output {
    let keys = jwks(name);
    let mut arguments = vec!["verify"];
    arguments.extend(trust("access", keys.to_str().unwrap()));
    arguments.extend(more);
    run(&arguments, input)
}

fn verdicts(output: &Output) -> Vec<Value> {
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn codes(output: &Output) -> Vec<String> {
    verdicts(output)
        .iter()
        .enumerate()
        .map(|(index, verdict)| {
            assert_eq!(verdict["line"], index + 1);
            match verdict["error"].as_str() {
                Some(error) => {
                    assert_eq!(verdict["ok"], false);
                    assert!(!verdict["message"].as_str().unwrap().is_empty());
                    error.to_owned()
                }
                None => {
                    assert_eq!(verdict["ok"], true);
                    "ok".to_owned()
                }
            }
        })
        .collect()
}

#[test]
fn a_valid_token_is_its_claims_and_exit_code_0() {
    let token = pool()
        .access_token(CLIENT)
        .claim("cognito:groups", json!(["a/b", "Zoë"]));
    let output = verify("valid", &[], token.sign());
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let stdout = text(&output.stdout);
    assert!(
        stdout.starts_with("{\"line\":1,\"ok\":true,\"claims\":{\""),
        "{stdout}"
    );
    assert!(stdout.ends_with("}}\n"), "{stdout}");
    let claims = &verdicts(&output)[0]["claims"];
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["exp"], NOW + 3600);
    assert_eq!(claims["cognito:groups"], json!(["a/b", "Zoë"]));
    assert_eq!(claims.as_object().unwrap().len(), 14);

    let keys = jwks("valid-id");
    let mut arguments = vec!["verify"];
    arguments.extend(trust("id", keys.to_str().unwrap()));
    let output = run(&arguments, pool().id_token(CLIENT).sign() + "\r\n");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    assert_eq!(verdicts(&output)[0]["claims"]["email_verified"], true);
}

#[test]
fn one_refusal_is_exit_code_1_and_every_line_has_its_verdict() {
    let pool = pool();
    let good = || pool.access_token(CLIENT);
    let cases = [
        (good().sign(), "ok"),
        (good().expired_at(NOW).sign(), "expired"),
        (good().claim("nbf", NOW + 1).sign(), "not_yet_valid"),
        (pool.access_token("someone").sign(), "wrong_client"),
        (pool.id_token(CLIENT).sign(), "wrong_token_use"),
        (good().claim("iss", "x").sign(), "wrong_issuer"),
        (
            good().signed_by(&TestKey::stranger()).sign(),
            "bad_signature",
        ),
        (good().header("kid", "x").sign(), "unknown_key"),
        (
            good().header("alg", "none").raw_signature([]).sign(),
            "wrong_algorithm",
        ),
        (String::new(), "malformed"),
        (format!(" {}", good().sign()), "malformed"),
        (good().sign(), "ok"),
    ];
    let input: String = cases
        .iter()
        .map(|(token, _)| format!("{token}\n"))
        .collect();
    let output = verify("several", &[], input);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
    assert_eq!(codes(&output), cases.each_ref().map(|(_, code)| *code));
    // The members, their order and the words of one, exactly.
    assert_eq!(
        text(&output.stdout).lines().nth(1).unwrap(),
        "{\"line\":2,\"ok\":false,\"error\":\"expired\",\"message\":\"the token expired at 1793491200; \
         it is now 1793491200 (Unix seconds, leeway 0ns)\"}"
    );
    // A refusal repeats no token.
    let signature = cases[1].0.rsplit('.').next().unwrap();
    assert!(!text(&output.stdout).contains(signature));
}

#[test]
fn megabyte_lines_and_rubbish_are_refused_and_the_next_line_is_judged() {
    let good = pool().access_token(CLIENT).sign();
    let mut input = Vec::new();
    input.extend(b"A".repeat(3 << 20));
    input.extend(b"\n\0\x01\xff\xfe\x80.\xc3(.\x1b[31m\n");
    input.extend((0..=255u8).filter(|byte| *byte != b'\n').cycle().take(9000));
    input.extend(format!("\n{}\n{good}\n{}", ".".repeat(MAX_TOKEN_BYTES + 1), "\r").as_bytes());
    let output = verify("rubbish", &[], input);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
    assert_eq!(
        codes(&output),
        [
            "too_large",
            "malformed",
            "malformed",
            "too_large",
            "ok",
            "malformed"
        ]
    );
    assert_eq!(
        verdicts(&output)[0]["message"],
        format!(
            "the token has {} bytes; at most {MAX_TOKEN_BYTES} are accepted",
            3 << 20
        )
    );
}

/// What a stranger wrote does not get at the terminal: a claim is quoted in a refusal, and shown when valid.
#[test]
fn what_a_terminal_would_obey_is_escaped() {
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}\u{7f}";
    let token = |claim| pool().access_token(CLIENT).claim(claim, evil).sign();
    let output = verify(
        "evil",
        &[],
        format!("{}\n{}\n", token("username"), token("client_id")),
    );
    assert_eq!(codes(&output), ["ok", "wrong_client"]);
    let obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(
        !text(&output.stdout).contains(obeyed),
        "{:?}",
        text(&output.stdout)
    );
    assert_eq!(verdicts(&output)[0]["claims"]["username"], evil);
}

#[test]
fn leeway_and_time_are_as_asked() {
    let input = format!(
        "{}\n",
        pool().access_token(CLIENT).expired_at(NOW - 59).sign()
    );
    assert_eq!(codes(&verify("strict", &[], &input)), ["expired"]);
    assert_eq!(
        codes(&verify("lenient", &["--leeway", "60"], &input)),
        ["ok"]
    );
    assert_eq!(
        codes(&verify("less", &["--leeway", "59"], &input)),
        ["expired"]
    );
    // Without --now it is the clock's time, by which this token is long dead or not yet made.
    let keys = jwks("clock");
    let arguments = trust("access", keys.to_str().unwrap());
    let arguments = [&["verify"], &arguments[..arguments.len() - 2]].concat();
    let input = pool().access_token(CLIENT).expired_at(1_700_000_000).sign();
    assert_eq!(codes(&run(&arguments, input)), ["expired"]);
}

#[test]
fn clients_are_those_named_or_any_when_that_is_said() {
    let keys = jwks("clients");
    let base = [
        "verify",
        "--use",
        "access",
        "--issuer",
        ISSUER,
        "--now",
        "1793491200",
        "--jwks",
    ];
    let run = |more: &[&str], client: &str| {
        let arguments = [&base[..], &[keys.to_str().unwrap()], more].concat();
        run(&arguments, pool().access_token(client).sign())
            .status
            .code()
    };
    assert_eq!(run(&["--client-id", "a", "b"], "b"), Some(0));
    assert_eq!(run(&["--client-id", "a", "--client-id", "b"], "a"), Some(0));
    assert_eq!(run(&["--client-id", "a"], "b"), Some(1));
    assert_eq!(run(&["--any-client"], "whoever"), Some(0));
    assert_eq!(run(&[], "a"), Some(64));
    assert_eq!(run(&["--client-id", ""], "a"), Some(64));
    assert_eq!(run(&["--any-client", "--client-id", "a"], "a"), Some(64));
}

#[test]
fn nothing_to_verify_is_no_success() {
    let output = verify("nothing", &[], "");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert_eq!(
        text(&output.stderr),
        "keyfob: there was no token on standard input\n"
    );
}

#[test]
fn wrong_usage_is_exit_code_2_and_a_sentence() {
    let good = jwks("usage");
    let bad = good.with_file_name("usage-bad.json");
    std::fs::write(&bad, "{\"keys\":[]}").unwrap();
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let none = &good.replace(".json", ".none");
    #[rustfmt::skip] // One case, one line.
    let cases: &[(&[&str], &str)] = &[
        (&[], "--use <USE>"),
        (&["--use", "refresh"], "possible values: access, id"),
        (&["--use", "id", "--issuer", ISSUER], "--client-id"),
        (&["--use", "id", "--issuer", "http://example.com", "--any-client"], "keyfob: --issuer: the issuer must use https"),
        (&["--use", "id", "--issuer", "https://user:secret@example.com", "--any-client"], "keyfob: --issuer: the issuer must not contain a user name"),
        (&["--use", "id", "--issuer", ISSUER, "--any-client", "--jwks", none], "cannot be read: "),
        (&["--use", "id", "--issuer", ISSUER, "--any-client", "--jwks", "."], "keyfob: --jwks: . "),
        (&["--use", "id", "--issuer", ISSUER, "--any-client", "--jwks", bad], "has no RSA key that may check RS256 signatures"),
        (&["--use", "id", "--issuer", ISSUER, "--any-client", "--jwks", good, "--now", "yesterday"], "--now"),
        (&["--use", "id", "--issuer", ISSUER, "--any-client", "--jwks", good, "--leeway=-1"], "--leeway"),
        (&["--use", "id", "--issuer", ISSUER, "--any-client", "--jwks", good, "token.txt"], "token.txt"),
    ];
    for (arguments, sentence) in cases {
        let output = run(&[&["verify"], *arguments].concat(), "");
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(64), ""),
            "{arguments:?}"
        );
        let stderr = text(&output.stderr);
        assert!(stderr.contains(sentence), "{arguments:?}: {stderr}");
        assert!(
            !stderr.contains("secret") && !stderr.contains("panicked"),
            "{stderr}"
        );
    }
}

/// A program that asks and waits for the answer gets it before the next question.
#[test]
fn each_verdict_comes_as_soon_as_its_token_has() {
    let keys = jwks("interactive");
    let arguments = trust("access", keys.to_str().unwrap());
    let mut child = start(&[&["verify"], &arguments[..]].concat());
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for line in 1..=3 {
        writeln!(stdin, "{}", pool().access_token(CLIENT).sign()).unwrap();
        let mut verdict = String::new();
        stdout.read_line(&mut verdict).unwrap();
        assert!(
            verdict.starts_with(&format!("{{\"line\":{line},\"ok\":true")),
            "{verdict}"
        );
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let keys = jwks("memory");
    let arguments = trust("access", keys.to_str().unwrap());
    let mut child = start(&[&["verify"], &arguments[..]].concat());
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..128 {
        stdin.write_all(&[b'a'; 1 << 20]).unwrap();
    }
    stdin.write_all(b"\n").unwrap();
    let mut verdict = String::new();
    stdout.read_line(&mut verdict).unwrap();
    assert!(verdict.contains("134217728 bytes"), "{verdict}");
    if cfg!(target_os = "linux") {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 64 * 1024, "{peak}");
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// As in `keyfob verify ... | head -1`.
#[test]
fn a_reader_that_goes_away_is_no_crash_and_no_success() {
    let keys = jwks("pipe");
    let arguments = trust("access", keys.to_str().unwrap());
    let mut child = start(&[&["verify"], &arguments[..]].concat());
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let token = pool().access_token(CLIENT).sign();
    let feeder = thread::spawn(move || while writeln!(stdin, "{token}").is_ok() {});
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
}

/// A verdict that could not be written is none.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_is_no_success() {
    let keys = jwks("full");
    let arguments = trust("access", keys.to_str().unwrap());
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_keyfob"))
        .arg("verify")
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::fs::File::create("/dev/full").unwrap())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", pool().access_token(CLIENT).sign()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with("keyfob: standard input or output broke: "),
        "{stderr}"
    );
    assert!(
        stderr.ends_with("; not every token was judged\n"),
        "{stderr}"
    );
}

#[test]
fn keys_are_fetched_once_from_the_issuer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let issuer = format!("http://{address}/pool");
    let pool = cognito_verifier::test_issuer::TestIssuer::new(&issuer);
    let keys = pool.jwks();
    let server = thread::spawn(move || {
        // One connection: a second download would find nobody.
        let (mut connection, _) = listener.accept().unwrap();
        drop(listener);
        let (mut request, mut byte) = (Vec::new(), [0]);
        while !request.ends_with(b"\r\n\r\n") && connection.read(&mut byte).unwrap() == 1 {
            request.push(byte[0]);
        }
        write!(
            connection,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{keys}",
            keys.len()
        )
        .unwrap();
        String::from_utf8(request).unwrap()
    });
    let arguments = [
        "verify",
        "--use",
        "access",
        "--issuer",
        &issuer,
        "--client-id",
        CLIENT,
    ];
    let good = pool.access_token(CLIENT).sign();
    let output = run(&arguments, format!("{good}\nrubbish\n{good}\n"));
    let request = server.join().unwrap();
    assert_eq!(codes(&output), ["ok", "malformed", "ok"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        request.starts_with("GET /pool/.well-known/jwks.json HTTP/1.1\r\n"),
        "{request}"
    );

    // Now nobody listens there: neither accepted nor refused, and said so.
    let output = run(&arguments, good);
    assert_eq!(codes(&output), ["jwks_unavailable"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn help_has_examples_and_needs_nothing() {
    for arguments in [&["verify", "--help"][..], &["inspect", "--help"]] {
        let output = run(arguments, "");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
        assert!(text(&output.stdout).contains("Examples:\n  # "));
    }
    let output = run(&["--version"], "");
    assert_eq!(
        text(&output.stdout),
        concat!("keyfob ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert_eq!(run(&[], "").status.code(), Some(64));
}
