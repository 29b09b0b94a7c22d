//! Which profile is meant, and its session in this computer's keychain.

use std::sync::Arc;

use cognito_agent::{Account, IDENTIFIER};
use cognito_aws::Aws;
use cognito_client::{KeyringStore, Origin, Profile, ProfileStore, Session};

use crate::failure::Failure;

/// Names one profile file to be used instead of the stored ones, as for the app.
const PROFILE_FILE: &str = "KEYFOB_PROFILE_FILE";

/// The profiles there are, and the selected one's name.
pub(crate) struct Known {
    pub(crate) profiles: Vec<(Profile, Origin)>,
    pub(crate) selected: Option<String>,
    /// What is wrong with the files that cannot be used.
    pub(crate) unusable: Vec<Failure>,
}

/// Reads them.
pub(crate) fn known() -> Known {
    let unusable = |error: &cognito_client::ProfileError| Failure::failed(error, error.remedy());
    if let Some(file) = std::env::var_os(PROFILE_FILE) {
        return match Profile::from_file(file.as_ref()) {
            Ok(profile) => Known {
                selected: Some(profile.name.clone()),
                profiles: vec![(profile, Origin::User)],
                unusable: Vec::new(),
            },
            Err(error) => Known {
                profiles: Vec::new(),
                selected: None,
                unusable: vec![unusable(&error)],
            },
        };
    }
    let store = ProfileStore::of_user();
    let profiles = store.load();
    let selected = store
        .selected()
        .filter(|name| profiles.named(name).is_some());
    Known {
        // As the app does when nothing has been selected yet.
        selected: selected.or_else(|| Some(profiles.usable.first()?.profile.name.clone())),
        unusable: profiles.unusable.iter().map(unusable).collect(),
        profiles: profiles
            .usable
            .into_iter()
            .map(|known| (known.profile, known.origin))
            .collect(),
    }
}

/// The profile of this name, or else the selected one.
pub(crate) fn profile(name: Option<&str>) -> Result<Profile, Failure> {
    let Known {
        mut profiles,
        selected,
        unusable,
    } = known();
    // A variable that is set to nothing says nothing.
    let wanted = name.filter(|name| !name.is_empty()).or(selected.as_deref());
    let found = profiles
        .iter()
        .position(|(profile, _)| Some(&*profile.name) == wanted);
    match (found, wanted) {
        (Some(found), _) => Ok(profiles.swap_remove(found).0),
        (None, Some(name)) if unusable.is_empty() => Err(Failure::failed(
            format!("there is no profile “{name}”"),
            "`keyfob profiles` lists those there are; one is added with the Keyfob app.",
        )),
        // The file that cannot be read may be the one that is meant.
        _ => Err(unusable.into_iter().next().unwrap_or_else(|| {
            Failure::failed("there is no profile", "Add one with the Keyfob app.")
        })),
    }
}

/// Its session, in the keychain that the app uses too.
pub(crate) fn session(profile: Profile, may_ask: bool) -> Result<Session, Failure> {
    let store = KeyringStore::new(IDENTIFIER);
    let store = if may_ask {
        store
    } else {
        store.without_asking()
    };
    let name = profile.name.clone();
    Session::new(profile, Arc::new(store)).map_err(|error| Failure::of_session(&error, &name))
}

/// Its session, and AWS by it.
pub(crate) fn account(profile: Profile, may_ask: bool) -> Result<Account, Failure> {
    let session = session(profile, may_ask)?;
    Ok(Account {
        aws: Aws::with_choices(session.clone(), ProfileStore::of_user()).ok(),
        session,
    })
}

/// Does it on one thread, because a command does one thing. What that has left behind, such as a keychain or a reader of
/// standard input that does not come back, is not waited for.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}
