//! Which profiles the app works with.

use cognito_client::{Origin, Profile, ProfileError, ProfileStore};

use crate::view::CommandError;

/// Names one profile file to be used instead of the stored ones, for trying a profile out.
const PROFILE_FILE: &str = "KEYFOB_PROFILE_FILE";

/// Where profiles come from.
#[derive(Clone, Debug)]
pub enum ProfileSource {
    /// The stored ones, which the person may add to and change.
    Stored(ProfileStore),
    /// This one, or what is wrong with it, and nothing may be changed.
    Only(Box<Result<Profile, ProfileError>>),
}

/// What a [`ProfileSource`] has.
pub(crate) struct Known {
    pub(crate) usable: Vec<(Profile, Origin)>,
    pub(crate) unusable: Vec<CommandError>,
}

impl ProfileSource {
    /// The file that was named, else the stored ones.
    pub(crate) fn of_app() -> Self {
        if let Some(file) = std::env::var_os(PROFILE_FILE) {
            return Self::Only(Box::new(Profile::from_file(file.as_ref())));
        }
        Self::Stored(ProfileStore::of_user())
    }

    pub(crate) fn load(&self) -> Known {
        match self {
            Self::Stored(store) => {
                let profiles = store.load();
                let usable = profiles.usable.into_iter();
                Known {
                    usable: usable.map(|known| (known.profile, known.origin)).collect(),
                    unusable: profiles.unusable.into_iter().map(Into::into).collect(),
                }
            }
            Self::Only(only) => match only.as_ref().clone() {
                Ok(profile) => Known {
                    usable: vec![(profile, Origin::User)],
                    unusable: Vec::new(),
                },
                Err(error) => Known {
                    usable: Vec::new(),
                    unusable: vec![error.into()],
                },
            },
        }
    }

    /// The profile that was in use last.
    pub(crate) fn selected(&self) -> Option<String> {
        match self {
            Self::Stored(store) => store.selected(),
            Self::Only(_) => None,
        }
    }
}
