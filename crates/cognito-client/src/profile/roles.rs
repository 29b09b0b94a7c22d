//! The AWS role that a person chose among theirs, remembered for each profile.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::store::Folder;
use super::{Profile, ProfileError, ProfileStore, text_of};

/// Keeps them in the user's folder: a JSON object, from what a profile is about to the role's ARN.
const ROLES: &str = "roles";

type Roles = BTreeMap<String, String>;

impl ProfileStore {
    /// The ARN of the role that was [chosen](Self::choose_role) for this profile last, by whatever program.
    ///
    /// # Errors
    /// Why the choice cannot be read.
    pub fn role(&self, profile: &Profile) -> Result<Option<String>, ProfileError> {
        let Some(folder) = self.user_folder() else {
            return Ok(None);
        };
        Ok(read(folder)?.remove(&key(profile)))
    }

    /// Remembers which role to take with this profile, whatever it is called one day.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn choose_role(&self, profile: &Profile, role: &str) -> Result<(), ProfileError> {
        self.locked()?.change_roles(|roles| {
            roles.insert(key(profile), role.into());
        })
    }

    /// Forgets the choice of this role, unless another was chosen for the profile since.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn forget_role(&self, profile: &Profile, role: &str) -> Result<(), ProfileError> {
        self.locked()?.change_roles(|roles| {
            if roles
                .get(&key(profile))
                .is_some_and(|chosen| chosen == role)
            {
                roles.remove(&key(profile));
            }
        })
    }
}

/// Profiles of one app client may be there for a role each; a name may change while programs run.
fn key(profile: &Profile) -> String {
    format!(
        "{}, {}, {}",
        profile.session_key(),
        profile.identity_pool_id.as_deref().unwrap_or_default(),
        profile.aws.role_arn.as_deref().unwrap_or_default(),
    )
}

impl Folder<'_> {
    fn change_roles(&self, change: impl FnOnce(&mut Roles)) -> Result<(), ProfileError> {
        let before = read(self.path())?;
        let mut roles = before.clone();
        change(&mut roles);
        if roles == before {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&roles).expect("strings always serialise");
        self.replace(&file(self.path()), &format!("{text}\n"))
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join(ROLES)
}

fn read(folder: &Path) -> Result<Roles, ProfileError> {
    let file = file(folder);
    let missing = std::fs::metadata(&file)
        .is_err_and(|error| matches!(error.kind(), io::ErrorKind::NotFound));
    if missing {
        return Ok(Roles::new());
    }
    // Taking another role than the one that was chosen would be worse than none.
    serde_json::from_str(&text_of(&file)?).map_err(|error| ProfileError::Roles {
        file,
        reason: error.to_string(),
    })
}
