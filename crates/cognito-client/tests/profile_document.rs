//! A profile somebody offers: what is refused, what is shown, and that nothing is kept by looking.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use cognito_client::{
    Error, Origin, Profile, ProfileDocument, ProfileError, ProfileStore, TransientCause,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

const GOOD: &str = r#"# For everybody at Example; questions to Robin.
name = "Example"
region = "eu-central-1"
issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI"
domain = "https://example.auth.eu-central-1.amazoncognito.com"
client_id = "1example23456789"
redirects = ["dev.keyfob.desktop://auth/callback"]
"#;
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves one answer, as it stands, and gives what it was asked. Without an answer it only listens.
async fn server(answer: Option<Vec<u8>>) -> (Url, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keyfob.toml", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        match answer {
            // Whoever has read enough hangs up.
            Some(answer) => drop(stream.write_all(&answer).await),
            None => drop(stream.read_u8().await),
        }
        String::from_utf8(request).unwrap()
    });
    (url.parse().unwrap(), asked)
}

fn answer(head: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn refused(answer: Vec<u8>) -> ProfileError {
    let (url, _) = server(Some(answer)).await;
    let error = ProfileDocument::fetch_within(&url, PATIENCE)
        .await
        .unwrap_err();
    assert!(!error.remedy().is_empty());
    error
}

#[tokio::test]
async fn an_address_that_cannot_be_trusted_is_not_asked() {
    for (address, error) in [
        ("http://example.com/a.toml", ProfileError::NotHttps),
        (
            "http://127.0.0.1.example.com/a.toml",
            ProfileError::NotHttps,
        ),
        ("http://192.168.0.1/a.toml", ProfileError::NotHttps),
        ("ftp://example.com/a.toml", ProfileError::NotHttps),
        ("file:///etc/passwd", ProfileError::NotHttps),
        ("data:text/plain,name%20%3D%201", ProfileError::NotHttps),
        ("https://robin@example.com/a.toml", ProfileError::NamesUser),
        ("https://:pw@example.com/a.toml", ProfileError::NamesUser),
    ] {
        let url = address.parse().unwrap();
        assert_eq!(ProfileDocument::fetch(&url).await, Err(error), "{address}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_profile_says_what_it_is() {
    let host = || "127.0.0.1".to_owned();
    let unanswered = |cause| ProfileError::Unanswered {
        host: host(),
        cause,
    };
    let status = |status| ProfileError::Refused {
        host: host(),
        status,
    };
    for (sent, error) in [
        (
            answer(
                "302 Found\r\nLocation: https://example.org/a.toml?secret=x",
                "",
            ),
            ProfileError::Redirected {
                host: host(),
                to: "example.org".into(),
            },
        ),
        (
            answer("308 Permanent Redirect\r\nLocation: /b.toml", GOOD),
            ProfileError::Redirected {
                host: host(),
                to: host(),
            },
        ),
        (answer("304 Not Modified", ""), status(304)),
        (answer("404 Not Found", GOOD), status(404)),
        (answer("401 Unauthorized", "<html>"), status(401)),
        (answer("204 No Content", ""), status(204)),
        (
            answer("429 Too Many Requests", ""),
            unanswered(TransientCause::Throttled),
        ),
        (
            answer("503 Service Unavailable", "<html>"),
            unanswered(TransientCause::Status(503)),
        ),
        (
            answer("200 OK\r\nContent-Type: text/html", "\n <!doctype html>"),
            ProfileError::WebPage { host: host() },
        ),
        (answer("200 OK", b"name = \"\xff\""), ProfileError::NotText),
        (
            answer("200 OK", "#".repeat(64 * 1024 + 1)),
            ProfileError::TooLarge,
        ),
        // An end that does not come, and an answer that breaks off.
        (
            [b"HTTP/1.1 200 OK\r\n\r\n", "#".repeat(1 << 20).as_bytes()].concat(),
            ProfileError::TooLarge,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nname = \"Example\"\n".to_vec(),
            unanswered(TransientCause::Unreachable),
        ),
        (
            b"SSH-2.0-OpenSSH\r\n".to_vec(),
            unanswered(TransientCause::Unreachable),
        ),
    ] {
        let shown = String::from_utf8_lossy(&sent[..sent.len().min(80)]).into_owned();
        assert_eq!(refused(sent).await, error, "{shown}");
    }
    let error = refused(answer("200 OK", format!("{GOOD}scope = \"openid\"\n"))).await;
    let words = error.to_string();
    assert!(
        words.contains("line 8, column 1 (`scope`)") && words.contains("unknown field"),
        "{words}"
    );
    let (url, _) = server(None).await;
    assert_eq!(
        ProfileDocument::fetch_within(&url, Duration::from_millis(50)).await,
        Err(unanswered(TransientCause::Timeout))
    );
    assert!(matches!(
        Error::from(unanswered(TransientCause::Timeout)),
        Error::Transient { .. }
    ));
}

#[tokio::test]
async fn a_server_on_this_machine_may_be_plain_and_learns_nothing_of_the_person() {
    let (url, asked) = server(Some(answer("200 OK\r\nContent-Type: text/plain", GOOD))).await;
    let document = ProfileDocument::fetch(&url).await.unwrap();
    assert_eq!(document.text, GOOD);
    assert_eq!(document.profile, GOOD.parse::<Profile>().unwrap());
    assert_eq!(document.source, Some(url));
    let asked = asked.await.unwrap().to_lowercase();
    assert!(
        asked.starts_with("get /keyfob.toml http/1.1\r\n"),
        "{asked}"
    );
    for header in ["authorization", "cookie", "referer"] {
        assert!(!asked.contains(header), "{asked}");
    }
}

#[test]
fn a_text_that_reads_other_than_it_is_is_refused() {
    for (text, place) in [
        (GOOD.replace("Robin", "Robin\u{202e}"), "line 1, column 47"),
        (GOOD.replace("# For", "\u{2066}# For"), "line 1, column 1"),
        // One line for TOML, two for the eye.
        (
            GOOD.replace("\"Example\"", "\"Example\" #\u{2028}client_id = \"1good\""),
            "line 2, column 19",
        ),
        (
            GOOD.replace("\"Example\"", "\"Example\u{85}\""),
            "line 2, column 16",
        ),
    ] {
        let ProfileError::Misleading { place: told } =
            ProfileDocument::from_text(&*text).unwrap_err()
        else {
            panic!("{text}")
        };
        assert!(told.starts_with(place), "{told}");
    }
    let escaped = GOOD.replace("\"Example\"", r#""Ex\u202eample""#);
    assert!(matches!(
        ProfileDocument::from_text(escaped),
        Err(ProfileError::Field { field: "name", .. })
    ));
}

#[test]
fn what_is_wrong_is_told_without_what_may_be_secret() {
    for text in [
        format!("{GOOD}client_secret = \"hunter2\"\n"),
        format!("{GOOD}refresh_token_days = \"x\" hunter2\n"),
        "hunter2".into(),
        "HUNTER2=hunter2=".into(),
        "eyJhunter2".into(),
    ] {
        let error = ProfileDocument::from_text(&*text).unwrap_err().to_string();
        assert!(!error.to_lowercase().contains("hunter2"), "{error}");
    }
    assert_eq!(
        ProfileDocument::from_text(format!("{GOOD}#{}", "x".repeat(64 * 1024))),
        Err(ProfileError::TooLarge)
    );
}

#[tokio::test]
async fn looking_keeps_nothing_and_says_what_would_be_replaced() {
    let folder = tempfile::TempDir::new().unwrap();
    let user = folder.path().join("user");
    let store = ProfileStore::new(folder.path().join("machine"), Some(user.clone()));
    let text = GOOD.replace("\"Example\"", "\"Local demo\"");
    let (url, _) = server(Some(answer("200 OK", &text))).await;
    let document = ProfileDocument::fetch(&url).await.unwrap();
    assert!(!user.exists());
    let profiles = store.load();
    let replaced = profiles.named(&document.profile.name).unwrap();
    assert_eq!(replaced.origin, Origin::BuiltIn);
    assert!(store.add(&document.text).is_err());
    store.replace(&document.text).unwrap();
    let profiles = store.load();
    let file = profiles.named("Local demo").unwrap().file.as_ref().unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), text);
}
