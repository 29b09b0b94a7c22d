//! Start-up and memory: the app against the least a Tauri app can be.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::figures::{Series, limit, table};
use super::released;
use crate::process::{Result, Running, Sink, root, target, wait_for};

const LIMIT_TIME: f64 = 1.25;
const LIMIT_MEMORY: f64 = 1.15;
/// Milliseconds of processor time in five seconds of a window nobody uses, programs on: a thousandth of one core.
const LIMIT_IDLE: f64 = 5.;
const IDLE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);
/// What both programs print when their page has told them that it has painted.
const PAINTED: &str = "the page is painted";

/// What is measured of one program.
struct Program {
    path: &'static str,
    time: Series,
    pss: Series,
    rss: Series,
    idle: Series,
}

impl Program {
    fn new(path: &'static str, name: &'static str) -> Self {
        Self {
            path,
            time: Series::new(name, "ms"),
            pss: Series::new(name, "MiB"),
            rss: Series::new(name, "MiB"),
            idle: Series::new(name, "ms"),
        }
    }

    fn start(&mut self, display: &str, counts: bool) -> Result {
        let mut command = Command::new(released(self.path));
        command
            .env("DISPLAY", format!(":{display}"))
            .env("GDK_BACKEND", "x11")
            .env_remove("WAYLAND_DISPLAY")
            .env("KEYFOB_LOG", "keyfob_desktop=info")
            .env(
                "KEYFOB_PROFILE_FILE",
                root().join("crates/cognito-client/src/local-demo.toml"),
            );
        let (process, took) = Started::until_painted(command)?;
        let memory = process.idle_memory()?;
        let idle = process.idle_time()?;
        if counts {
            self.time.push(took.as_secs_f64() * 1_000.);
            self.pss.push(memory.pss);
            self.rss.push(memory.rss);
            self.idle.push(idle);
        }
        Ok(())
    }
}

pub(super) fn measure(runs: u16) -> Result {
    let logs = target().join("bench");
    fs::create_dir_all(&logs)?;
    let mut xvfb = Command::new("Xvfb");
    xvfb.args([
        "-displayfd",
        "1",
        "-screen",
        "0",
        "1600x1000x24",
        "-nolisten",
        "tcp",
    ]);
    let mut xvfb = Running::start("Xvfb", xvfb, Sink::Log(logs.join("xvfb.log")))?;
    let display = xvfb.announced("the display number", |line| {
        line.parse::<u32>().ok().map(|number| number.to_string())
    })?;
    let mut openbox = Command::new("openbox");
    openbox.env("DISPLAY", format!(":{display}"));
    let _openbox = Running::start("openbox", openbox, Sink::Log(logs.join("openbox.log")))?;

    let mut keyfob = Program::new("keyfob-desktop", "Keyfob");
    let mut bare = Program::new("examples/bare-window", "a bare Tauri window");
    for turn in 0..=runs {
        keyfob.start(&display, turn > 0)?;
        bare.start(&display, turn > 0)?;
    }
    table("exec to page painted", &[&keyfob.time, &bare.time]);
    let time = limit("  ratio", keyfob.time.times(&bare.time), LIMIT_TIME, "");
    table(
        "memory of the idle process tree (PSS)",
        &[&keyfob.pss, &bare.pss],
    );
    let pss = limit("  ratio", keyfob.pss.times(&bare.pss), LIMIT_MEMORY, "");
    table(
        "the same, what is shared counted for each (RSS)",
        &[&keyfob.rss, &bare.rss],
    );
    let rss = limit("  ratio", keyfob.rss.times(&bare.rss), LIMIT_MEMORY, "");
    table(
        "processor time of the idle process tree, in 5 s",
        &[&keyfob.idle, &bare.idle],
    );
    let idle = limit("  Keyfob, median", keyfob.idle.median(), LIMIT_IDLE, " ms");
    time.and(pss).and(rss).and(idle)
}

/// A started program, ended with this value together with what it started.
struct Started(Child);

impl Started {
    fn until_painted(mut command: Command) -> Result<(Self, Duration)> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let begin = Instant::now();
        let mut process = Self(command.spawn()?);
        let said = process.0.stderr.take().ok_or("it has no stderr")?;
        let (tell, told) = mpsc::channel();
        // Reads on to the end: a full pipe would hold the program up.
        std::thread::spawn(move || {
            for line in BufReader::new(said).lines().map_while(io::Result::ok) {
                let _ = tell.send((line, Instant::now()));
            }
        });
        let mut lines = Vec::new();
        while let Ok((line, at)) = told.recv_timeout(PATIENCE) {
            if line.contains(PAINTED) {
                return Ok((process, at - begin));
            }
            lines.push(line);
        }
        let program = command.get_program().display();
        Err(format!("{program} has not painted: {}", lines.join("\n")).into())
    }

    /// Its memory once the whole tree has used no processor for a second.
    fn idle_memory(&self) -> Result<Memory> {
        let mut since = (0, Instant::now());
        wait_for("an idle window", PATIENCE, || {
            let tree = tree(self.0.id())?;
            let ticks = tree.iter().map(|process| process.ticks).sum();
            if since.0 != ticks {
                since = (ticks, Instant::now());
            }
            if since.1.elapsed() < Duration::from_secs(1) {
                return Ok(None);
            }
            Memory::of(&tree).map(Some)
        })
    }

    /// Milliseconds of processor time that the tree takes in [`IDLE`]: the least of three times in a row, because the
    /// web view collects garbage for some seconds after it has loaded its page.
    fn idle_time(&self) -> Result<f64> {
        let mut least = f64::INFINITY;
        for _ in 0..3 {
            let before = processor_time(&tree(self.0.id())?)?;
            let begin = Instant::now();
            wait_for("nothing", PATIENCE, || {
                Ok((begin.elapsed() >= IDLE).then_some(()))
            })?;
            let after = processor_time(&tree(self.0.id())?)?;
            // Thread by thread: one that has ended takes nothing of the others away, one that is new counts.
            let spent = after
                .iter()
                .map(|(thread, after)| after - before.get(thread).unwrap_or(&0.));
            least = least.min(spent.sum());
        }
        Ok(least)
    }
}

/// In milliseconds, of each thread (proc(5), `/proc/PID/task/TID/schedstat`).
fn processor_time(tree: &[Process]) -> Result<HashMap<PathBuf, f64>> {
    let mut all = HashMap::new();
    for process in tree {
        for thread in fs::read_dir(format!("/proc/{}/task", process.pid))
            .into_iter()
            .flatten()
        {
            let thread = thread?.path();
            let stat = fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
            let nanoseconds: f64 = stat
                .split(' ')
                .next()
                .unwrap_or_default()
                .parse()
                .unwrap_or(0.);
            all.insert(thread, nanoseconds / 1e6);
        }
    }
    Ok(all)
}

impl Drop for Started {
    fn drop(&mut self) {
        let left = tree(self.0.id()).unwrap_or_default();
        let _ = self.0.kill();
        let _ = self.0.wait();
        // The web view's processes end by themselves, and are not to slow down what is started next.
        let _ = wait_for("the web view to end", PATIENCE, || {
            let gone = |one: &Process| !fs::exists(format!("/proc/{}", one.pid)).unwrap_or(false);
            Ok(left.iter().all(gone).then_some(()))
        });
    }
}

struct Process {
    pid: u32,
    parent: u32,
    /// Processor time used, in clock ticks.
    ticks: u64,
}

/// A process and all that descend from it (proc(5), /proc/PID/stat).
fn tree(root: u32) -> Result<Vec<Process>> {
    let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let stat = fs::read_to_string(entry?.path().join("stat")).unwrap_or_default();
        if let Some(process) = parse(&stat) {
            children.entry(process.parent).or_default().push(process);
        }
    }
    let mut tree: Vec<_> = children
        .values()
        .flatten()
        .filter(|process| process.pid == root)
        .map(|process| Process { ..*process })
        .collect();
    let mut next = 0;
    while let Some(process) = tree.get(next) {
        tree.extend(children.remove(&process.pid).unwrap_or_default());
        next += 1;
    }
    Ok(tree)
}

/// The name, in brackets, may hold anything; what follows its last bracket does not.
fn parse(stat: &str) -> Option<Process> {
    let (before, after) = stat.rsplit_once(')')?;
    let fields: Vec<_> = after.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process {
        pid: before.split_once(' ')?.0.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        ticks: number(11)? + number(12)?,
    })
}

/// In MiB.
struct Memory {
    pss: f64,
    rss: f64,
}

impl Memory {
    fn of(tree: &[Process]) -> Result<Self> {
        let mut sum = Self { pss: 0., rss: 0. };
        for process in tree {
            let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid))?;
            let mebibytes = |name: &str| {
                let line = rollup.lines().find_map(|line| line.strip_prefix(name));
                let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
                kib.map(|kib: f64| kib / 1024.)
                    .ok_or_else(|| format!("no {name} of process {}", process.pid))
            };
            sum.pss += mebibytes("Pss:")?;
            sum.rss += mebibytes("Rss:")?;
        }
        Ok(sum)
    }
}
