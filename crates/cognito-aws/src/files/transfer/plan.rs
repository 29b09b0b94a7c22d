//! Which files a transfer consists of.

use std::fs;
use std::path::{Path, PathBuf};

use super::job::Job;
use super::journal::Order;
use super::{TransferKind, disk};
use crate::error::Error;
use crate::files::names::{self, Places};
use crate::files::{EntryKind, FileError, LocalCause};

/// One file.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Its path below the transfer's; empty for the transfer of one file.
    pub(super) path: String,
    /// In bytes.
    pub(super) size: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A file here, to be uploaded.
    File(PathBuf),
    /// An object, to be downloaded to this place below the chosen folder.
    Object { etag: String, place: PathBuf },
    /// An empty folder here, which in S3 is an empty object.
    EmptyFolder,
    /// A folder, to be made at this place below the chosen one.
    Folder(PathBuf),
}

/// All of them, and what cannot be among them.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    pub(super) problems: Vec<(String, Error)>,
}

impl Job {
    pub(super) async fn plan(&self) -> Result<Plan, Error> {
        let order = self.order();
        match order.kind {
            TransferKind::Upload => super::job::blocking(move || uploads(&order)).await,
            TransferKind::Download => self.downloads(&order).await,
        }
    }

    async fn downloads(&self, order: &Order) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        let mut places = Places::default();
        // The name the person chose, or the object's, or the shared folder's own.
        let own = order.path.strip_suffix('/').unwrap_or(&order.path);
        let own = own.rsplit_once('/').map_or(own, |(_, name)| name);
        let own = if own.is_empty() {
            &order.folder.title
        } else {
            own
        };
        let name = names::local(order.name.as_deref().unwrap_or(own));
        if !order.path.ends_with('/') && !order.path.is_empty() {
            let entry = self.shared.s3.stat(&order.folder, &order.path).await?;
            let entry = entry.ok_or_else(|| FileError::NotFound {
                name: order.path.clone(),
            })?;
            plan.object(
                entry.kind,
                &order.folder.key(&order.path),
                String::new(),
                name.into(),
            )?;
            return Ok(plan);
        }
        plan.items.push(Item {
            path: "/".into(),
            size: 0,
            what: What::Folder(name.clone().into()),
        });
        let mut pages = self.shared.s3.below(&order.folder, &order.path);
        let mut found = false;
        while let Some(entries) = pages.next().await? {
            for entry in entries {
                found = true;
                let below = entry.path[order.path.len()..].to_owned();
                if let Some(folder) = below.strip_suffix('/') {
                    let what = What::Folder(Path::new(&name).join(places.folder(folder)));
                    plan.items.push(Item {
                        path: below,
                        size: 0,
                        what,
                    });
                } else if !below.is_empty() {
                    let place = Path::new(&name).join(places.of(&below));
                    let key = order.folder.key(&entry.path);
                    if let Err(error) = plan.object(entry.kind, &key, below.clone(), place) {
                        plan.problems.push((below, error.into()));
                    }
                }
            }
        }
        if !found && !order.path.is_empty() {
            return Err(FileError::NotFound {
                name: order.path.clone(),
            }
            .into());
        }
        Ok(plan)
    }
}

impl Plan {
    fn object(
        &mut self,
        kind: EntryKind,
        key: &str,
        path: String,
        place: PathBuf,
    ) -> Result<(), FileError> {
        names::check_key(key)?;
        let EntryKind::File {
            size,
            etag,
            archived,
            ..
        } = kind
        else {
            return Err(FileError::NotFound { name: path });
        };
        if archived {
            return Err(FileError::Archived {
                name: key.to_owned(),
            });
        }
        self.items.push(Item {
            path,
            size,
            what: What::Object { etag, place },
        });
        Ok(())
    }
}

fn uploads(order: &Order) -> Result<Plan, FileError> {
    let mut plan = Plan::default();
    if !order.path.ends_with('/') {
        let size = disk::source(&order.local)?.size;
        let what = What::File(order.local.clone());
        plan.items.push(Item {
            path: String::new(),
            size,
            what,
        });
        return Ok(plan);
    }
    // Deepest last, so that the stack is the folders still to be read.
    let mut folders = vec![(order.local.clone(), String::new())];
    let mut taken = std::collections::HashSet::new();
    while let Some((folder, below)) = folders.pop() {
        let entries = match read(&folder) {
            Ok(entries) => entries,
            // That the person chose a folder that cannot be read is an error; one among many is a problem.
            Err(error) if below.is_empty() => return Err(error),
            Err(error) => {
                plan.problems.push((below, error.into()));
                continue;
            }
        };
        if entries.is_empty() {
            plan.items.push(Item {
                path: below,
                size: 0,
                what: What::EmptyFolder,
            });
            continue;
        }
        for entry in entries {
            let shown = format!("{below}{}", entry.file_name().to_string_lossy());
            match found(&entry, &below) {
                // Names a disk tells apart by their composition only.
                Ok((path, _, _)) if !taken.insert(path.clone()) => {
                    plan.problems
                        .push((path.clone(), FileError::Exists { name: path }.into()));
                }
                Ok((path, _, true)) => folders.push((entry.path(), path)),
                Ok((path, size, false)) => {
                    plan.items.push(Item {
                        path,
                        size,
                        what: What::File(entry.path()),
                    });
                }
                Err(error) => plan.problems.push((shown, error.into())),
            }
        }
    }
    Ok(plan)
}

fn read(folder: &Path) -> Result<Vec<fs::DirEntry>, FileError> {
    let failed = |error| FileError::local(folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// Its path below the transfer's, its size, and whether it is a folder. A link is neither followed nor uploaded: what
/// it leads to was not chosen.
fn found(entry: &fs::DirEntry, below: &str) -> Result<(String, u64, bool), FileError> {
    let path = entry.path();
    let there = entry
        .metadata()
        .map_err(|error| FileError::local(&path, &error))?;
    if !there.is_file() && !there.is_dir() {
        return Err(FileError::Local {
            path,
            cause: LocalCause::Link,
        });
    }
    let name = entry.file_name();
    let Some(name) = name.to_str() else {
        let name = name.to_string_lossy().into_owned();
        return Err(FileError::Name {
            name,
            problem: "is not Unicode",
        });
    };
    let end = if there.is_dir() { "/" } else { "" };
    let path = format!("{below}{}{end}", names::key_part(name));
    Ok((path, there.len(), there.is_dir()))
}
