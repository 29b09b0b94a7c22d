//! One transfer, for `cargo xtask bench files`, which runs it beside other programs against the same server.
//!
//! - `files_bench serve FOLDER` runs an emulator, signs somebody in, leaves in FOLDER their session
//!   for the other calls and their credentials for other programs (`access.json`), and ends with its standard input;
//! - `files_bench upload FOLDER LOCAL PATH` and `files_bench download FOLDER PATH INTO` do that, as the app would, say
//!   `done` where the app does, and end when it is on the disk, too.
#![expect(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_credential_types::provider::ProvideCredentials as _;
use cognito_aws::{Aws, Files, Folder, OnConflict, TransferState};
use cognito_client::{Profile, Secret, Session, StoreError, StoreLock, TokenStore};
use cognito_emulator::{Config, Emulator};
use serde_json::json;

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result {
    // Where the app's commands run: beside the transfers, and not in a thread that each of their steps would wake.
    tokio::spawn(run()).await?
}

async fn run() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", folder] => serve(Path::new(folder)).await,
        ["upload", folder, local, path] => {
            let (files, own) = files(Path::new(folder)).await?;
            let id = files
                .upload(Path::new(local), &own, path, OnConflict::Replace)
                .await?;
            end(&files, id).await
        }
        ["download", folder, path, into] => {
            let (files, own) = files(Path::new(folder)).await?;
            let id = files
                .download(&own, path, Path::new(into), None, OnConflict::Replace)
                .await?;
            end(&files, id).await
        }
        _ => Err("serve FOLDER, upload FOLDER LOCAL PATH, or download FOLDER PATH INTO".into()),
    }
}

async fn serve(folder: &Path) -> Result {
    let emulator = Emulator::start(Config::demo().port(0)).await?;
    let url = emulator.url();
    fs::write(
        folder.join("emulator"),
        format!("{url}\n{}", emulator.issuer()),
    )?;
    let session = session(folder)?;
    let page = session.begin().await?;
    let callback = emulator
        .sign_in_with(page.as_str(), "alex", "Keyfob-demo-1")
        .await?;
    session.complete(&callback).await?;
    let aws = Aws::new(session)?;
    let credentials = aws.credentials_provider().provide_credentials().await?;
    let access = json!({
        "url": url.as_str(),
        "prefix": format!("users/{}/", aws.caller_identity().await?.identity_id),
        "access_key_id": credentials.access_key_id(),
        "secret_access_key": credentials.secret_access_key(),
        "session_token": credentials.session_token(),
    });
    fs::write(folder.join("access.json"), access.to_string())?;
    println!("Listening on {url}");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

fn session(folder: &Path) -> Result<Session> {
    let emulator = fs::read_to_string(folder.join("emulator"))?;
    let (url, issuer) = emulator.split_once('\n').ok_or("no emulator")?;
    let mut profile = Profile::local_demo();
    profile.issuer = issuer.parse()?;
    profile.domain = url.parse()?;
    let endpoints = &mut profile.endpoints;
    for endpoint in [
        &mut endpoints.cognito_identity,
        &mut endpoints.sts,
        &mut endpoints.lambda,
        &mut endpoints.s3,
    ] {
        *endpoint = Some(url.parse()?);
    }
    Ok(Session::new(
        profile,
        Arc::new(PlainFiles(folder.to_owned())),
    )?)
}

async fn files(folder: &Path) -> Result<(Files, Folder)> {
    let session = session(folder)?;
    session.restore().await;
    let files = Files::new(Aws::new(session)?, folder.join("journal"));
    let own = files
        .folders()
        .await?
        .into_iter()
        .next()
        .ok_or("no folder")?;
    Ok((files, own))
}

async fn end(files: &Files, id: cognito_aws::TransferId) -> Result {
    let mut changes = files.watch_transfers();
    let mut done = false;
    loop {
        changes.borrow_and_update();
        let all = files.transfers();
        let transfer = all
            .iter()
            .find(|transfer| transfer.id == id)
            .ok_or("no transfer")?;
        match &transfer.state {
            TransferState::Queued | TransferState::Running => {}
            TransferState::Done => {
                if !std::mem::replace(&mut done, true) {
                    println!("done");
                }
                if transfer.settled {
                    break;
                }
            }
            state => return Err(format!("{state:?}").into()),
        }
        changes.changed().await?;
    }
    Ok(())
}

/// A store for a session that protects nothing.
struct PlainFiles(PathBuf);

impl PlainFiles {
    fn path(&self, key: &str) -> PathBuf {
        let name: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
        self.0.join(format!("{name}.session"))
    }
}

impl TokenStore for PlainFiles {
    fn load(&self, key: &str) -> std::result::Result<Option<Secret>, StoreError> {
        match fs::read(self.path(key)) {
            Ok(secret) => Ok(Some(Secret::new(secret))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err(StoreError::Failed),
        }
    }

    fn save(&self, key: &str, secret: &[u8]) -> std::result::Result<(), StoreError> {
        fs::write(self.path(key), secret).map_err(|_| StoreError::Failed)
    }

    fn delete(&self, key: &str) -> std::result::Result<(), StoreError> {
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::Failed),
            _ => Ok(()),
        }
    }

    fn lock(&self, _: &str) -> std::result::Result<StoreLock, StoreError> {
        // One program at a time.
        Ok(StoreLock::new(()))
    }
}
