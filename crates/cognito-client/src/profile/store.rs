//! The profiles of a machine: listed, added, replaced, renamed, removed.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Profile, ProfileError, text_of};

/// Keeps the name of the profile that is in use, in the user's folder.
const SELECTED: &str = "selected";
/// Held locked while a profile is added or changed.
const LOCK: &str = ".lock";
/// What a file begins with that is being written; no profile's does.
const UNFINISHED: &str = ".unfinished-";

/// Where a profile comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Part of Keyfob.
    BuiltIn,
    /// Put on this computer for everybody, by an administrator.
    Machine,
    /// Added by the user.
    User,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BuiltIn => "a built-in",
            Self::Machine => "an administrator's",
            Self::User => "your own",
        })
    }
}

/// A profile and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownProfile {
    /// The profile.
    pub profile: Profile,
    /// Whose it is.
    pub origin: Origin,
    /// Its file, unless it is built in.
    pub file: Option<PathBuf>,
}

/// What a [`ProfileStore`] holds.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Profiles {
    /// One for each name: the user's first, then the machine's, then the built-in ones; by file name
    /// within each.
    pub usable: Vec<KnownProfile>,
    /// Those whose name one in `usable` has taken.
    pub hidden: Vec<KnownProfile>,
    /// The files that cannot be used, and why.
    pub unusable: Vec<ProfileError>,
}

impl Profiles {
    /// The usable profile of this name.
    pub fn named(&self, name: &str) -> Option<&KnownProfile> {
        self.usable.iter().find(|known| known.profile.name == name)
    }

    fn add(&mut self, known: KnownProfile) {
        if self.named(&known.profile.name).is_none() {
            self.usable.push(known);
        } else {
            self.hidden.push(known);
        }
    }

    fn change(&self, name: &str) -> Result<(&KnownProfile, &Path), ProfileError> {
        let name = name.to_owned();
        let Some(known) = self.named(&name) else {
            return Err(ProfileError::Unknown { name });
        };
        match (known.origin, &known.file) {
            (Origin::User, Some(file)) => Ok((known, file)),
            (origin, _) => Err(ProfileError::NotYours { name, origin }),
        }
    }
}

/// The profiles of a machine: built in, put there by an administrator, added by the user. A later one
/// takes the place of an earlier one of the same name.
///
/// Every change is made to a copy that then takes the place of the file, so that a crash leaves the old
/// text or the new one; and under a lock, so that two programs that change profiles at once lose
/// nothing. A profile's text is kept byte for byte as it was given.
#[derive(Clone, Debug)]
pub struct ProfileStore {
    machine: PathBuf,
    user: Option<PathBuf>,
}

impl ProfileStore {
    /// Profiles are the `*.toml` files of these two folders, either of which may be missing.
    /// Without a user's folder there are only the machine's and the built-in ones.
    pub fn new(machine: PathBuf, user: Option<PathBuf>) -> Self {
        Self { machine, user }
    }

    /// The profiles of whoever runs this program: `keyfob/profiles` in the user's configuration folder, and
    /// the machine's, `/etc/keyfob/profiles` (macOS: `/Library/Application Support/Keyfob/profiles`, Windows:
    /// `%ProgramData%\Keyfob\profiles`).
    pub fn of_user() -> Self {
        let machine = if cfg!(windows) {
            let data = std::env::var_os("ProgramData");
            let data = data.map_or_else(|| PathBuf::from(r"C:\ProgramData"), PathBuf::from);
            data.join("Keyfob").join("profiles")
        } else if cfg!(target_os = "macos") {
            "/Library/Application Support/Keyfob/profiles".into()
        } else {
            "/etc/keyfob/profiles".into()
        };
        let user = dirs::config_dir().map(|folder| folder.join("keyfob").join("profiles"));
        Self::new(machine, user)
    }

    /// Reads all profiles. A file that cannot be used is reported and leaves the others alone.
    pub fn load(&self) -> Profiles {
        let mut profiles = Profiles::default();
        let folders = [
            (Origin::User, self.user.as_ref()),
            (Origin::Machine, Some(&self.machine)),
        ];
        for (origin, folder) in folders {
            for file in folder
                .map_or_else(|| Ok(Vec::new()), |folder| files(folder))
                .unwrap_or_else(|error| {
                    profiles.unusable.push(error);
                    Vec::new()
                })
            {
                match Profile::from_file(&file) {
                    Ok(profile) => profiles.add(KnownProfile {
                        profile,
                        origin,
                        file: Some(file),
                    }),
                    Err(error) => profiles.unusable.push(error),
                }
            }
        }
        profiles.add(KnownProfile {
            profile: Profile::local_demo(),
            origin: Origin::BuiltIn,
            file: None,
        });
        profiles
    }

    /// Adds a profile of the user's.
    ///
    /// # Errors
    /// [`ProfileError::NameTaken`] when there is a profile of this name, whoever's it is; what is wrong
    /// with the text; or why it cannot be written.
    pub fn add(&self, toml: &str) -> Result<Profile, ProfileError> {
        let profile: Profile = toml.parse()?;
        let folder = self.locked()?;
        self.is_free(&profile.name)?;
        folder.create(&profile.name, toml)?;
        Ok(profile)
    }

    /// Puts a profile of the user's in the place of the one of the same name: of its file when it is the
    /// user's, else beside the administrator's or the built-in one, which it then hides.
    ///
    /// # Errors
    /// What is wrong with the text, or why it cannot be written.
    pub fn replace(&self, toml: &str) -> Result<Profile, ProfileError> {
        let profile: Profile = toml.parse()?;
        let folder = self.locked()?;
        match self.load().change(&profile.name) {
            Ok((_, file)) => folder.replace(file, toml)?,
            Err(_) => folder.create(&profile.name, toml)?,
        }
        Ok(profile)
    }

    /// Gives a profile of the user's another name. Nothing else of its file changes; its session stays.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`], [`ProfileError::NotYours`] and [`ProfileError::NameTaken`]; and why it
    /// cannot be written.
    pub fn rename(&self, name: &str, new: &str) -> Result<Profile, ProfileError> {
        let folder = self.locked()?;
        let profiles = self.load();
        let (known, file) = profiles.change(name)?;
        if name == new {
            return Ok(known.profile.clone());
        }
        let toml = with_name(&text_of(file)?, new)?;
        let profile = toml.parse()?;
        self.is_free(new)?;
        folder.replace(file, &toml)?;
        if self.selected().as_deref() == Some(name) {
            folder.select(new)?;
        }
        Ok(profile)
    }

    /// Removes a profile of the user's. Its session is not touched: sign out first. One of the same name
    /// that it had hidden is usable again.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`] and [`ProfileError::NotYours`]; and why it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), ProfileError> {
        let folder = self.locked()?;
        let profiles = self.load();
        let (_, file) = profiles.change(name)?;
        fs::remove_file(file).map_err(|error| not_kept(file, &error))?;
        folder.sync();
        Ok(())
    }

    /// The name of the profile that was [selected](Self::select) last, on whatever run of whatever
    /// program. There may be no such profile any more.
    pub fn selected(&self) -> Option<String> {
        let name = text_of(&self.user.as_ref()?.join(SELECTED)).ok()?;
        let name = name.trim_end_matches(['\r', '\n']);
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// Remembers which profile is in use.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`] when there is none of this name; and why it cannot be written.
    pub fn select(&self, name: &str) -> Result<(), ProfileError> {
        if self.load().named(name).is_none() {
            return Err(ProfileError::Unknown { name: name.into() });
        }
        self.locked()?.select(name)
    }

    fn is_free(&self, name: &str) -> Result<(), ProfileError> {
        match self.load().named(name) {
            Some(known) => Err(ProfileError::NameTaken {
                name: name.into(),
                origin: known.origin,
            }),
            None => Ok(()),
        }
    }

    pub(super) fn user_folder(&self) -> Option<&Path> {
        self.user.as_deref()
    }

    /// The user's folder, with nobody else changing it.
    pub(super) fn locked(&self) -> Result<Folder<'_>, ProfileError> {
        let path = self.user.as_deref().ok_or(ProfileError::NoFolder)?;
        let locked = || {
            private_folder(path)?;
            let lock = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path.join(LOCK))?;
            match lock.lock() {
                // Some network file systems have no locks; there, changes are still atomic.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                locked => locked?,
            }
            // What a program was writing when it was killed.
            for file in fs::read_dir(path)?.filter_map(Result::ok) {
                if file.file_name().to_string_lossy().starts_with(UNFINISHED) {
                    fs::remove_file(file.path())?;
                }
            }
            Ok(lock)
        };
        let lock = locked().map_err(|error| not_kept(path, &error))?;
        Ok(Folder { path, _lock: lock })
    }
}

/// The user's folder, locked until this is dropped or the process ends.
pub(super) struct Folder<'a> {
    path: &'a Path,
    _lock: File,
}

impl Folder<'_> {
    pub(super) fn path(&self) -> &Path {
        self.path
    }

    /// Writes a new file, whose name is made from the profile's.
    fn create(&self, name: &str, toml: &str) -> Result<(), ProfileError> {
        let mut unfinished = self.unfinished(self.path, toml)?;
        for file in file_names(name) {
            let file = self.path.join(file);
            match unfinished.persist_noclobber(&file) {
                Ok(_) => {
                    self.sync();
                    return Ok(());
                }
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    unfinished = error.file;
                }
                Err(error) => return Err(not_kept(&file, &error.error)),
            }
        }
        unreachable!("there is always another file name")
    }

    /// Puts a text in the place of a file's.
    pub(super) fn replace(&self, file: &Path, text: &str) -> Result<(), ProfileError> {
        // Where it really is: a link, into a folder of settings under version control, stays one.
        let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let unfinished = self.unfinished(file.parent().unwrap_or(self.path), text)?;
        let replaced = || {
            if let Ok(old) = fs::metadata(&file) {
                unfinished.as_file().set_permissions(old.permissions())?;
            }
            unfinished.persist(&file).map_err(|error| error.error)
        };
        replaced().map_err(|error| not_kept(&file, &error))?;
        self.sync();
        Ok(())
    }

    fn select(&self, name: &str) -> Result<(), ProfileError> {
        self.replace(&self.path.join(SELECTED), &format!("{name}\n"))
    }

    fn unfinished(
        &self,
        folder: &Path,
        text: &str,
    ) -> Result<tempfile::NamedTempFile, ProfileError> {
        let written = || {
            let mut file = tempfile::Builder::new()
                .prefix(UNFINISHED)
                .tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        written().map_err(|error| not_kept(folder, &error))
    }

    /// Has the folder's own entries written too. Where that is not possible, as on Windows, the system
    /// does so in its own time, and what is on the disk is whole at every moment all the same.
    fn sync(&self) {
        if let Err(error) = File::open(self.path).and_then(|folder| folder.sync_all()) {
            tracing::debug!(%error, "the folder of profiles was not synchronised");
        }
    }
}

/// The profile files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ProfileError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(ProfileError::Unreadable {
                file: folder.to_owned(),
                reason: error.to_string(),
            });
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            // Hidden files are an editor's or the system's own.
            path.extension()
                .is_some_and(|extension| extension == "toml")
                && !path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
        .collect();
    files.sort();
    Ok(files)
}

/// File names for a profile's name, without end: only letters, digits and hyphens, short, and none that
/// Windows keeps for itself (Microsoft, "Naming Files, Paths, and Namespaces").
fn file_names(name: &str) -> impl Iterator<Item = String> {
    const MAX_BYTES: usize = 64;
    let mut stem = String::new();
    for c in name.chars() {
        let c = c.to_ascii_lowercase();
        if stem.len() + c.len_utf8() > MAX_BYTES {
            break;
        }
        if c.is_alphabetic() || c.is_ascii_digit() {
            stem.push(c);
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
    }
    let stem = stem.trim_end_matches('-');
    let stem = match stem.strip_suffix(|c: char| c.is_ascii_digit()) {
        _ if stem.is_empty() => "profile".to_owned(),
        Some("com" | "lpt") => format!("profile-{stem}"),
        _ if matches!(stem, "con" | "prn" | "aux" | "nul") => format!("profile-{stem}"),
        _ => stem.to_owned(),
    };
    std::iter::once(format!("{stem}.toml"))
        .chain((2_u64..).map(move |number| format!("{stem}-{number}.toml")))
}

/// The text with another value of `name`, and every other byte as it was.
fn with_name(toml: &str, name: &str) -> Result<String, ProfileError> {
    #[derive(Deserialize)]
    struct Named {
        name: toml::Spanned<String>,
    }
    let named: Named = toml::from_str(toml).map_err(|error| ProfileError::Malformed {
        reason: error.message().to_owned(),
    })?;
    // A JSON string is a basic string of TOML (TOML 1.0, "String"), but for DEL, which no name has.
    let value = serde_json::Value::from(name).to_string();
    let mut toml = toml.to_owned();
    toml.replace_range(named.name.span(), &value);
    Ok(toml)
}

/// Makes a folder, and those above it that are missing, for the user alone.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

fn not_kept(file: &Path, error: &io::Error) -> ProfileError {
    ProfileError::NotKept {
        file: file.to_owned(),
        reason: error.to_string(),
    }
}
