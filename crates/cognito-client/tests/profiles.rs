//! Profiles added, replaced, renamed and removed, by one program or by several at once.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cognito_client::{Origin, Profile, ProfileError, ProfileStore, Profiles};
use tempfile::TempDir;

const GOOD: &str = r#"# Ask Robin before you change anything here.
region = "eu-central-1"   # Frankfurt
issuer = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI'
"name"    =   'Example'   # what you read, not 'Example' as such
domain = "https://example.auth.eu-central-1.amazoncognito.com"
client_id = "1example23456789"
redirects = [
    "dev.keyfob.desktop://auth/callback", # the app
]
[endpoints]
"#;

struct World {
    folder: TempDir,
    store: ProfileStore,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("machine")).unwrap();
        let store = ProfileStore::new(
            folder.path().join("machine"),
            Some(folder.path().join("config/keyfob/profiles")),
        );
        Self { folder, store }
    }

    fn user(&self) -> PathBuf {
        self.folder.path().join("config/keyfob/profiles")
    }

    fn administrator_adds(&self, toml: &str) {
        std::fs::write(self.folder.path().join("machine/a.toml"), toml).unwrap();
    }

    fn names(&self) -> Vec<(String, Origin)> {
        let profiles = self.store.load();
        assert_eq!(profiles.unusable, []);
        let usable = profiles.usable.into_iter();
        usable
            .map(|known| (known.profile.name, known.origin))
            .collect()
    }

    fn text(&self, name: &str) -> String {
        let profiles = self.store.load();
        std::fs::read_to_string(profiles.named(name).unwrap().file.as_ref().unwrap()).unwrap()
    }
}

fn named(name: &str) -> String {
    let toml = GOOD.replacen("'Example'", &serde_json::json!(name).to_string(), 1);
    assert!(toml.parse::<cognito_client::Profile>().is_ok(), "{toml}");
    toml
}

fn files(folder: &Path) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".lock")
        .collect()
}

#[test]
fn what_is_not_the_users_is_not_changed() {
    let world = World::new();
    world.administrator_adds(GOOD);
    for (name, origin, remedy) in [
        ("Example", Origin::Machine, "Ask the administrator"),
        ("Local demo", Origin::BuiltIn, "Add a profile of your own"),
    ] {
        let refused = ProfileError::NotYours {
            name: name.into(),
            origin,
        };
        assert!(refused.remedy().contains(remedy), "{}", refused.remedy());
        assert_eq!(world.store.rename(name, "Mine"), Err(refused.clone()));
        assert_eq!(world.store.remove(name), Err(refused));
        let taken = world.store.add(&named(name)).unwrap_err();
        assert_eq!(
            taken,
            ProfileError::NameTaken {
                name: name.into(),
                origin
            }
        );
    }
    assert_eq!(world.text("Example"), GOOD);
    let unknown = ProfileError::Unknown {
        name: "../a".into(),
    };
    assert_eq!(world.store.rename("../a", "b"), Err(unknown.clone()));
    assert_eq!(world.store.remove("../a"), Err(unknown.clone()));
    assert_eq!(world.store.select("../a"), Err(unknown));
}

#[test]
fn without_a_folder_nothing_is_added() {
    let store = ProfileStore::new("/nowhere".into(), None);
    assert_eq!(store.add(GOOD), Err(ProfileError::NoFolder));
    assert_eq!(store.select("Local demo"), Err(ProfileError::NoFolder));
    assert_eq!(store.selected(), None);
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let world = World::new();
    std::fs::write(world.folder.path().join("config"), "a file").unwrap();
    let error = world.store.add(GOOD).unwrap_err();
    assert!(matches!(error, ProfileError::NotKept { .. }), "{error}");
    assert!(error.remedy().contains("try again"));
}

#[test]
fn a_bad_text_changes_nothing() {
    let world = World::new();
    world.store.add(GOOD).unwrap();
    for bad in [
        "",
        "name = ",
        "<html></html>",
        &GOOD.replace("region", "regoin"),
    ] {
        assert!(world.store.add(bad).is_err(), "{bad}");
        assert!(world.store.replace(bad).is_err(), "{bad}");
    }
    assert!(matches!(
        world.store.rename("Example", "two\nlines"),
        Err(ProfileError::Field { field: "name", .. })
    ));
    assert!(world.store.rename("Example", " ").is_err());
    assert_eq!(world.text("Example"), GOOD);
    assert_eq!(files(&world.user()), ["example.toml".into()].into());
}

#[test]
fn one_is_added_as_it_was_given_and_never_in_the_place_of_another() {
    let world = World::new();
    let crlf = GOOD.replace('\n', "\r\n");
    assert_eq!(world.store.add(&crlf).unwrap().name, "Example");
    assert_eq!(world.text("Example"), crlf);
    let taken = world.store.add(GOOD).unwrap_err();
    assert_eq!(
        taken.to_string(),
        "there is your own profile named “Example” already"
    );
    assert_eq!(world.text("Example"), crlf);
    world.store.replace(GOOD).unwrap();
    assert_eq!(world.text("Example"), GOOD);
    assert_eq!(files(&world.user()), ["example.toml".into()].into());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for folder in [world.user(), world.folder.path().join("config")] {
            let mode = std::fs::metadata(folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }
}

#[test]
fn the_users_hides_the_administrators_until_it_goes() {
    let world = World::new();
    world.administrator_adds(GOOD);
    let mine = GOOD.replace("1example", "2mine");
    world.store.replace(&mine).unwrap();
    let client_ids = |profiles: &[cognito_client::KnownProfile]| {
        let ids = profiles.iter().map(|known| known.profile.client_id.clone());
        ids.collect::<Vec<_>>()
    };
    let Profiles { usable, hidden, .. } = world.store.load();
    assert_eq!(
        client_ids(&usable),
        ["2mine23456789", "6keyfobdemodesktop00client"]
    );
    assert_eq!(client_ids(&hidden), ["1example23456789"]);
    assert_eq!(hidden[0].origin, Origin::Machine);
    world.store.remove("Example").unwrap();
    assert_eq!(
        world.names(),
        [
            ("Example".into(), Origin::Machine),
            ("Local demo".into(), Origin::BuiltIn)
        ]
    );
    assert_eq!(files(&world.user()), BTreeSet::new());
}

#[test]
fn a_new_name_changes_the_name_and_nothing_else() {
    let world = World::new();
    let crlf = GOOD.replace('\n', "\r\n");
    world.store.add(&crlf).unwrap();
    world.store.add(&named("Taken")).unwrap();
    assert!(matches!(
        world.store.rename("Example", "Taken"),
        Err(ProfileError::NameTaken { .. })
    ));
    let key = world
        .store
        .load()
        .named("Example")
        .unwrap()
        .profile
        .session_key();
    let mut name = "Example".to_owned();
    for new in [
        "Zoë's \"pool\" \\ 東京",
        "Example",
        "Example",
        "a = 'b' # c",
    ] {
        let profile = world.store.rename(&name, new).unwrap();
        assert_eq!((&*profile.name, profile.session_key()), (new, key.clone()));
        let value = serde_json::json!(new).to_string();
        assert_eq!(world.text(new), crlf.replacen("'Example'", &value, 1));
        name = new.into();
    }
    assert_eq!(files(&world.user()).len(), 2);
}

#[test]
fn every_name_has_a_file_of_its_own_in_the_folder() {
    let world = World::new();
    let long = "ß".repeat(128);
    let names = [
        "Example",
        "example",
        "EXAMPLE!",
        "..",
        ".",
        "../../etc/passwd",
        "C:\\a",
        "CON",
        "nul",
        "com1",
        "Lpt9",
        "aux.toml",
        "東京 プール",
        "🔑",
        "lock",
        "selected",
        " x ",
        "-rf",
        &long,
    ];
    for name in names {
        world.store.add(&named(name)).unwrap();
        world.store.select(name).unwrap();
        assert_eq!(world.store.selected().as_deref(), Some(name));
    }
    let found: BTreeSet<_> = world.names().into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().all(|name| found.contains(*name)), "{found:?}");
    let files = files(&world.user());
    assert_eq!(files.len(), names.len() + 1, "{files:?}");
    for file in files.iter().filter(|file| *file != "selected") {
        let stem = file.strip_suffix(".toml").unwrap();
        assert!(file.len() <= 80, "{file}");
        assert!(
            stem.chars().all(|c| c.is_alphanumeric() || c == '-') && !stem.starts_with('-'),
            "{file}"
        );
        let reserved = ["con", "nul", "aux", "com1", "lpt9"];
        assert!(!reserved.contains(&stem), "{file}");
    }
    assert_eq!(files_outside(&world), ["config", "machine"]);
    for name in names {
        world.store.remove(name).unwrap();
    }
    assert_eq!(world.names(), [("Local demo".into(), Origin::BuiltIn)]);
}

fn files_outside(world: &World) -> Vec<String> {
    files(world.folder.path()).into_iter().collect()
}

#[test]
fn several_at_once_lose_nothing_and_agree_on_a_name() {
    let world = World::new();
    let (user, machine) = (world.user(), world.folder.path().join("machine"));
    let added: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                // A store of one's own, as another process has: the lock is the system's.
                let store = ProfileStore::new(machine.clone(), Some(user.clone()));
                scope.spawn(move || {
                    store.add(&named(&format!("Pool: {thread}"))).unwrap();
                    store.add(&named(&format!("Pool; {}", thread % 2))).is_ok()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(added.iter().filter(|added| **added).count(), 2);
    assert_eq!(world.names().len(), 8 + 2 + 1);
    assert_eq!(world.store.load().hidden, []);
}

#[test]
fn what_a_killed_program_left_is_neither_read_nor_kept() {
    let world = World::new();
    world.store.add(GOOD).unwrap();
    let half = world.user().join(".unfinished-a1b2c3");
    std::fs::write(&half, &GOOD[..40]).unwrap();
    assert_eq!(world.names().len(), 2);
    world.store.select("Example").unwrap();
    assert!(!half.exists());
}

#[test]
fn the_selection_follows_a_new_name() {
    let world = World::new();
    assert_eq!(world.store.selected(), None);
    world.store.add(GOOD).unwrap();
    world.store.select("Example").unwrap();
    world.store.rename("Example", "Other").unwrap();
    assert_eq!(world.store.selected().as_deref(), Some("Other"));
    world.store.add(GOOD).unwrap();
    world.store.rename("Example", "Third").unwrap();
    assert_eq!(world.store.selected().as_deref(), Some("Other"));
}

#[cfg(unix)]
const READER: &str = "arn:aws:iam::123456789012:role/Reader";
const WRITER: &str = "arn:aws:iam::123456789012:role/Writer";

fn profile(toml: &str) -> Profile {
    toml.parse().unwrap()
}

#[test]
fn a_chosen_role_is_the_profiles_whatever_it_is_called() {
    let World {
        store,
        folder: _kept,
    } = &World::new();
    let role = |profile: &Profile| store.role(profile).unwrap();
    let example = profile(GOOD);
    assert_eq!(role(&example), None);
    store.choose_role(&example, READER).unwrap();
    assert_eq!(role(&profile(&named("Renamed"))).as_deref(), Some(READER));

    // One of the same client that is there for another role has a choice of its own.
    let mut other = example.clone();
    other.aws.role_arn = Some(WRITER.into());
    assert_eq!(role(&other), None);
    store.choose_role(&other, WRITER).unwrap();
    assert_eq!(role(&example).as_deref(), Some(READER));

    // Whoever forgets a role forgets no other that was chosen meanwhile.
    store.choose_role(&example, WRITER).unwrap();
    store.forget_role(&example, READER).unwrap();
    assert_eq!(role(&example).as_deref(), Some(WRITER));
    store.forget_role(&example, WRITER).unwrap();
    assert_eq!(role(&example), None);
    assert_eq!(role(&other).as_deref(), Some(WRITER));
    // The file is no profile.
    assert_eq!(store.load().unusable, []);
}

#[test]
fn a_damaged_choice_of_roles_is_told_and_not_taken_for_none() {
    let world = World::new();
    let example = profile(GOOD);
    world.store.choose_role(&example, READER).unwrap();
    let file = world.user().join("roles");
    for damage in ["", "{", "[]", r#"{"Example": 1}"#, "\u{0}"] {
        std::fs::write(&file, damage).unwrap();
        let error = world.store.role(&example).unwrap_err();
        assert!(matches!(error, ProfileError::Roles { .. }), "{error:?}");
        assert!(error.to_string().contains("roles you chose"), "{error}");
        assert!(world.store.choose_role(&example, WRITER).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), damage);
    }
    std::fs::remove_file(&file).unwrap();
    world.store.choose_role(&example, WRITER).unwrap();
    assert_eq!(world.store.role(&example).unwrap().as_deref(), Some(WRITER));
}

#[test]
fn roles_chosen_at_once_are_all_remembered() {
    let world = World::new();
    let profiles: Vec<Profile> = (0..8)
        .map(|number| {
            let mut profile = profile(GOOD);
            profile.client_id = format!("{number}");
            profile
        })
        .collect();
    std::thread::scope(|scope| {
        for profile in &profiles {
            scope.spawn(|| world.store.choose_role(profile, READER).unwrap());
        }
    });
    for profile in &profiles {
        assert_eq!(world.store.role(profile).unwrap().as_deref(), Some(READER));
    }
}

#[test]
fn without_a_folder_no_role_is_chosen() {
    let folder = TempDir::new().unwrap();
    let store = ProfileStore::new(folder.path().to_owned(), None);
    assert_eq!(store.role(&profile(GOOD)).unwrap(), None);
    let error = store.choose_role(&profile(GOOD), READER).unwrap_err();
    assert_eq!(error, ProfileError::NoFolder);
}

#[test]
fn a_file_that_is_a_link_stays_one() {
    let world = World::new();
    let (real, link) = (
        world.folder.path().join("dotfiles.toml"),
        world.user().join("a.toml"),
    );
    std::fs::create_dir_all(world.user()).unwrap();
    std::fs::write(&real, GOOD).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    world.store.rename("Example", "Other").unwrap();
    assert!(link.is_symlink());
    assert_eq!(std::fs::read_to_string(&real).unwrap(), world.text("Other"));
    world.store.remove("Other").unwrap();
    assert!(real.exists() && !link.is_symlink());
}

#[cfg(unix)]
#[test]
fn what_is_no_file_or_too_large_is_reported_and_not_waited_for() {
    let world = World::new();
    std::fs::create_dir_all(world.user()).unwrap();
    // A folder, and a device that never ends.
    std::fs::create_dir(world.user().join("a.toml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", world.user().join("b.toml")).unwrap();
    std::fs::write(world.user().join("c.toml"), "#".repeat(70_000)).unwrap();
    let unusable = world.store.load().unusable;
    let [
        ProfileError::Unreadable { .. },
        ProfileError::Unreadable { .. },
        ProfileError::InFile { source, .. },
    ] = &unusable[..]
    else {
        panic!("{unusable:?}")
    };
    assert_eq!(**source, ProfileError::TooLarge);
}

#[test]
fn a_session_is_taken_up_by_no_profile_that_would_send_it_elsewhere() {
    let key = |toml: &str| {
        toml.parse::<cognito_client::Profile>()
            .unwrap()
            .session_key()
    };
    assert_eq!(key(GOOD), key(&named("Other")));
    for (from, to) in [
        ("example.auth.eu", "example.evil.auth.eu"),
        ("amazoncognito.com", "amazoncognito.com:8443"),
        ("_AbCdEfGhI", "_AbCdEfGhJ"),
        ("1example", "2example"),
    ] {
        assert_ne!(key(GOOD), key(&GOOD.replace(from, to)), "{to}");
    }
}
