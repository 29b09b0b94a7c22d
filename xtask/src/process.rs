//! Programs this one runs: to the end, or beside it until they are ended by their pid.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The folder with the workspace's Cargo.toml.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask/ lies in the workspace")
}

/// Where cargo puts what it builds, and this program its environments and pictures.
pub(crate) fn target() -> PathBuf {
    variable("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A program that cargo built, in its debug profile.
pub(crate) fn built(name: &str) -> PathBuf {
    target()
        .join("debug")
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

/// This very program, to be started once more.
///
/// Linux names it by its process: a build meanwhile may have put another file in the place of the one it came from.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(format!("/proc/{}/exe", std::process::id()).into())
    } else {
        std::env::current_exe()
    }
}

/// An environment variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Where `PATH` finds a program.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let file = Path::new(program).with_extension(std::env::consts::EXE_EXTENSION);
    std::env::split_paths(&variable("PATH")?)
        .map(|dir| dir.join(&file))
        .find(|path| path.is_file())
}

/// npm's command file has another name on Windows.
pub(crate) fn npm(folder: &Path, arguments: &[&str]) -> Command {
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(folder).args(arguments);
    npm
}

/// cargo itself, in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(arguments);
    cargo
}

/// Says what is done, does it with the program's own output below, and says how long it took.
pub(crate) fn run(what: &str, command: &mut Command) -> Result {
    println!("== {what}");
    let start = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|e| cannot_start(command, &e))?;
    let seconds = start.elapsed().as_secs_f32();
    if !status.success() {
        return Err(format!(
            "{what}: {} ended with {status} after {seconds:.1} s",
            name_of(command)
        )
        .into());
    }
    println!("== {what}: {seconds:.1} s");
    Ok(())
}

/// What a short command prints; its own words on stderr are the error when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| cannot_start(command, &e))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "{} ended with {}: {}",
            name_of(command),
            output.status,
            said.trim()
        )
        .into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn name_of(command: &Command) -> String {
    Path::new(command.get_program())
        .file_name()
        .unwrap_or_else(|| OsStr::new("?"))
        .to_string_lossy()
        .into_owned()
}

fn cannot_start(command: &Command, error: &io::Error) -> String {
    format!("{} cannot be started: {error}", name_of(command))
}

/// Polls another process for a condition until it holds or `deadline` has passed.
///
/// An error of the probe counts as "not yet" and is quoted when the deadline passes.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that waits for what cannot announce itself"
)]
pub(crate) fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        let last = match probe() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => String::new(),
            Err(error) => format!(" (last: {error})"),
        };
        if start.elapsed() > deadline {
            return Err(format!("waited {} s in vain for {what}{last}", deadline.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Lets a millisecond pass, for whoever watches a process that cannot announce itself.
#[expect(clippy::disallowed_methods, reason = "there is no event to wait for")]
pub(crate) fn a_moment() {
    std::thread::sleep(Duration::from_millis(1));
}

/// Where the lines of a running program go besides this program's memory.
pub(crate) enum Sink {
    /// Before the eyes of the person, each line with the program's name.
    Terminal,
    /// A file to read after a failure.
    Log(PathBuf),
}

/// A program that runs beside this one and is ended with it.
pub(crate) struct Running {
    name: String,
    child: Child,
    /// Kept open: a program started with `--exit-with-parent-stdin` ends when this closes, however we ended.
    stdin: Option<ChildStdin>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Running {
    pub(crate) fn start(name: &str, mut command: Command, sink: Sink) -> Result<Self> {
        let (reader, writer) = io::pipe()?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()
            .map_err(|e| cannot_start(&command, &e))?;
        // The command holds the pipe's other end: the reader would wait for it for ever.
        drop(command);
        let mut running = Self {
            name: name.to_owned(),
            child,
            stdin: None,
            lines: Arc::default(),
        };
        running.stdin = running.child.stdin.take();
        let lines = Arc::clone(&running.lines);
        let prefix = name.to_owned();
        let mut file = match sink {
            Sink::Terminal => None,
            Sink::Log(path) => Some(File::create(path)?),
        };
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(io::Result::ok) {
                match &mut file {
                    None => println!("{prefix:>9} | {line}"),
                    Some(file) => drop(writeln!(file, "{line}")),
                }
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Ok(running)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Gives a program its whole standard input and closes it.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result {
        Ok(self
            .stdin
            .take()
            .ok_or("its input is closed already")?
            .write_all(input)?)
    }

    /// What `found` makes of the first line it knows, as soon as that is printed.
    pub(crate) fn announced<T>(
        &mut self,
        what: &str,
        found: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let what = format!("{what} from {}", self.name);
        let mut ended = None;
        let announced = wait_for(&what, Duration::from_secs(60), || {
            if let Some(found) = self.lines().iter().find_map(|line| found(line)) {
                return Ok(Some(Ok(found)));
            }
            // Looked at once more after it has ended: its last words may not have been read yet.
            let last_look = ended.is_some();
            ended = self.child.try_wait()?;
            Ok(ended.filter(|_| last_look).map(Err))
        })?;
        let said = || self.lines().join("\n");
        announced.map_err(|status| format!("{} ended with {status}: {}", self.name, said()).into())
    }
}

impl Drop for Running {
    /// Asks it to end, as `kill` does, and makes it end when it has not after five seconds.
    fn drop(&mut self) {
        drop(self.stdin.take());
        if cfg!(unix) && matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("sh")
                .args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()])
                .status();
            let _ = wait_for(
                &format!("{} to end", self.name),
                Duration::from_secs(5),
                || Ok(self.child.try_wait()?),
            );
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
