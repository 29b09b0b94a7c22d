//! A running MiniStack, whose hosted UI, identity pool, IAM, STS, S3 and Lambda nobody here wrote.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use url::Url;

pub const REDIRECT: &str = "dev.keyfob.desktop://auth/callback";
const SIGN_OUT_REDIRECT: &str = "dev.keyfob.desktop://auth/signed-out";

/// A running MiniStack. Dropping it ends it.
pub struct MiniStack {
    process: Child,
    pub url: String,
}

fn python() -> PathBuf {
    // CARGO_TARGET_TMPDIR is target/tmp.
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../peers/ministack");
    let python = environment.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    assert!(
        python.is_file(),
        "MiniStack is not installed in {}: run `cargo xtask test`, which installs it",
        environment.display()
    );
    python
}

/// What MiniStack and Python write; removed with the [`MiniStack`].
fn temporary() -> PathBuf {
    let name = format!("ministack-{}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A Python of MiniStack's environment, out of reach of this user's AWS configuration.
fn command() -> Command {
    let mut command = Command::new(python());
    let temporary = temporary();
    std::fs::create_dir_all(&temporary).unwrap();
    command
        .env("STATE_DIR", temporary.join("state"))
        .env("TMPDIR", &temporary)
        .env("TEMP", &temporary)
        // MiniStack's name for the account's root.
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_PROFILE")
        .env("AWS_CONFIG_FILE", temporary.join("none"))
        .env("AWS_SHARED_CREDENTIALS_FILE", temporary.join("none"));
    command
}

impl MiniStack {
    pub fn start() -> Self {
        // Another program may take the port before MiniStack does; it ends then.
        (0..5)
            .find_map(|_| Self::start_on(free_port()))
            .expect("MiniStack listens on one of five free ports")
    }

    fn start_on(port: u16) -> Option<Self> {
        let mut process = command()
            .args(["-m", "ministack.app"])
            .env("AUTH", "true")
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("GATEWAY_PORT", port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = process.stderr.take().unwrap();
        let started = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        };
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let running = lines.any(|line| line.contains("Running on"));
        // Whoever does not read the rest blocks it in the end.
        std::thread::spawn(move || lines.for_each(drop));
        running.then_some(started)
    }

    /// A user pool with `alex`, an identity pool, a role, two functions, a bucket; as a profile's text, and the role's ARN.
    pub fn set_up(&self) -> (String, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../cognito-aws/tests/peers/ministack_setup.py");
        let output = command()
            .arg(script)
            .args([&self.url, REDIRECT, SIGN_OUT_REDIRECT])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let (url, issuer, client_id) = (&self.url, text("issuer"), text("client_id"));
        let profile = format!(
            r#"
            name = "MiniStack"
            region = "us-east-1"
            issuer = "{issuer}"
            domain = "{url}"
            client_id = "{client_id}"
            redirects = ["{REDIRECT}"]
            sign_out_redirects = ["{SIGN_OUT_REDIRECT}"]
            identity_pool_id = "{}"
            [endpoints]
            cognito_idp = "{url}"
            cognito_identity = "{url}"
            sts = "{url}"
            lambda = "{url}"
            s3 = "{url}"
            "#,
            text("identity_pool_id")
        );
        (profile, text("role_arn"))
    }

    /// What a person does in the browser: opens the page, fills in its form, sends it.
    pub async fn sign_in(&self, authorize: &Url, password: &str) -> Result<Url, String> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let answer = http.get(authorize.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let page = answer.text().await.unwrap();
        let mut fields: Vec<(String, String)> = page
            .split("<input ")
            .skip(1)
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
            .collect();
        assert!(!fields.is_empty(), "no form on the page: {page}");
        fields.push(("username".into(), "alex".into()));
        fields.push(("password".into(), password.into()));
        let answer = http
            .post(format!("{}/login", self.url))
            .form(&fields)
            .send()
            .await
            .unwrap();
        match answer.headers().get("location") {
            Some(location) => Ok(location.to_str().unwrap().parse().unwrap()),
            None => Err(answer.text().await.unwrap()),
        }
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        // What is left lies in the target folder and harms nobody.
        let _ = std::fs::remove_dir_all(temporary());
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (tag, _) = tag.split_once('>')?;
    let (_, value) = tag.split_once(&format!("{name}=\""))?;
    let (value, _) = value.split_once('"')?;
    Some(value.replace("&quot;", "\"").replace("&amp;", "&"))
}
