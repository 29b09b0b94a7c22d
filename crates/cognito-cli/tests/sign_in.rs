//! `keyfob login`, `logout` and `profiles`: the built program and a real keychain.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/desk.rs"]
mod desk;
#[path = "../../cognito-client/tests/common/port.rs"]
mod port;

use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use cognito_emulator::{Client, Config};
use desk::{Desk, Said, address_in};
use port::free_port;

/// A desk whose user pool sends the browser to a port that is free.
fn loopback() -> (Desk, String) {
    let callback = format!("http://127.0.0.1:{}/callback", free_port());
    let mut config = Config::demo();
    config.clients[0].callback_urls.push(callback.clone());
    let desk = Desk::configured(config);
    desk.write_profile("Local demo", |toml| {
        let (before, rest) = toml.split_once("redirects = [").unwrap();
        let (_, after) = rest.split_once("\n]").unwrap();
        format!("{before}redirects = [\"{callback}\"]{after}")
    });
    (desk, callback)
}

#[test]
fn an_address_is_pasted() {
    let desk = Desk::new();
    let said = desk.sign_in_with(&["login", "--paste", "--no-browser"]);
    assert_eq!((said.code, &*said.stdout), (Some(0), ""), "{}", said.stderr);
    assert!(
        said.stderr
            .ends_with("signed in to Local demo as Alex Morgan\n"),
        "{}",
        said.stderr
    );
    assert_eq!(desk.run(&["status"]).code, Some(0));
}

#[test]
fn what_is_no_answer_is_said_and_the_sign_in_goes_on() {
    let desk = Desk::new();
    let mut login = desk.keyfob(&["login", "--paste"]);
    let mut login = login.stdin(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(login.stderr.take().unwrap());
    let url = address_in(&mut stderr);
    let mut stdin = login.stdin.take().unwrap();
    writeln!(
        stdin,
        "hello\n\nhttp://127.0.0.1:8915/callback?code=x&state=wrong"
    )
    .unwrap();
    writeln!(stdin, "{}", desk.browse(&url)).unwrap();
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(login.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!(said.matches("keyfob: ").count(), 2, "{said}");
    assert!(!said.contains("code=x"));
}

#[test]
fn nothing_pasted_is_a_failure_and_leaves_nobody_signed_in() {
    let desk = Desk::new();
    let said = desk.run(&["login", "--paste"]);
    assert_eq!((said.code, &*said.stdout), (Some(1), ""));
    assert_eq!(desk.run(&["status"]).code, Some(4));
}

#[test]
fn the_browser_answers_at_a_port_and_is_opened_as_browser_says() {
    let (desk, callback) = loopback();
    let opened = desk.path("opened");
    let browser = desk.path("browser");
    std::fs::write(
        &browser,
        format!(
            "#!/bin/sh\necho \"$1\" > {0}.new && mv {0}.new {0}\n",
            opened.display()
        ),
    )
    .unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut login = desk.keyfob(&["login", "--hint", "alex"]);
    let mut login = login
        .env(
            "BROWSER",
            format!("/nonexistent/browser:{}", browser.display()),
        )
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(login.stderr.take().unwrap());
    let url = address_in(&mut stderr);
    assert!(url.contains("login_hint=alex"), "{url}");
    let answer = desk.browse(&url);
    assert!(answer.starts_with(&callback));
    // The browser follows it.
    let (host, path) = answer
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut browser = std::net::TcpStream::connect(host).unwrap();
    write!(browser, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut page = String::new();
    browser.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200"));
    assert_eq!(Said::from(login.wait_with_output().unwrap()).code, Some(0));
    // It was started before the address was printed, and may be writing yet.
    while !opened.exists() {
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read_to_string(opened).unwrap().trim(), url);
}

#[test]
fn ctrl_c_gives_up() {
    let (desk, _) = loopback();
    for arguments in [&["login", "--no-browser"][..], &["login", "--paste"]] {
        let mut login = desk.keyfob(arguments);
        let mut login = login.stdin(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(login.stderr.take().unwrap());
        address_in(&mut stderr);
        // It listens to signals once it says what it waits for.
        let mut line = String::new();
        while !line.contains("waiting for the browser") && !line.contains("paste the address") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut stderr, &mut line).unwrap() > 0);
        }
        let kill = format!("kill -INT {}", login.id());
        assert!(
            std::process::Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(login.wait().unwrap().code(), Some(2));
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(said, "keyfob: cancelled\n");
    }
    assert_eq!(desk.run(&["status"]).code, Some(4));
}

#[test]
fn signing_out_says_what_it_did() {
    let desk = Desk::new();
    desk.run(&["logout"])
        .is(0, "", "nobody is signed in to Local demo\n");
    desk.sign_in();
    desk.run(&["logout"])
        .is(0, "", "signed out of Local demo on this computer\n");
    assert_eq!(desk.asked("/oauth2/revoke"), 1);
    assert_eq!(desk.run(&["status"]).code, Some(4));

    // The session that another sign-in replaces is over, too.
    desk.sign_in();
    desk.sign_in();
    assert_eq!(desk.asked("/oauth2/revoke"), 2);
    let said = desk.run(&["logout", "--everywhere", "--no-browser"]);
    assert_eq!((said.code, &*said.stdout), (Some(0), ""));
    assert!(
        said.stderr.contains("/logout?client_id="),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.ends_with("all your sessions have ended\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_client_that_is_not_known_is_the_administrators_to_mend() {
    let desk = Desk::configured(Config::demo().with_client(Client::public("another")));
    let said = desk.run(&["login", "--paste", "--profile", "Nobody's"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("there is no profile"),
        "{}",
        said.stderr
    );
}

#[test]
fn profiles_are_listed_and_one_is_chosen() {
    let desk = Desk::bare();
    desk.write_profile("Example Ltd", |toml| toml);
    let listed = desk.run(&["profiles"]);
    listed.is(0, "* Example Ltd  yours\n  Local demo   yours\n", "");
    std::fs::write(desk.path("config/keyfob/profiles/selected"), "Local demo\n").unwrap();
    desk.run(&["profiles"])
        .is(0, "  Example Ltd  yours\n* Local demo   yours\n", "");
    let all = desk.run(&["profiles", "--json"]).json();
    assert_eq!(all[1]["name"], "Local demo");
    assert_eq!(all[1]["selected"], true);
    assert_eq!(all[1]["origin"], "user");

    // A file that cannot be used is said, and leaves the others alone.
    std::fs::write(desk.path("config/keyfob/profiles/broken.toml"), "name = \n").unwrap();
    let listed = desk.run(&["profiles"]);
    assert_eq!(listed.code, Some(0));
    assert_eq!(listed.stdout.lines().count(), 2);
    assert!(listed.stderr.contains("broken.toml"), "{}", listed.stderr);

    // One file in place of all, as for the app.
    let file = desk.write_profile("Tried out", |toml| toml);
    let mut only = desk.keyfob(&["profiles"]);
    let only = Said::from(only.env("KEYFOB_PROFILE_FILE", &file).output().unwrap());
    only.is(0, "* Tried out  yours\n", "");
}

#[test]
fn the_environment_names_the_profile_too() {
    let desk = Desk::new();
    desk.write_profile("Example Ltd", |toml| toml);
    let mut status = desk.keyfob(&["status"]);
    let status = Said::from(status.env("KEYFOB_PROFILE", "Local demo").output().unwrap());
    status.is(4, "Local demo: signed out\n", "");
    let mut status = desk.keyfob(&["status", "--profile", "Example Ltd"]);
    let status = Said::from(status.env("KEYFOB_PROFILE", "Local demo").output().unwrap());
    status.is(4, "Example Ltd: signed out\n", "");
}

#[test]
fn shells_and_man_are_told_all_commands() {
    let desk = Desk::bare();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let said = desk.run(&["completions", shell]);
        assert_eq!((said.code, &*said.stderr), (Some(0), ""));
        assert!(said.stdout.contains("credential-process"), "{shell}");
    }
    let folder = desk.path("man");
    let named = folder.to_str().unwrap();
    assert_eq!(desk.run(&["man", named]).code, Some(1));
    std::fs::create_dir(&folder).unwrap();
    desk.run(&["man", named]).is(0, "", "");
    for page in ["keyfob.1", "keyfob-exec.1", "keyfob-credential-process.1"] {
        assert!(folder.join(page).exists(), "{page}");
    }
    for page in std::fs::read_dir(&folder).unwrap() {
        let path = page.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        let has_all = page.contains(".TH") && page.contains("Examples:");
        let is_of_help = path.to_str().unwrap().contains("help");
        assert!(has_all || is_of_help, "{}", path.display());
    }
    // What only another process of the command asks for is nobody's business.
    assert!(!folder.join("keyfob-answer.1").exists());
    let help = desk.run(&["--help"]);
    assert_eq!((help.code, &*help.stderr), (Some(0), ""));
    assert!(help.stdout.contains("Examples:") && !help.stdout.contains("answer  "));
}

#[test]
fn wrong_usage_has_a_code_of_its_own() {
    let desk = Desk::bare();
    for arguments in [
        &[][..],
        &["nonsense"],
        &["login", "--nonsense"],
        &["completions"],
    ] {
        let said = desk.run(arguments);
        assert_eq!((said.code, &*said.stdout), (Some(64), ""), "{arguments:?}");
        assert!(said.stderr.contains("Usage:"), "{}", said.stderr);
    }
}
