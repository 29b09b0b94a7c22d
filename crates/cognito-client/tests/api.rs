//! The access token goes to the organisation's API and to nobody else.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, Mutex};

use cognito_client::{Error, Profile, TransientCause};
use common::World;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// A server that gives its answers in turn and remembers what it was asked: path and bearer.
struct Api {
    url: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Api {
    async fn answering(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let remembered = asked.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut path, mut bearer) = (String::new(), String::new());
                let mut lines = BufReader::new(&mut stream).lines();
                while let Some(line) = lines.next_line().await.unwrap().filter(|l| !l.is_empty()) {
                    if let Some(rest) = line.strip_prefix("GET ") {
                        path = rest.split(' ').next().unwrap().to_owned();
                    } else if let Some((name, value)) = line.split_once(": Bearer ")
                        && name.eq_ignore_ascii_case("authorization")
                    {
                        bearer = value.to_owned();
                    }
                }
                remembered.lock().unwrap().push((path, bearer));
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Somebody signed in, with an API at this address.
async fn world_with(api_base_url: &str) -> World {
    let line = format!("api_base_url = \"{api_base_url}\"\n");
    let world = World::with(cognito_emulator::Config::demo(), |profile| profile + &line).await;
    world.sign_in().await;
    world
}

#[tokio::test]
async fn a_path_is_below_the_base_url() {
    // API Gateway serves an API below the name of its stage.
    for (base, path, expected) in [
        ("", "/api/hello", "/api/hello"),
        ("/", "/api/hello?x=1", "/api/hello?x=1"),
        ("/prod", "/api/hello", "/prod/api/hello"),
        ("/prod/", "api/hello", "/prod/api/hello"),
    ] {
        let api = Api::answering(vec![answer("200 OK", "Hi!")]).await;
        let world = world_with(&format!("{}{base}", api.url)).await;
        let told = world.session.api_get(path).await.unwrap();
        assert_eq!((told.status, told.body.as_str()), (200, "Hi!"));
        let token = world.session.access_token().await.unwrap();
        let (asked, bearer) = api.asked().pop().unwrap();
        assert_eq!(asked, expected);
        assert!(bearer == token.expose());
    }
}

#[tokio::test]
async fn a_path_that_leads_away_is_refused() {
    let api = Api::answering(vec![answer("200 OK", "Hi!")]).await;
    let world = world_with(&format!("{}/prod", api.url)).await;
    for path in [
        "/../api/hello",
        "/%2e%2e/api/hello",
        "/../prod2/api/hello",
        "..\\..\\api",
    ] {
        let error = world.session.api_get(path).await.unwrap_err();
        assert!(matches!(error, Error::Configuration { .. }), "{path}");
    }
    let at_root = world_with(&api.url).await;
    let error = at_root.session.api_get("\\example.com").await.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    // What looks like another host is a path below this one.
    let told = world.session.api_get("//example.com/x").await.unwrap();
    assert_eq!(told.url.as_str(), format!("{}/prod/example.com/x", api.url));
    assert_eq!(api.asked().len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let refusal = answer("401 Unauthorized", r#"{"error":"expired"}"#);
    let api = Api::answering(vec![refusal.clone(), refusal]).await;
    let world = world_with(&api.url).await;
    let told = world.session.api_get("/api/hello").await.unwrap();
    assert_eq!((told.status, &*told.body), (401, r#"{"error":"expired"}"#));
    let [(_, first), (_, second)] = &api.asked()[..] else {
        panic!("{:?}", api.asked().len())
    };
    assert_ne!(first, second);
    assert_eq!(world.asked("/oauth2/token"), 2);
}

#[tokio::test]
async fn a_redirect_does_not_carry_the_token_on() {
    let elsewhere = Api::answering(vec![answer("200 OK", "caught")]).await;
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        elsewhere.url
    );
    let api = Api::answering(vec![redirect]).await;
    let world = world_with(&api.url).await;
    let error = world.session.api_get("/api/hello").await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Transient {
                cause: TransientCause::Status(302),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn without_an_api_the_setting_is_named() {
    let world = World::new().await;
    world.sign_in().await;
    let error = world.session.api_get("/api/hello").await.unwrap_err();
    assert!(error.remedy().contains("`api_base_url`"), "{error:?}");
    assert_eq!(
        Profile::local_demo().api_base_url.unwrap().as_str(),
        "http://127.0.0.1:9230/"
    );
}
