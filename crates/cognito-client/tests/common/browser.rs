//! What reaches the loopback port: browsers, and whatever else asks.

use std::net::Ipv4Addr;

use cognito_emulator::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::World;

pub const APP: &str = "dev.keyfob.desktop://auth/callback";

/// A profile with these redirects, all registered at the user pool.
pub async fn world_with(redirects: &[String]) -> World {
    World::with(registered(Config::demo(), redirects), |profile| {
        with_redirects(&profile, redirects)
    })
    .await
}

pub fn registered(mut config: Config, redirects: &[String]) -> Config {
    config.clients[0].callback_urls = redirects.to_vec();
    config
}

pub fn with_redirects(profile: &str, redirects: &[String]) -> String {
    profile.replace(
        &format!("redirects = [\"{APP}\"]"),
        &format!("redirects = {redirects:?}"),
    )
}

pub fn loopback(port: u16) -> String {
    format!("http://127.0.0.1:{port}/callback")
}

pub fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|pair| pair.0 == name)
        .map(|pair| pair.1.into_owned())
}

/// What the port answers to these bytes, until it closes the connection.
pub async fn send(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_to_end(stream).await
}

pub async fn read_to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is reset has ended, too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

pub async fn get(port: u16, target: &str) -> String {
    let host = format!("127.0.0.1:{port}");
    send(
        port,
        &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    )
    .await
}

/// What the browser does at the end: it follows the redirect.
pub async fn follow(callback: &Url) -> String {
    let target = format!("{}?{}", callback.path(), callback.query().unwrap());
    let port = callback.port().unwrap();
    let host = format!("{}:{port}", callback.host_str().unwrap());
    send(
        port,
        &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    )
    .await
}

pub fn status_of(answer: &str) -> u16 {
    answer
        .strip_prefix("HTTP/1.1 ")
        .or(answer.strip_prefix("HTTP/1.0 "))
        .and_then(|rest| rest.get(..3))
        .unwrap_or_else(|| panic!("no answer: {answer:?}"))
        .parse()
        .unwrap()
}

pub async fn is_open(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .is_ok()
}

/// Waits until nobody listens there.
pub async fn until_closed(port: u16) {
    while is_open(port).await {
        tokio::task::yield_now().await;
    }
}
