//! Profiles in the AWS config file: every other byte stays, and what AWS's own parser makes of them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use cognito_aws::{Addition, Rival, SharedConfig, SharedConfigError};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "../../test_log.rs"]
mod test_log;

const OURS: &str = "/opt/keyfob/keyfob credential-process --profile Example";

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        test_log::start();
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn with(config: impl AsRef<[u8]>) -> Self {
        let files = Self::new();
        fs::create_dir(files.aws()).unwrap();
        fs::write(files.config(), config).unwrap();
        files
    }

    fn aws(&self) -> PathBuf {
        self.folder.path().join(".aws")
    }

    fn config(&self) -> PathBuf {
        self.aws().join("config")
    }

    fn backup(&self) -> PathBuf {
        self.aws().join("config.keyfob-backup")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.config()).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    fn shared(&self) -> SharedConfig {
        SharedConfig::locate(Some(self.folder.path()), |_| None).unwrap()
    }

    fn add(&self, addition: &Addition) -> Result<Vec<String>, SharedConfigError> {
        let change = self.shared().plan_add(addition)?;
        let lines = change.lines().iter().map(ToString::to_string).collect();
        change.apply()?;
        Ok(lines)
    }

    fn remove(&self) -> Vec<String> {
        let change = self.shared().plan_remove("Example", None).unwrap();
        let lines = change.lines().iter().map(ToString::to_string).collect();
        change.apply().unwrap();
        lines
    }
}

fn addition(name: &str) -> Addition {
    Addition {
        name: name.to_owned(),
        profile: "Example".to_owned(),
        program: if cfg!(windows) {
            r"C:\keyfob.exe".into()
        } else {
            "/opt/keyfob/keyfob".into()
        },
        region: "eu-west-1".to_owned(),
        endpoint: None,
        force: false,
    }
}

fn emulated(name: &str, port: u16) -> Addition {
    Addition {
        endpoint: Some(format!("http://127.0.0.1:{port}").parse().unwrap()),
        ..addition(name)
    }
}

fn forced(name: &str) -> Addition {
    Addition {
        force: true,
        ..addition(name)
    }
}

#[test]
fn a_profile_is_written_where_nothing_was() {
    let files = Files::new();
    let lines = files.add(&addition("example")).unwrap();
    let command = format!("credential_process = {OURS}");
    assert_eq!(
        lines,
        [
            "+ [profile example]".to_owned(),
            format!("+ {command}"),
            "+ region = eu-west-1".to_owned()
        ]
    );
    assert_eq!(
        files.text(),
        format!("[profile example]\n{command}\nregion = eu-west-1\n")
    );
    assert!(!files.backup().exists());
    let entries = files.shared().entries().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].name, "example");
    assert_eq!(entries[0].profile, "Example");
    assert_eq!(entries[0].program, Path::new("/opt/keyfob/keyfob"));
    assert_eq!(files.remove().len(), 3);
    assert_eq!(files.text(), "");
}

#[test]
fn the_second_time_nothing_is_written() {
    let files = Files::with("[default]\nregion = us-east-1\n");
    files.add(&addition("example")).unwrap();
    let (written, modified) = (files.bytes(), fs::metadata(files.config()).unwrap());
    fs::remove_file(files.backup()).unwrap();
    assert!(files.add(&addition("example")).unwrap().is_empty());
    assert_eq!(files.bytes(), written);
    assert!(!files.backup().exists());
    let again = fs::metadata(files.config()).unwrap();
    assert_eq!(modified.modified().unwrap(), again.modified().unwrap());
    assert_eq!(files.remove().len(), 3);
    assert!(files.remove().is_empty());
    assert_eq!(files.text(), "[default]\nregion = us-east-1\n");
}

#[test]
fn when_the_program_has_moved_its_line_alone_is_changed() {
    let files = Files::with("# mine\r\n[default]\r\n");
    files.add(&addition("example")).unwrap();
    let by_hand = files.text().replace("eu-west-1", "eu-north-1") + "output = json\r\n";
    fs::write(files.config(), &by_hand).unwrap();
    let moved = Addition {
        program: "/usr/bin/keyfob".into(),
        ..addition("example")
    };
    let lines = files.add(&moved).unwrap();
    assert_eq!(
        lines,
        [
            format!("- credential_process = {OURS}"),
            format!(
                "+ credential_process = {}",
                OURS.replace("/opt/keyfob", "/usr/bin")
            ),
        ]
    );
    assert_eq!(files.text(), by_hand.replace("/opt/keyfob", "/usr/bin"));
    assert_eq!(fs::read_to_string(files.backup()).unwrap(), by_hand);
    // What somebody has added stays, and the profile with it.
    files.remove();
    assert_eq!(
        files.text(),
        "# mine\r\n[default]\r\n\r\n[profile example]\r\noutput = json\r\n"
    );
}

#[test]
fn what_stands_in_for_aws_is_written_and_follows_the_profile() {
    let files = Files::with("[default]\r\n");
    let text = |endpoint: &str| {
        format!(
            "[default]\r\n\r\n[profile example]\r\ncredential_process = {OURS}\r\n{endpoint}region = eu-west-1\r\n"
        )
    };
    // An entry of before, without one.
    files.add(&addition("example")).unwrap();
    let lines = files.add(&emulated("example", 9229)).unwrap();
    assert_eq!(
        lines.last().unwrap(),
        "+ endpoint_url = http://127.0.0.1:9229"
    );
    assert_eq!(
        files.text(),
        text("endpoint_url = http://127.0.0.1:9229\r\n")
    );
    assert!(files.add(&emulated("example", 9229)).unwrap().is_empty());
    files.add(&emulated("example", 9230)).unwrap();
    assert_eq!(
        files.text(),
        text("endpoint_url = http://127.0.0.1:9230\r\n")
    );
    // The profile is of AWS itself now.
    files.add(&addition("example")).unwrap();
    assert_eq!(files.text(), text(""));
    files.add(&emulated("example", 9230)).unwrap();
    files.remove();
    assert_eq!(files.text(), "[default]\r\n");

    // What a person has added stays, and is the only one.
    files.add(&addition("example")).unwrap();
    let by_hand = files.text() + "endpoint_url = http://127.0.0.1:4566\r\n";
    fs::write(files.config(), &by_hand).unwrap();
    assert!(files.add(&emulated("example", 9229)).unwrap().is_empty());
    assert_eq!(files.text(), by_hand);

    // Somebody else's would be the second of one name.
    let theirs = "[profile example]\nendpoint_url = http://127.0.0.1:4566\noutput = json\n";
    fs::write(files.config(), theirs).unwrap();
    let emulated = emulated("example", 9229);
    assert!(matches!(
        files.add(&emulated),
        Err(SharedConfigError::Taken { .. })
    ));
    let force = true;
    files.add(&Addition { force, ..emulated }).unwrap();
    let text = files.text();
    assert!(text.contains("\n# keyfob-replaced: endpoint_url = http://127.0.0.1:4566\n"));
    assert!(text.contains("\nendpoint_url = http://127.0.0.1:9229\n"));
    files.remove();
    assert_eq!(files.text(), theirs);
}

#[test]
fn a_profile_of_somebody_elses_is_shown_and_left_alone() {
    let text = "[profile example]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n\
                aws_secret_access_key = hushhush\noutput = json\ns3 =\n  addressing_style = path\n# c\n\n[default]\n";
    let files = Files::with(text);
    let error = files.add(&addition("example")).unwrap_err();
    let SharedConfigError::Taken { name, lines, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(name, "example");
    assert_eq!(
        lines[..],
        [
            "[profile example]",
            "role_arn = arn:aws:iam::1:role/x",
            "source_profile = base",
            "aws_secret_access_key = ****",
        ]
    );
    assert!(error.remedy().contains("--force"), "{}", error.remedy());
    assert_eq!(files.text(), text);
    assert!(!files.backup().exists());

    let lines = files.add(&forced("example")).unwrap();
    assert!(!format!("{lines:?}").contains("hushhush"), "{lines:?}");
    assert!(files.text().contains(
        "# keyfob-replaced: role_arn = arn:aws:iam::1:role/x\n# keyfob-replaced: source_profile"
    ));
    assert!(files.text().contains("\noutput = json\ns3 =\n"));
    assert!(files.shared().rivals("example").unwrap().is_empty());
    assert!(files.add(&addition("example")).unwrap().is_empty());
    files.remove();
    assert_eq!(files.text(), text);
}

#[test]
fn another_of_keyfobs_profiles_is_not_redirected_without_being_asked() {
    let files = Files::new();
    files.add(&addition("example")).unwrap();
    let other = Addition {
        profile: "Other".into(),
        ..addition("example")
    };
    assert!(matches!(
        files.add(&other),
        Err(SharedConfigError::Taken { .. })
    ));
    let before = files.bytes();
    let other = Addition {
        force: true,
        ..other
    };
    files.add(&other).unwrap();
    assert_eq!(files.shared().entries().unwrap()[0].profile, "Other");
    let change = files.shared().plan_remove("Other", None).unwrap();
    change.apply().unwrap();
    assert_eq!(files.bytes(), before);
}

#[test]
fn what_was_replaced_twice_comes_back_one_after_the_other() {
    let text = "[profile example]\nrole_arn = r\naws_secret_access_key = hunter2\n# mine\n";
    let files = Files::with(text);
    files.add(&forced("example")).unwrap();
    let first = files.bytes();
    let other = Addition {
        profile: "Other".into(),
        ..forced("example")
    };
    let lines = files.add(&other).unwrap();
    assert!(!lines.concat().contains("hunter2"), "{lines:?}");
    let change = files.shared().plan_remove("Other", None).unwrap();
    let lines: Vec<_> = change.lines().iter().map(ToString::to_string).collect();
    assert!(!lines.concat().contains("hunter2"), "{lines:?}");
    change.apply().unwrap();
    assert_eq!(files.bytes(), first);
    files.remove();
    assert_eq!(files.text(), text);
}

#[test]
fn only_what_is_ours_is_removed() {
    let text = "[profile a]\nregion = x\n[profile b]\ncredential_process = /bin/other credential-process --profile Example\n";
    let files = Files::with(text);
    assert!(files.remove().is_empty());
    for name in ["a", "b"] {
        assert!(matches!(
            files.shared().plan_remove("Example", Some(name)),
            Err(SharedConfigError::NotOurs { .. })
        ));
    }
    let absent = files.shared().plan_remove("Example", Some("c")).unwrap();
    assert!(absent.is_empty());
    files.add(&addition("c")).unwrap();
    files.add(&addition("d")).unwrap();
    let only_c = files.shared().plan_remove("Example", Some("c")).unwrap();
    only_c.apply().unwrap();
    assert_eq!(files.shared().entries().unwrap()[0].name, "d");
    files.remove();
    assert_eq!(files.text(), text);
}

#[test]
fn names_that_not_everybody_reads_alike_are_refused() {
    let files = Files::with("");
    for name in ["", "a b", "a\"b", "a]b", "a\nb", "Zoë", "a\u{1b}", "[a"] {
        let error = files.add(&addition(name)).unwrap_err();
        assert!(matches!(error, SharedConfigError::Name { .. }), "{name:?}");
        assert!(error.remedy().contains("--name"));
    }
    for (profile, name) in [
        ("Example", "Example"),
        ("Local demo", "Local-demo"),
        ("  Zoë & Co.", "Zo-Co."),
        ("東京", "keyfob"),
        ("a/b@c:d+e%f_1-2", "a/b@c:d+e%f_1-2"),
    ] {
        assert_eq!(SharedConfig::name_for(profile), name);
        assert!(files.shared().plan_add(&addition(name)).is_ok(), "{name}");
    }
    for text in [
        "[ profile example ]\n",
        "[profile \"example\"]\n",
        "[profile example] x\n",
        "[profile example]\n[profile example]\n",
    ] {
        let files = Files::with(text);
        let error = files.add(&forced("example")).unwrap_err();
        let SharedConfigError::Ambiguous { lines, .. } = &error else {
            panic!("{text}: {error}")
        };
        assert_eq!(lines[0], 1);
        assert!(error.remedy().contains("[profile example]"));
        assert_eq!(files.text(), text);
    }
    let files = Files::with("[default]\n[profile default]\n");
    let error = files.add(&forced("default")).unwrap_err();
    assert!(error.to_string().ends_with("line 1 and line 2"), "{error}");
}

#[test]
fn what_would_win_over_it_is_told() {
    let files = Files::with("[default]\n");
    let credentials = files.aws().join("credentials");
    let elsewhere = files.folder.path().join("keys");
    fs::write(
        &credentials,
        "[default]\naws_access_key_id=AKIAX\n[example]\naws_access_key_id = AKIAX\naws_secret_access_key = hushhush\n",
    )
    .unwrap();
    let change = files.shared().plan_add(&addition("example")).unwrap();
    let told: Vec<_> = change.rivals().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("aws_access_key_id for the profile example"),
        "{told:?}"
    );
    assert!(!format!("{change:?}{told:?}").contains("AKIAX"), "{told:?}");
    let other = files.shared().plan_add(&addition("other")).unwrap();
    assert_eq!(other.rivals(), []);

    // The environment names other files, and has keys of its own.
    let shared = SharedConfig::locate(Some(files.folder.path()), |name| match name {
        "AWS_CONFIG_FILE" => Some("~/elsewhere".into()),
        "AWS_SHARED_CREDENTIALS_FILE" => Some(elsewhere.clone().into()),
        "AWS_ACCESS_KEY_ID" => Some("AKIAX".into()),
        _ => None,
    })
    .unwrap();
    assert_eq!(shared.file(), files.folder.path().join("elsewhere"));
    let change = shared.plan_add(&addition("example")).unwrap();
    assert!(matches!(
        change.rivals(),
        [Rival::Environment {
            variable: "AWS_ACCESS_KEY_ID"
        }]
    ));
    assert_eq!(
        SharedConfig::locate(None, |_| None).unwrap_err(),
        SharedConfigError::NoHome
    );
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_permissions_stay() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    let files = Files::new();
    let dotfiles = files.folder.path().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    fs::create_dir(files.aws()).unwrap();
    symlink("../dotfiles/aws-config", files.config()).unwrap();
    // It leads to nothing yet.
    files.add(&addition("a")).unwrap();
    let target = dotfiles.join("aws-config");
    let mode = |file: &Path| fs::metadata(file).unwrap().mode() & 0o777;
    assert_eq!(mode(&target), 0o600);
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    files.add(&addition("b")).unwrap();
    assert!(fs::symlink_metadata(files.config()).unwrap().is_symlink());
    assert_eq!(mode(&target), 0o640);
    assert_eq!(mode(&files.backup()), 0o640);
    assert_eq!(files.shared().entries().unwrap().len(), 2);
    let left = |folder: &Path| fs::read_dir(folder).unwrap().count();
    assert_eq!((left(&dotfiles), left(&files.aws())), (1, 2));
}

#[test]
fn a_failure_leaves_the_file_as_it_was() {
    let files = Files::new();
    // A folder is where the file should be.
    fs::create_dir_all(files.config()).unwrap();
    let error = files.add(&addition("example")).unwrap_err();
    assert!(matches!(error, SharedConfigError::File { .. }), "{error}");
    // A file is where the folder should be.
    let files = Files::new();
    fs::write(files.aws(), "x").unwrap();
    let error = files.add(&addition("example")).unwrap_err();
    assert!(matches!(error, SharedConfigError::File { .. }), "{error}");
    assert_eq!(fs::read(files.aws()).unwrap(), b"x");
}

#[test]
fn what_is_changed_is_what_was_shown() {
    let files = Files::with("[default]\n");
    let change = files.shared().plan_add(&addition("example")).unwrap();
    // Somebody else adds a line: the same three are added to it.
    fs::write(files.config(), "[default]\noutput = json\n").unwrap();
    change.clone().apply().unwrap();
    assert!(
        files
            .text()
            .starts_with("[default]\noutput = json\n\n[profile example]\n")
    );
    // Somebody else has made it: nothing more is to be done, and these are not the lines that were shown.
    assert!(matches!(
        change.apply(),
        Err(SharedConfigError::Changed { .. })
    ));
}

#[test]
fn writers_at_once_lose_nothing() {
    let files = Files::with("[default]\nregion = us-east-1\n");
    thread::scope(|scope| {
        for writer in 0..8 {
            let files = &files;
            scope.spawn(move || {
                for turn in 0..5 {
                    files.add(&addition(&format!("p{writer}-{turn}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(files.shared().entries().unwrap().len(), 40);
    files.remove();
    assert_eq!(files.text(), "[default]\nregion = us-east-1\n");
}

#[test]
fn a_megabyte_is_no_trouble() {
    let mut text = Vec::new();
    for n in 0..30_000 {
        text.extend(format!("[profile p{n}]\r\nregion = r{n}\r\n# \u{e9}\r\n").bytes());
        text.extend([0xff, 0xfe, b'\r', b'\n']);
    }
    assert!(text.len() > 900_000);
    let files = Files::with(&text);
    files.add(&forced("p777")).unwrap();
    files.add(&addition("example")).unwrap();
    files.remove();
    assert_eq!(files.bytes(), text);
}

/// Lines of which config files are made, and of which they should not be.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => Just(b"[profile example]".to_vec()),
        1 => Just(b"[ profile example ]".to_vec()),
        2 => Just(b"[default]".to_vec()),
        1 => Just(b"[sso-session example]".to_vec()),
        1 => Just(b"region = us-east-1".to_vec()),
        1 => Just(b"endpoint_url = http://127.0.0.1:4566".to_vec()),
        1 => Just(b"role_arn: arn:aws:iam::1:role/x".to_vec()),
        1 => Just(b"s3 =".to_vec()),
        1 => Just(b"  addressing_style = path".to_vec()),
        1 => Just(b"# comment".to_vec()),
        2 => Just(Vec::new()),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ]
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let ending = prop_oneof![
        4 => Just(&b"\n"[..]),
        2 => Just(&b"\r\n"[..]),
        1 => Just(&b"\r"[..]),
    ];
    let lines = proptest::collection::vec((any_line(), ending), 0..12);
    (any::<bool>(), lines, any_line()).prop_map(|(mark, lines, last)| {
        let mut file = if mark {
            b"\xef\xbb\xbf".to_vec()
        } else {
            Vec::new()
        };
        for (line, ending) in lines {
            file.extend(line);
            file.extend(ending);
        }
        file.extend(last);
        file
    })
}

fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .map(|line| line.trim_ascii_end().to_vec())
        .filter(|line| !line.is_empty())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adding_and_removing_gives_the_same_bytes_back(
        bytes in any_file(),
        name in prop_oneof![Just("example"), Just("default"), Just("other")],
        force in any::<bool>(),
        is_emulated in any::<bool>(),
    ) {
        let files = Files::with(&bytes);
        let addition = if is_emulated { emulated(name, 1) } else { addition(name) };
        let addition = Addition { force, ..addition };
        match files.add(&addition) {
            Ok(_) => {
                let added = files.bytes();
                prop_assert_ne!(&added, &bytes);
                // Every other line is still there, in its order.
                let mut left = split(&added).into_iter();
                for line in split(&bytes) {
                    let replaced = [b"# keyfob-replaced: ", line.as_slice()].concat();
                    let replaced = replaced.trim_ascii_end();
                    prop_assert!(left.any(|kept| kept == line || kept == replaced));
                }
                prop_assert!(files.add(&addition).unwrap().is_empty());
                prop_assert_eq!(&files.bytes(), &added);
                files.remove();
            }
            Err(SharedConfigError::Taken { .. } | SharedConfigError::Ambiguous { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
        prop_assert_eq!(files.bytes(), bytes);
    }

    #[test]
    fn two_profiles_come_and_go_in_any_order(bytes in any_file(), first_out in any::<bool>()) {
        // The first addition would make the only line ending of it, which the second takes for the file's.
        prop_assume!(!bytes.ends_with(b"\r"));
        let files = Files::with(&bytes);
        files.add(&addition("one")).unwrap();
        files.add(&addition("two")).unwrap();
        for name in if first_out { ["one", "two"] } else { ["two", "one"] } {
            let change = files.shared().plan_remove("Example", Some(name)).unwrap();
            change.apply().unwrap();
        }
        prop_assert_eq!(files.bytes(), bytes);
    }
}

/// What botocore, the AWS CLI's own, makes of the file: settings by profile.
fn as_botocore_reads(file: &Path) -> Value {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../peers/ministack");
    let python = environment.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    assert!(
        python.is_file(),
        "botocore is not installed in {}: run `cargo xtask test`, which installs it",
        environment.display()
    );
    let program = "import json, sys\n\
                   from botocore.configloader import load_config\n\
                   from botocore.compat import compat_shell_split\n\
                   profiles = load_config(sys.argv[1])['profiles']\n\
                   for profile in profiles.values():\n\
                   \x20   if 'credential_process' in profile:\n\
                   \x20       profile['credential_process'] = compat_shell_split(profile['credential_process'])\n\
                   print(json.dumps(profiles))\n";
    let output = Command::new(python)
        .args(["-c", program])
        .arg(file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[cfg(unix)]
#[test]
fn the_aws_cli_reads_it_as_it_is_meant() {
    let command = |program: &str, profile: &str| {
        json!({
            "credential_process": [program, "credential-process", "--profile", profile],
            "region": "eu-west-1",
        })
    };
    let plain = "[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = a\nsso_session =\n  x = y\noutput = json\n\n\
                 [profile a]\ns3 =\n  addressing_style = path\nregion = us-east-1\n\n[sso-session s]\nsso_region = us-east-1";
    for text in [plain.to_owned(), plain.replace('\n', "\r\n"), String::new()] {
        let files = Files::with(&text);
        let program = "/opt/It's (my) dir, 100%/keyfob";
        for (name, profile) in [
            ("new-1", "Example"),
            ("a/b@c:d+e%f_1.2", "Töchter & Co. (#1), 100% it's"),
            ("default", "A b"),
        ] {
            let addition = Addition {
                profile: profile.into(),
                program: program.into(),
                ..forced(name)
            };
            files.add(&addition).unwrap();
        }
        let read = as_botocore_reads(&files.config());
        assert_eq!(read["new-1"], command(program, "Example"));
        assert_eq!(
            read["a/b@c:d+e%f_1.2"],
            command(program, "Töchter & Co. (#1), 100% it's")
        );
        let mut default = command(program, "A b");
        if !text.is_empty() {
            default["output"] = json!("json");
            let a = json!({"s3": {"addressing_style": "path"}, "region": "us-east-1"});
            assert_eq!(read["a"], a);
        }
        assert_eq!(read["default"], default);
        for profile in ["A b", "Töchter & Co. (#1), 100% it's", "Example"] {
            let change = files.shared().plan_remove(profile, None).unwrap();
            change.apply().unwrap();
        }
        assert_eq!(files.text(), text);
    }
}
