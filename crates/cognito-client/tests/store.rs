//! One contract for every store, the real Secret Service (or Keychain, or Credential Manager) included.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use cognito_client::{KeyringStore, MemoryStore, StoreError, TokenStore};

/// As large as a session's tokens become, and larger than one Windows credential.
fn secret(fill: u8, length: usize) -> Vec<u8> {
    (0..length).map(|i| fill ^ (i % 251) as u8).collect()
}

fn contract(store: &dyn TokenStore) {
    let (key, other) = (
        "client at https://issuer.example/pool",
        "other at https://issuer.example/pool",
    );
    store.delete(key).unwrap();
    store.delete(other).unwrap();
    assert!(store.load(key).unwrap().is_none());

    store.save(other, b"untouched").unwrap();
    for length in [0, 1, 2_559, 2_560, 2_561, 6_144, 5_000, 20_000, 10] {
        let secret = secret(7, length);
        store.save(key, &secret).unwrap();
        assert_eq!(*store.load(key).unwrap().unwrap(), secret, "{length}");
    }
    store.delete(key).unwrap();
    store.delete(key).unwrap();
    assert!(store.load(key).unwrap().is_none());
    assert_eq!(**store.load(other).unwrap().unwrap(), *b"untouched");
    store.delete(other).unwrap();
    one_at_a_time(store, key, other);
}

fn one_at_a_time(store: &dyn TokenStore, key: &str, other: &str) {
    let (held, _not_in_the_way) = (store.lock(key).unwrap(), store.lock(other).unwrap());
    let (told, order) = mpsc::channel();
    std::thread::scope(|threads| {
        for _ in 0..8 {
            let told = told.clone();
            threads.spawn(move || {
                let held = store.lock(key).unwrap();
                told.send("in").unwrap();
                told.send("out").unwrap();
                drop(held);
            });
        }
        told.send("free").unwrap();
        drop(held);
    });
    drop(told);
    let order: Vec<_> = order.into_iter().collect();
    assert_eq!(order[0], "free");
    for pair in order[1..].chunks(2) {
        assert_eq!(pair, ["in", "out"]);
    }
}

#[test]
fn memory() {
    contract(&MemoryStore::new());
}

#[test]
fn keychain() {
    contract(&KeyringStore::new("dev.keyfob.test"));
}

const HOLDER: &str = "KEYFOB_TEST_HOLDS_THE_LOCK";

/// What the child of the test below does; by itself there is nothing to see.
#[test]
fn holding_the_lock() {
    if let Some(folder) = std::env::var_os(HOLDER) {
        let store = KeyringStore::new("dev.keyfob.test").with_lock_folder(folder.into());
        let _held = store.lock("key").unwrap();
        println!("\nit is held");
        // Until it is killed, or its test has died.
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
}

#[test]
fn a_lock_outlives_its_killed_holder_by_nothing() {
    let folder = std::env::temp_dir().join(format!("keyfob-locks-{}", std::process::id()));
    let store = KeyringStore::new("dev.keyfob.test").with_lock_folder(folder.clone());
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holding_the_lock", "--nocapture"])
        .env(HOLDER, &folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(holder.stdout.take().unwrap());
    assert!(said.lines().any(|line| line.unwrap() == "it is held"));
    let (told, got) = mpsc::channel();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let _held = store.lock("key").unwrap();
            told.send(()).unwrap();
        });
        assert_eq!(got.try_recv(), Err(mpsc::TryRecvError::Empty));
        // SIGKILL, where there are signals.
        holder.kill().unwrap();
        holder.wait().unwrap();
        got.recv().unwrap();
    });
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_lock_that_cannot_be_had_is_told() {
    let file = std::env::temp_dir().join(format!("keyfob-no-folder-{}", std::process::id()));
    std::fs::write(&file, "in the way").unwrap();
    let store = KeyringStore::new("dev.keyfob.test").with_lock_folder(file.clone());
    assert_eq!(store.lock("key").unwrap_err(), StoreError::NoLock);
    std::fs::remove_file(file).unwrap();
}

/// Keychains that do not work, each in a process of its own: a process looks for its keychain once.
#[cfg(target_os = "linux")]
mod without_a_keychain {
    use std::process::Command;

    use cognito_client::{KeyringStore, TokenStore};

    const CHILD: &str = "KEYFOB_TEST_WITHOUT_A_KEYCHAIN";

    /// What saving says where `command` runs this test's child; nothing may have been asked on a display.
    fn outcome(mut command: Command) -> String {
        let home = std::env::temp_dir().join(format!("keyfob-no-keychain-{}", uuid()));
        std::fs::create_dir_all(&home).unwrap();
        let output = command
            .env(CHILD, "1")
            .env("HOME", &home)
            .env("XDG_RUNTIME_DIR", &home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env_remove("DISPLAY")
            .env_remove("GNOME_KEYRING_CONTROL")
            .output()
            .unwrap();
        let left: Vec<_> = files(&home);
        std::fs::remove_dir_all(&home).unwrap();
        assert!(
            left.iter().all(|file| !file.contains("plain secret")),
            "written to a file: {left:?}"
        );
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        told.lines()
            .find_map(|line| line.split_once("outcome: "))
            .unwrap_or_else(|| panic!("{output:?}"))
            .1
            .to_owned()
    }

    fn uuid() -> u32 {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        std::process::id() * 10 + NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// The text of every file below.
    fn files(folder: &std::path::Path) -> Vec<String> {
        std::fs::read_dir(folder)
            .unwrap()
            .flat_map(|entry| {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files(&path)
                } else {
                    vec![
                        String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default())
                            .into_owned(),
                    ]
                }
            })
            .collect()
    }

    fn child(test: &str, wrapper: &[&str]) -> Command {
        let me = std::env::current_exe().unwrap();
        let test = format!("without_a_keychain::{test}");
        let arguments = ["--exact", &test, "--nocapture"];
        match wrapper {
            [] => {
                let mut command = Command::new(me);
                command.args(arguments);
                command
            }
            [program, rest @ ..] => {
                let mut command = Command::new(program);
                command.args(rest).arg(me).args(arguments);
                command
            }
        }
    }

    /// What the children do; by itself there is nothing to see.
    #[test]
    fn saving() {
        if std::env::var_os(CHILD).is_some() {
            let store = KeyringStore::new("dev.keyfob.test");
            println!("outcome: {:?}", store.save("key", b"plain secret"));
        }
    }

    /// What the child of the test below does; by itself there is nothing to see.
    #[test]
    fn saving_to_one_started_again() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let store = KeyringStore::new("dev.keyfob.test");
        let daemon = || {
            let command =
                "printf pw | gnome-keyring-daemon --replace --unlock --components=secrets";
            let sh = Command::new("sh").args(["-c", command]).output().unwrap();
            assert!(sh.status.success(), "{sh:?}");
        };
        let first = store.save("key", b"plain secret");
        daemon();
        store.save("key", b"plain secret").unwrap();
        daemon();
        let kept = store.load("key").unwrap().unwrap();
        println!("outcome: {first:?}, then {} bytes", kept.len());
    }

    #[test]
    fn a_secret_service_that_is_unlocked_later_and_started_again() {
        let command = child("saving_to_one_started_again", &["dbus-run-session", "--"]);
        assert_eq!(outcome(command), "Err(Locked), then 12 bytes");
    }

    #[test]
    fn no_session_bus() {
        let mut command = child("saving", &[]);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        assert_eq!(outcome(command), "Err(Absent)");
    }

    #[test]
    fn a_bus_without_a_secret_service() {
        // A bus that can start nothing.
        let configuration = std::env::temp_dir().join(format!("keyfob-bus-{}.conf", uuid()));
        std::fs::write(
            &configuration,
            "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
        )
        .unwrap();
        let configuration = configuration.to_str().unwrap();
        let said = outcome(child(
            "saving",
            &["dbus-run-session", "--config-file", configuration, "--"],
        ));
        std::fs::remove_file(configuration).unwrap();
        assert_eq!(said, "Err(Absent)");
    }

    #[test]
    fn a_secret_service_that_is_locked_or_has_no_login_keyring() {
        assert_eq!(
            outcome(child("saving", &["dbus-run-session", "--"])),
            "Err(Locked)"
        );
    }
}
