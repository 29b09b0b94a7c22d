//! A file replaced as a whole: it has its old content or its new one at every moment, whatever ends the program.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What is more than this is no configuration file.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The content, or `None` when there is no such file.
pub(super) fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(file) {
        Ok(meta) if !meta.is_file() => return Err(io::Error::other("it is not a file")),
        Ok(meta) if meta.len() > MAX_BYTES => return Err(io::Error::other("it is too large")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    fs::read(file).map(Some)
}

/// Where a path leads: symbolic links are followed, also one that leads to nothing yet.
pub(super) fn target(file: &Path) -> io::Result<PathBuf> {
    // As many as Linux follows.
    const MAX_LINKS: usize = 40;
    let mut file = file.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&file) {
            Ok(to) => file = folder(&file).join(to),
            Err(_) => return Ok(file),
        }
    }
    Err(io::Error::other("there are too many symbolic links"))
}

pub(super) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a file's folder, for the user alone, where it is missing.
pub(super) fn make_folder(file: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder(file))
}

/// The turn to change the file, among the programs that use this module; until dropped.
///
/// Where the file system has no such locks there is none, and only the comparison before the change is left.
pub(super) fn lock(file: &Path) -> Option<File> {
    // A folder can be locked and nothing is left behind in it; but not on Windows.
    let lock = if cfg!(windows) {
        let path = folder(file).join(".keyfob-lock");
        let mut options = File::options();
        options.create(true).truncate(false).write(true).open(path)
    } else {
        File::open(folder(file))
    };
    let lock = lock.and_then(|lock| lock.lock().map(|()| lock));
    lock.inspect_err(|error| tracing::debug!(%error, "the folder of the AWS files is not locked"))
        .ok()
}

/// Content that is on the disk, and not yet in its place.
pub(super) struct Unfinished {
    file: tempfile::NamedTempFile,
    target: PathBuf,
}

/// Writes what is to take the place of `target`, with the permissions and the owner of `like`, if there is such a file.
/// A new file is its owner's alone.
pub(super) fn prepare(target: &Path, content: &[u8], like: &Path) -> io::Result<Unfinished> {
    let mut file = tempfile::Builder::new()
        .prefix(".keyfob-unfinished-")
        .tempfile_in(folder(target))?;
    file.write_all(content)?;
    match fs::metadata(like) {
        Ok(old) => {
            keep_owner(file.as_file(), &old)?;
            file.as_file().set_permissions(old.permissions())?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.as_file().sync_all()?;
    Ok(Unfinished {
        file,
        target: target.to_owned(),
    })
}

impl Unfinished {
    pub(super) fn put_in_place(self) -> io::Result<()> {
        self.file
            .persist(&self.target)
            .map_err(|error| error.error)?;
        // The name is then on the disk, too; where that cannot be asked for, the system does it in its own time.
        drop(File::open(folder(&self.target)).and_then(|folder| folder.sync_all()));
        Ok(())
    }
}

#[cfg(unix)]
fn keep_owner(file: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(file, Some(old.uid()), Some(old.gid()))
        .map_err(|_| io::Error::other("it belongs to another user or group"))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}
