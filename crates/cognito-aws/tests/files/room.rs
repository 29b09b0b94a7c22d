//! Somebody signed in, with their folders and a disk.

use std::path::{Path, PathBuf};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::types::ChecksumMode;
use cognito_aws::{Files, Folder, OnConflict, Transfer, TransferId, TransferState};
use cognito_emulator::{Config, Fault};
use tempfile::TempDir;

use crate::common::Stage;

pub(crate) const BUCKET: &str = "keyfob-demo";
pub(crate) const MIB: usize = 1024 * 1024;

pub(crate) struct Room {
    pub(crate) stage: Stage,
    pub(crate) files: Files,
    /// The person's own folder.
    pub(crate) own: Folder,
    pub(crate) shared: Folder,
    /// AWS's own SDK, as the same person.
    pub(crate) s3: Client,
    pub(crate) disk: TempDir,
}

impl Room {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let stage = Stage::with(configure, |profile| {
            profile.endpoints.s3 = Some(profile.domain.clone());
        })
        .await;
        let disk = tempfile::tempdir().unwrap();
        let files = Files::new(stage.aws.clone(), disk.path().join("journal"));
        let [own, shared] = files.folders().await.unwrap().try_into().unwrap();
        let config = aws_sdk_s3::config::Builder::from(&stage.aws.sdk_config());
        let config = config
            .endpoint_url(stage.emulator.url())
            .force_path_style(true)
            // An unoptimised server on a busy machine.
            .timeout_config(TimeoutConfig::disabled());
        let s3 = Client::from_conf(config.build());
        Self {
            stage,
            files,
            own,
            shared,
            s3,
            disk,
        }
    }

    /// As after a crash: the transfers end where they are, and another start finds their journals.
    pub(crate) fn restart(&mut self) {
        self.files = Files::new(self.stage.aws.clone(), self.disk.path().join("journal"));
    }

    /// Puts an object there, by the SDK and not by us.
    pub(crate) async fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let key = self.own.key(path);
        let put = self
            .s3
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(bytes.into().into());
        put.send().await.unwrap();
    }

    pub(crate) async fn content(&self, path: &str) -> Vec<u8> {
        let get = self.s3.get_object().bucket(BUCKET).key(self.own.key(path));
        let got = get
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        got.body.collect().await.unwrap().to_vec()
    }

    pub(crate) async fn fetch(&self, path: &str, into: &Path, answer: OnConflict) -> TransferId {
        self.files
            .download(&self.own, path, into, None, answer)
            .await
            .unwrap()
    }

    /// A file on the disk.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.disk.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// An empty folder on the disk.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.disk.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn transfer(&self, id: TransferId) -> Transfer {
        let mut all = self.files.transfers().into_iter();
        all.find(|transfer| transfer.id == id).unwrap()
    }

    /// Waits for what is to become of a transfer.
    pub(crate) async fn until(&self, id: TransferId, is: impl Fn(&Transfer) -> bool) -> Transfer {
        let mut changes = self.files.watch_transfers();
        loop {
            changes.borrow_and_update();
            let transfer = self.transfer(id);
            if is(&transfer) {
                return transfer;
            }
            changes.changed().await.unwrap();
        }
    }

    /// Waits until it neither runs nor waits any more.
    pub(crate) async fn end(&self, id: TransferId) -> Transfer {
        use TransferState::{Queued, Running};
        self.until(id, |transfer| !matches!(transfer.state, Queued | Running))
            .await
    }

    /// Waits until all of it has arrived, and is on the disk.
    pub(crate) async fn done(&self, id: TransferId) -> Transfer {
        let transfer = self.end(id).await;
        self.until(id, |transfer| transfer.settled).await;
        assert!(
            matches!(transfer.state, TransferState::Done),
            "{transfer:?}"
        );
        assert_eq!(transfer.bytes_done, transfer.bytes_total);
        assert_eq!(transfer.files_done, transfer.files_total);
        transfer
    }

    /// Uploads in parts that were begun and not ended.
    pub(crate) async fn unfinished_uploads(&self) -> usize {
        let list = self
            .s3
            .list_multipart_uploads()
            .bucket(BUCKET)
            .prefix(&self.own.prefix);
        list.send().await.unwrap().uploads().len()
    }

    pub(crate) fn journals(&self) -> usize {
        let folder = self.disk.path().join("journal");
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }

    /// All names in a folder and below, to be compared.
    pub(crate) fn names(&self, folder: &Path) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                if path.is_dir() {
                    names.push(format!("{name}/"));
                    folders.push(path);
                } else {
                    names.push(name);
                }
            }
        }
        names.sort();
        names
    }
}

/// S3's refusal of what the role may not.
pub(crate) fn denied() -> Fault {
    Fault::Xml {
        status: 403,
        code: "AccessDenied".into(),
        message: "no".into(),
    }
}

/// Bytes that do not compress or repeat.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
