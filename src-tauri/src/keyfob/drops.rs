//! Files that are dropped onto the window: the page says where they would go, and never learns where they are.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Keyfob;
use crate::view::{CommandError, DropTarget, DropView, ErrorCode, shown};

/// More than any profile has.
const LARGEST_PROFILE: u64 = 64 * 1024;

/// What the page has said, and how it is told.
#[derive(Default)]
pub(super) struct Drops(Mutex<State>);

#[derive(Default)]
struct State {
    target: DropTarget,
    tell: Option<Box<dyn Fn(DropView) + Send>>,
}

impl Drops {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, drop: DropView) {
        if let Some(tell) = &self.state().tell {
            tell(drop);
        }
    }
}

impl Keyfob {
    /// Tells the page what is dragged and dropped; until it says where to, nothing is taken.
    pub fn watch_drops(&self, tell: impl Fn(DropView) + Send + 'static) {
        *self.drops.state() = State {
            target: DropTarget::Nothing,
            tell: Some(Box::new(tell)),
        };
    }

    /// What is dropped from now on goes there.
    pub fn accept_drops(&self, target: DropTarget) {
        self.drops.state().target = target;
    }

    /// These files are dragged over the window; or nothing any more.
    pub fn dragged(&self, paths: &[PathBuf]) {
        let from_elsewhere = paths.iter().any(|path| !self.files.drags.has_file(path));
        let over = from_elsewhere && self.drops.state().target != DropTarget::Nothing;
        self.drops
            .tell(if over { DropView::Over } else { DropView::Left });
    }

    /// Takes what was dropped.
    pub async fn dropped(&self, paths: Vec<PathBuf>) {
        let target = self.drops.state().target.clone();
        self.drops.tell(DropView::Left);
        // What is dragged out of a browser may be an address; what is dragged out of here stays where it was.
        let paths: Vec<_> = paths
            .into_iter()
            .filter(|path| path.is_absolute() && !self.files.drags.has_file(path))
            .collect();
        if paths.is_empty() {
            return;
        }
        let taken = match target {
            DropTarget::Nothing => return,
            DropTarget::Profile => tokio::task::spawn_blocking(move || profile(&paths)).await,
            DropTarget::Files { folder, path } => Ok(async {
                let count = self.s3_folder(folder).await?.upload(&path, &paths).await?;
                Ok(DropView::Uploading { count })
            }
            .await),
        };
        self.drops.tell(match taken {
            Ok(Ok(taken)) => taken,
            Ok(Err(error)) => DropView::Refused { error },
            // The app ends.
            Err(_) => return,
        });
    }
}

/// The text of the one file.
fn profile(paths: &[PathBuf]) -> Result<DropView, CommandError> {
    let [path] = paths else {
        return Err(refusal(
            "These are several files.".into(),
            "Add one profile at a time.",
        ));
    };
    let name = shown(path);
    let remedy = "Choose the profile file of your organisation; its name mostly ends in .toml.";
    match text(path) {
        Some(text) if text.len() as u64 > LARGEST_PROFILE => {
            let message = format!("{name} is too large to be a profile.");
            Err(refusal(message, remedy))
        }
        Some(text) => Ok(DropView::Profile { name, text }),
        None => Err(refusal(format!("{name} cannot be read as text."), remedy)),
    }
}

/// A little more than a profile may have at most. A device or a pipe is no file, and is not opened.
fn text(path: &Path) -> Option<String> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(LARGEST_PROFILE + 4)
        .read_to_end(&mut bytes)
        .ok()?;
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        // It was cut within a letter.
        Err(error) if error.as_bytes().len() as u64 > LARGEST_PROFILE => {
            Some(String::from_utf8_lossy(error.as_bytes()).into_owned())
        }
        Err(_) => None,
    }
}

fn refusal(message: String, remedy: &str) -> CommandError {
    CommandError {
        code: ErrorCode::File,
        message,
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_one_small_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let read = |paths: &[PathBuf]| profile(paths).map_err(|error| error.message);
        let good = file("northwind.toml", "name = \"Grüße\"".as_bytes());
        let (name, text) = ("northwind.toml".into(), "name = \"Grüße\"".into());
        assert_eq!(
            read(std::slice::from_ref(&good)),
            Ok(DropView::Profile { name, text })
        );
        for (paths, words) in [
            (vec![good.clone(), good], "several files"),
            (
                vec![file("large.toml", &[b'#'; 70_000])],
                "large.toml is too large",
            ),
            (
                vec![file("umlauts.toml", "ü".repeat(40_000).as_bytes())],
                "too large",
            ),
            (
                vec![file("photo.jpg", &[0xff, 0xd8])],
                "photo.jpg cannot be read",
            ),
            (vec![folder.path().join("gone")], "gone cannot be read"),
            (vec![folder.path().to_owned()], "cannot be read"),
        ] {
            let refused = read(&paths).unwrap_err();
            assert!(refused.contains(words), "{refused}");
            let place = folder.path().to_string_lossy().into_owned();
            assert!(!refused.contains(&place), "{refused}");
        }
    }
}
