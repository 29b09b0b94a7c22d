//! Several organisations at once: every profile has a session of its own, all alive, and what is done to
//! the profiles leaves the sessions alone that it does not concern.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cognito_client::{
    MemoryStore, ProfileStore, Secret, Session, StoreError, StoreLock, TokenStore,
};
use cognito_emulator::{Config, Emulator, Endpoint, Fault};
use keyfob_desktop::{
    AppView, CommandError, ErrorCode, Keyfob, Origin, ProfileChoice, ProfileSource, SignInChoice,
    SignOutScope, Stage,
};
use url::Url;

/// A store that can be locked.
#[derive(Default)]
struct Keychain {
    kept: MemoryStore,
    locked: AtomicBool,
}

impl Keychain {
    fn open(&self) -> Result<&MemoryStore, StoreError> {
        match self.locked.load(Ordering::SeqCst) {
            true => Err(StoreError::Locked),
            false => Ok(&self.kept),
        }
    }
}

impl TokenStore for Keychain {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        self.open()?.load(key)
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.open()?.save(key, secret)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.open()?.delete(key)
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        self.kept.lock(key)
    }
}

/// A computer with profiles of two organisations: "Acme" is the user's, "Umbrella" the administrator's.
#[path = "../../crates/test_log.rs"]
mod test_log;

struct World {
    acme: Emulator,
    umbrella: Emulator,
    folder: tempfile::TempDir,
    keychain: Arc<Keychain>,
    opened: Arc<Mutex<Vec<Url>>>,
    keyfob: Arc<Keyfob>,
}

fn text(name: &str, emulator: &Emulator) -> String {
    include_str!("../../crates/cognito-client/src/local-demo.toml")
        .replace(
            "http://127.0.0.1:9229",
            emulator.url().as_str().trim_end_matches('/'),
        )
        .replace("Local demo", name)
}

fn start(folder: &Path, keychain: &Arc<Keychain>, opened: &Arc<Mutex<Vec<Url>>>) -> Arc<Keyfob> {
    let (keychain, opened) = (keychain.clone(), opened.clone());
    let store = ProfileStore::new(folder.join("machine"), Some(folder.join("user")));
    Arc::new(Keyfob::new(
        ProfileSource::Stored(store),
        move |profile| Session::new(profile, keychain.clone()),
        move |url| {
            opened.lock().unwrap().push(url.clone());
            true
        },
    ))
}

impl World {
    async fn new() -> Self {
        test_log::start();
        let emulator = || Emulator::start(Config::demo().port(0));
        let (acme, umbrella) = (emulator().await.unwrap(), emulator().await.unwrap());
        let folder = tempfile::tempdir().unwrap();
        for (place, name, emulator) in [("user", "Acme", &acme), ("machine", "Umbrella", &umbrella)]
        {
            let place = folder.path().join(place);
            std::fs::create_dir(&place).unwrap();
            std::fs::write(place.join("one.toml"), text(name, emulator)).unwrap();
        }
        let (keychain, opened) = (Arc::default(), Arc::default());
        let keyfob = start(folder.path(), &keychain, &opened);
        keyfob.restored().await;
        Self {
            acme,
            umbrella,
            folder,
            keychain,
            opened,
            keyfob,
        }
    }

    async fn restart(&mut self) {
        self.keyfob = start(self.folder.path(), &self.keychain, &self.opened);
        self.keyfob.restored().await;
    }

    /// Begins a sign-in with the current profile; gives what the browser comes back with.
    async fn answer(&self, emulator: &Emulator) -> Url {
        self.keyfob.sign_in(SignInChoice::default()).await.unwrap();
        let url = self.opened.lock().unwrap().pop().unwrap();
        let answer = emulator.sign_in_with(url.as_str(), "alex", "Keyfob-demo-1");
        answer.await.unwrap()
    }

    async fn sign_in_to_both(&self) {
        for (name, emulator) in [("Acme", &self.acme), ("Umbrella", &self.umbrella)] {
            self.keyfob.switch(name).await.unwrap();
            let answer = self.answer(emulator).await;
            self.keyfob.open_link(&answer).await;
        }
        assert_eq!(self.stage("Acme"), Some(Stage::SignedIn));
        assert_eq!(self.stage("Umbrella"), Some(Stage::SignedIn));
    }

    fn view(&self) -> AppView {
        self.keyfob.view()
    }

    fn stage(&self, name: &str) -> Option<Stage> {
        let profiles = self.view().profiles;
        let profile = profiles.iter().find(|profile| profile.name == name);
        profile.map(|profile| profile.state)
    }

    /// The name of the profile the window shows, by both of the places that say so.
    fn current(&self) -> Option<String> {
        let view = self.view();
        let marked = view.profiles.iter().find(|profile| profile.current);
        let marked = marked.map(|profile| profile.name.clone());
        assert_eq!(marked, view.session.profile.map(|profile| profile.name));
        marked
    }
}

#[tokio::test]
async fn switching_signs_nobody_out_and_is_remembered() {
    let mut world = World::new().await;
    let names: Vec<_> = world
        .view()
        .profiles
        .into_iter()
        .map(|p| (p.name, p.origin))
        .collect();
    let expected = [
        ("Acme", Origin::User),
        ("Umbrella", Origin::Machine),
        ("Local demo", Origin::BuiltIn),
    ];
    assert_eq!(
        names,
        expected.map(|(name, origin)| (name.to_owned(), origin))
    );
    assert_eq!(world.current().as_deref(), Some("Acme"));

    world.sign_in_to_both().await;
    assert_eq!(world.current().as_deref(), Some("Umbrella"));
    let user = &world.view().profiles[0].user;
    assert_eq!(user.as_deref(), Some("Alex Morgan"));
    // Each with its own tokens, whichever is shown.
    world.keyfob.switch("Acme").await.unwrap();
    assert!(world.keyfob.aws_identity().await.unwrap().account.len() == 12);

    world.restart().await;
    assert_eq!(world.current().as_deref(), Some("Acme"));
    assert_eq!(world.stage("Umbrella"), Some(Stage::SignedIn));
    assert!(
        world.opened.lock().unwrap().is_empty(),
        "nobody asked for a browser"
    );

    let out = world.keyfob.sign_out(SignOutScope::Device).await.unwrap();
    assert!(!out.browser_asked && world.opened.lock().unwrap().is_empty());
    assert_eq!(world.stage("Acme"), Some(Stage::SignedOut));
    assert_eq!(world.stage("Umbrella"), Some(Stage::SignedIn));
    let error = world.keyfob.switch("Nowhere").await.unwrap_err();
    assert!(error.message.contains("Nowhere"), "{error:?}");
    assert_eq!(world.current().as_deref(), Some("Acme"));
}

#[tokio::test]
async fn a_link_goes_to_the_session_that_waits_for_it() {
    let mut world = World::new().await;
    let to_acme = world.answer(&world.acme).await;
    world.keyfob.switch("Umbrella").await.unwrap();
    let to_umbrella = world.answer(&world.umbrella).await;
    // Both wait, also after a restart.
    world.restart().await;
    world.keyfob.open_link(&to_acme).await;
    assert_eq!(world.stage("Acme"), Some(Stage::SignedIn));
    assert_eq!(world.stage("Umbrella"), Some(Stage::SigningIn));
    assert_eq!(
        world.current().as_deref(),
        Some("Acme"),
        "where the answer is shown"
    );
    // A stray is told where the person looks, and consumes nothing.
    let stray = "dev.keyfob.desktop://auth/callback?code=c&state=s"
        .parse()
        .unwrap();
    world.keyfob.open_link(&stray).await;
    let problem = world.view().session.problem.unwrap();
    assert!(
        problem.message.contains("no sign-in is waiting"),
        "{problem:?}"
    );
    assert_eq!(world.stage("Umbrella"), Some(Stage::SigningIn));
    world.keyfob.open_link(&to_umbrella).await;
    assert_eq!(world.stage("Umbrella"), Some(Stage::SignedIn));
}

#[tokio::test]
async fn profiles_come_and_change_while_sessions_live() {
    let world = World::new().await;
    world.sign_in_to_both().await;
    world.keyfob.rename("Acme", "Acme Ltd").await.unwrap();
    assert_eq!(world.stage("Acme"), None);
    assert_eq!(world.stage("Acme Ltd"), Some(Stage::SignedIn));
    assert_eq!(world.current().as_deref(), Some("Umbrella"));
    world.keyfob.switch("Acme Ltd").await.unwrap();
    world
        .keyfob
        .rename("Acme Ltd", "Acme & Sons")
        .await
        .unwrap();
    assert_eq!(
        world.current().as_deref(),
        Some("Acme & Sons"),
        "it is still the one shown"
    );
    world.keyfob.call_api().await.unwrap_err();

    // What another program adds is found when the person comes back.
    let file = world.folder.path().join("user/two.toml");
    std::fs::write(&file, text("Third", &world.umbrella)).unwrap();
    assert_eq!(world.stage("Third"), None);
    world.keyfob.wake().await;
    assert_eq!(
        world.stage("Third"),
        Some(Stage::SignedIn),
        "the same client's session as Umbrella's"
    );
    assert_eq!(world.stage("Acme & Sons"), Some(Stage::SignedIn));

    for (name, new, words) in [
        ("Umbrella", "Mine", "cannot be changed"),
        ("Local demo", "Mine", "cannot be changed"),
        ("Acme & Sons", "Umbrella", "already"),
        ("Acme & Sons", " ", "characters"),
        ("Nobody's", "Mine", "no profile"),
    ] {
        let error = world.keyfob.rename(name, new).await.unwrap_err();
        assert!(error.message.contains(words), "{name} to {new}: {error:?}");
    }
}

async fn preview(
    keyfob: &Keyfob,
    text: String,
) -> Result<keyfob_desktop::ProfilePreviewView, CommandError> {
    keyfob.preview(ProfileChoice::Text { text }).await
}

#[tokio::test]
async fn a_profile_is_shown_before_it_is_added_and_replaced_only_when_that_is_said() {
    let world = World::new().await;
    world.sign_in_to_both().await;
    let new = text("New", &world.umbrella);
    let shown = preview(&world.keyfob, new.clone()).await.unwrap();
    assert_eq!((shown.name.as_str(), shown.replaces), ("New", false));
    assert_eq!(
        (shown.text.as_str(), shown.client_id.as_str()),
        (new.as_str(), "6keyfobdemodesktop00client")
    );
    assert_eq!(world.stage("New"), None, "looking at it adds nothing");
    world.keyfob.add(&new, false).await.unwrap();
    assert_eq!(world.current().as_deref(), Some("New"));

    // Acme's name with another client: its session would be nobody's.
    let other = text("Acme", &world.acme).replace("6keyfobdemodesktop00client", "another");
    assert!(
        preview(&world.keyfob, other.clone())
            .await
            .unwrap()
            .replaces
    );
    let error = world.keyfob.add(&other, false).await.unwrap_err();
    assert!(error.message.contains("already"), "{error:?}");
    assert_eq!(world.stage("Acme"), Some(Stage::SignedIn));
    world.keyfob.add(&other, true).await.unwrap();
    assert_eq!(world.stage("Acme"), Some(Stage::SignedOut));
    assert!(
        revoked(&world.acme),
        "what no profile leads to any more is signed out"
    );
    assert!(!revoked(&world.umbrella));

    for text in ["", "name = ", "name = 'x'"] {
        let error = preview(&world.keyfob, text.into()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Misconfigured, "{text}: {error:?}");
        assert_eq!(world.keyfob.add(text, false).await.unwrap_err(), error);
    }
}

fn revoked(emulator: &Emulator) -> bool {
    let requests = emulator.requests();
    requests
        .iter()
        .any(|request| request.path == "/oauth2/revoke")
}

#[tokio::test]
async fn a_profile_is_signed_out_before_it_is_removed() {
    let world = World::new().await;
    world.sign_in_to_both().await;
    world.keyfob.switch("Acme").await.unwrap();
    let out = world.keyfob.remove("Acme").await.unwrap().unwrap();
    assert_eq!((out.revoked, out.browser_asked), (None, false));
    assert!(revoked(&world.acme));
    assert_eq!(world.stage("Acme"), None);
    assert_eq!(world.current().as_deref(), Some("Umbrella"));
    assert_eq!(world.stage("Umbrella"), Some(Stage::SignedIn));
    assert!(!world.folder.path().join("user/one.toml").exists());
    for name in ["Umbrella", "Local demo", "Acme"] {
        let error = world.keyfob.remove(name).await.unwrap_err();
        assert!(error.message.contains(name), "{error:?}");
    }
    assert_eq!(world.stage("Umbrella"), Some(Stage::SignedIn));
}

#[tokio::test]
async fn what_could_not_be_done_at_a_removal_is_told() {
    let world = World::new().await;
    world.sign_in_to_both().await;
    world.keychain.locked.store(true, Ordering::SeqCst);
    let error = world.keyfob.remove("Acme").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::KeychainUnavailable, "{error:?}");
    assert!(
        world.stage("Acme").is_some(),
        "its tokens would be nobody's"
    );
    world.keychain.locked.store(false, Ordering::SeqCst);

    world.acme.fail_next(Endpoint::Revoke, Fault::Drop);
    let out = world.keyfob.remove("Acme").await.unwrap().unwrap();
    assert_eq!(out.revoked.unwrap().code, ErrorCode::Offline);
    assert_eq!(world.stage("Acme"), None);
}

#[tokio::test]
async fn a_session_that_another_profile_uses_outlives_a_removal() {
    let world = World::new().await;
    world
        .keyfob
        .add(&text("Acme too", &world.acme), false)
        .await
        .unwrap();
    world.sign_in_to_both().await;
    world.keyfob.wake().await;
    assert_eq!(world.keyfob.remove("Acme too").await, Ok(None));
    assert_eq!(world.stage("Acme"), Some(Stage::SignedIn));
    assert!(!revoked(&world.acme));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_told_and_no_other_is_guessed() {
    let mut world = World::new().await;
    std::fs::write(world.folder.path().join("machine/broken.toml"), "name = 3").unwrap();
    world.restart().await;
    let view = world.view();
    assert_eq!(view.session.profile, None);
    assert_eq!(view.unusable_profiles.len(), 1);
    assert_eq!(
        view.session.problem.as_ref(),
        view.unusable_profiles.first()
    );
    let error = world
        .keyfob
        .sign_in(SignInChoice::default())
        .await
        .unwrap_err();
    assert!(error.message.contains("broken.toml"), "{error:?}");
    assert!(world.opened.lock().unwrap().is_empty());

    // The person chooses, and that is remembered.
    world.keyfob.switch("Umbrella").await.unwrap();
    world.restart().await;
    assert_eq!(world.current().as_deref(), Some("Umbrella"));
    assert_eq!(world.view().unusable_profiles.len(), 1);
}

#[tokio::test]
async fn all_profiles_are_followed() {
    let world = World::new().await;
    let (sender, mut views) = tokio::sync::mpsc::unbounded_channel();
    world.keyfob.watch(move |view| sender.send(view).is_ok());
    let first = views.recv().await.unwrap();
    assert_eq!(first, world.view());
    let to_acme = world.answer(&world.acme).await;
    world.keyfob.switch("Umbrella").await.unwrap();
    world.keyfob.open_link(&to_acme).await;
    let mut last = first;
    while !last
        .profiles
        .iter()
        .any(|profile| profile.state == Stage::SignedIn)
    {
        let next = views.recv().await.unwrap();
        assert_ne!(next, last, "only changes are told");
        last = next;
    }
}
