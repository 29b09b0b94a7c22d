//! `keyfob exec`: environment, exit codes, signals, and the endpoint.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/desk.rs"]
mod desk;

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use cognito_agent::Agent;
use desk::{Desk, Said};

fn desk() -> (Desk, Agent) {
    let desk = Desk::bare();
    let agent = desk.app(true);
    (desk, agent)
}

#[test]
fn the_program_has_the_credentials_and_nothing_that_comes_before_them() {
    let (desk, _agent) = desk();
    let mut exec = desk.keyfob(&["exec", "Local demo", "--", "env"]);
    exec.env("AWS_PROFILE", "in the way")
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "in the way")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "in the way")
        .env("AWS_MAX_ATTEMPTS", "5");
    let said = Said::from(exec.output().unwrap());
    assert_eq!((said.code, &*said.stderr), (Some(0), ""));
    let value = |name: &str| {
        let mut lines = said.stdout.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ] {
        assert!(!value(name).unwrap().is_empty(), "{name}");
    }
    assert_eq!(value("AWS_REGION"), Some("us-east-1"));
    assert_eq!(value("AWS_DEFAULT_REGION"), Some("us-east-1"));
    assert_eq!(value("KEYFOB_PROFILE"), Some("Local demo"));
    assert_eq!(value("AWS_VAULT"), Some("Local demo"));
    assert_eq!(value("AWS_MAX_ATTEMPTS"), Some("5"));
    let sts = desk.emulator.url();
    assert_eq!(value("AWS_ENDPOINT_URL_STS"), Some(sts.as_str()));
    let expires: jiff::Timestamp = value("AWS_CREDENTIAL_EXPIRATION").unwrap().parse().unwrap();
    assert!(expires > jiff::Timestamp::now());
    assert!(!said.stdout.contains("in the way"));
}

#[test]
fn exit_codes_are_the_programs() {
    let (desk, _agent) = desk();
    for server in [false, true] {
        let exec = |command: &[&str]| {
            let more: &[&str] = if server { &["--server"] } else { &[] };
            desk.run(&[&["exec"], more, &["--"], command].concat())
        };
        assert_eq!(exec(&["true"]).code, Some(0));
        assert_eq!(exec(&["sh", "-c", "exit 7"]).code, Some(7));
        // Without the endpoint the program has taken the place of the command, and dies as itself.
        let killed = exec(&["sh", "-c", "kill -TERM $$"]).code;
        assert_eq!(killed, server.then_some(128 + 15));
        let absent = exec(&["/nonexistent/program"]);
        assert_eq!((absent.code, &*absent.stdout), (Some(127), ""));
        assert!(
            absent
                .stderr
                .starts_with("keyfob: /nonexistent/program cannot be run")
        );
        assert_eq!(exec(&["/etc/passwd"]).code, Some(126));
    }
}

#[test]
fn nothing_runs_when_nobody_is_signed_in() {
    let desk = Desk::bare();
    let _agent = desk.app(false);
    for arguments in [
        &["exec", "--", "echo", "ran"][..],
        &["exec", "--server", "--", "echo", "ran"],
    ] {
        let said = desk.run(arguments);
        assert_eq!((said.code, &*said.stdout), (Some(4), ""));
    }
    assert_eq!(desk.run(&["exec"]).code, Some(64));
    assert_eq!(desk.run(&["exec", "Local demo", "true"]).code, Some(64));
}

#[test]
fn signals_reach_the_program() {
    let (desk, _agent) = desk();
    for server in [false, true] {
        for (signal, code) in [
            ("INT", 3),
            ("TERM", 4),
            ("HUP", 5),
            ("QUIT", 6),
            ("USR1", 7),
            ("USR2", 8),
        ] {
            // A signal that comes as bash begins to read is looked at only when that ends: so it is a second at most.
            let script = "trap 'exit 3' INT; trap 'exit 4' TERM; trap 'exit 5' HUP; trap 'exit 6' QUIT; trap 'exit 7' USR1; trap 'exit 8' USR2; echo ready; while read -r -t 1 line || [ $? -gt 128 ]; do :; done";
            let more: &[&str] = if server { &["--server"] } else { &[] };
            let arguments = [&["exec"], more, &["--", "bash", "-c", script]].concat();
            let mut exec = desk.keyfob(&arguments);
            let mut exec = exec.stdin(Stdio::piped()).spawn().unwrap();
            // Its end would end the program too, and perhaps before the signal.
            let stdin = exec.stdin.take();
            assert_eq!(first_line(&mut exec), "ready");
            let kill = format!("kill -{signal} {}", exec.id());
            assert!(
                Command::new("sh")
                    .args(["-c", &kill])
                    .status()
                    .unwrap()
                    .success()
            );
            assert_eq!(exec.wait().unwrap().code(), Some(code), "{signal} {server}");
            drop(stdin);
        }
    }
}

/// Has a shell run it, which is given the program as `$0` and what `exec` would give it as `$@`.
fn by_shell(script: &str, program: &OsStr, exec: &Command) -> Said {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .arg(program)
        .args(exec.get_args());
    for (name, value) in exec.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    Said::from(shell.output().unwrap())
}

#[test]
fn what_nohup_has_ignored_the_program_ignores_too() {
    let (desk, _agent) = desk();
    for server in [false, true] {
        let more: &[&str] = if server { &["--server"] } else { &[] };
        let exec = [
            &["exec"],
            more,
            &["--", "grep", "SigIgn", "/proc/self/status"],
        ]
        .concat();
        let exec = desk.keyfob(&exec);
        let said = by_shell(
            "trap '' HUP INT; exec \"$0\" \"$@\"",
            exec.get_program(),
            &exec,
        );
        let mask = said.stdout.trim().rsplit('\t').next().unwrap();
        let mask = u64::from_str_radix(mask, 16).unwrap();
        // HUP is 1 and INT is 2 (signal(7)).
        assert_eq!(mask & 0b11, 0b11, "{server}: {said:?}");
    }
}

#[test]
fn a_command_that_an_update_has_replaced_renews_and_leaves_no_child() {
    let desk = Desk::new();
    desk.sign_in();
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("keyfob");
    // The program tells which children it had when it began.
    let script = "read -r children < /proc/$$/task/$$/children; echo \"children: $children\"";
    let exec = desk.keyfob(&["exec", "--", "sh", "-c", script]);
    std::fs::copy(exec.get_program(), &old).unwrap();
    let script = "exec 3<\"$0\" && rm \"$0\" && exec /proc/self/fd/3 \"$@\"";
    let said = by_shell(script, old.as_os_str(), &exec);
    assert_eq!(
        (said.code, &*said.stdout),
        (Some(0), "children: \n"),
        "{said:?}"
    );
}

#[test]
fn what_comes_before_the_endpoint_is_said() {
    let (desk, _agent) = desk();
    let folder = tempfile::tempdir().unwrap();
    let exec = ["exec", "--server", "--", "true"];
    let run = |config: &str| {
        let file = folder.path().join("config");
        std::fs::write(&file, config).unwrap();
        let mut exec = desk.keyfob(&exec);
        exec.env("AWS_CONFIG_FILE", &file);
        Said::from(exec.output().unwrap())
    };
    let keyfob = |profile: &str| {
        format!(
            "[default]\ncredential_process = /usr/bin/keyfob credential-process --profile \"{profile}\"\n"
        )
    };
    for quiet in ["", "[profile other]\nrole_arn = x\n", &keyfob("Local demo")] {
        let said = run(quiet);
        assert_eq!((said.code, &*said.stderr), (Some(0), ""), "{quiet}");
    }
    for loud in ["[default]\naws_access_key_id = x\n", &keyfob("Another")] {
        let said = run(loud);
        assert_eq!(said.code, Some(0));
        assert!(said.stderr.contains("`default`"), "{loud}: {}", said.stderr);
    }
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    line.trim_end().to_owned()
}

/// A running `exec --server`, and what its program was told.
struct Served {
    exec: Child,
    address: String,
    path: String,
    authorization: String,
}

impl Served {
    fn start(desk: &Desk) -> Self {
        let script = "echo \"$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN\"; read -r line; env | grep -c '^AWS_ACCESS_KEY_ID\\|^AWS_SECRET' >&2";
        let mut exec = desk.keyfob(&["exec", "--server", "--", "sh", "-c", script]);
        let mut exec = exec.stdin(Stdio::piped()).spawn().unwrap();
        let told = first_line(&mut exec);
        let (uri, authorization) = told.split_once(' ').unwrap();
        let (address, path) = uri
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        Self {
            exec,
            address: address.to_owned(),
            path: format!("/{path}"),
            authorization: authorization.to_owned(),
        }
    }

    /// The answer's status and body.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        stream
            .write_all(format!("{request}\r\n").as_bytes())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(
            !answer.to_ascii_lowercase().contains("access-control"),
            "no CORS"
        );
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn end(mut self) -> Said {
        drop(self.exec.stdin.take());
        Said::from(self.exec.wait_with_output().unwrap())
    }
}

#[test]
fn the_endpoint_gives_the_program_credentials_and_ends_with_it() {
    let (desk, _agent) = desk();
    let served = Served::start(&desk);
    let asked = |served: &Served| {
        served.send(
            "GET",
            &served.path,
            &[
                ("Host", &served.address),
                ("Authorization", &served.authorization),
            ],
        )
    };
    let (status, body) = asked(&served);
    assert_eq!(status, 200);
    let credentials: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(
        credentials["AccessKeyId"]
            .as_str()
            .unwrap()
            .starts_with("ASIA")
    );
    for secret in ["SecretAccessKey", "Token"] {
        assert!(credentials[secret].as_str().unwrap().len() > 10, "{secret}");
    }
    let expires: jiff::Timestamp = credentials["Expiration"].as_str().unwrap().parse().unwrap();
    assert!(expires > jiff::Timestamp::now());
    let address = served.address.clone();
    let said = served.end();
    // `grep -c` finds none, and says so by its exit code.
    said.is(1, "", "0\n");
    assert!(TcpStream::connect(address).is_err());
}

/// A status, and the method, path and headers that come to it.
type Refused<'a> = (u16, &'a str, &'a str, Vec<(&'a str, &'a str)>);

#[test]
fn the_endpoint_refuses_everybody_else() {
    let (desk, _agent) = desk();
    let served = Served::start(&desk);
    let (host, path, authorization) = (&*served.address, &*served.path, &*served.authorization);
    let localhost = host.replace("127.0.0.1", "localhost");
    let wrong = format!("{}x", &authorization[1..]);
    let bearer = format!("Bearer {authorization}");
    let good = [("Host", host), ("Authorization", authorization)];
    let refused: [Refused<'_>; 16] = [
        // Without the token, or with another.
        (401, "GET", path, vec![("Host", host)]),
        (
            401,
            "GET",
            path,
            vec![("Host", host), ("Authorization", "")],
        ),
        (
            401,
            "GET",
            path,
            vec![("Host", host), ("Authorization", &wrong)],
        ),
        (
            401,
            "GET",
            path,
            vec![("Host", host), ("Authorization", &bearer)],
        ),
        (401, "GET", path, [&good[..], &good[1..]].concat()),
        // By another name: DNS rebinding.
        (421, "GET", path, vec![("Host", "example.com"), good[1]]),
        (421, "GET", path, vec![("Host", &localhost), good[1]]),
        (421, "GET", path, [&good[..1], &good[..]].concat()),
        (421, "GET", &format!("http://{host}{path}"), good.to_vec()),
        // From a page.
        (
            403,
            "GET",
            path,
            [&good[..], &[("Origin", "https://example.com")]].concat(),
        ),
        (
            403,
            "GET",
            path,
            [&good[..], &[("Origin", "null")]].concat(),
        ),
        (
            403,
            "OPTIONS",
            path,
            [&good[..1], &[("Origin", "https://example.com")]].concat(),
        ),
        // Elsewhere, and otherwise.
        (404, "GET", "/", good.to_vec()),
        (404, "GET", &path[..path.len() - 1], good.to_vec()),
        (405, "POST", path, good.to_vec()),
        (405, "HEAD", path, good.to_vec()),
    ];
    for (code, method, path, headers) in &refused {
        let (status, body) = served.send(method, path, headers);
        let named: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(status, *code, "{method} with {named:?}");
        assert!(!body.contains("AccessKeyId"));
    }
    assert_eq!(served.send("GET", path, &good).0, 200);
    drop(served.end());
}
