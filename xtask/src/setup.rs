//! What the build and the tests need on this machine, installed when it is missing.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::process::{self, Result, find, npm, root, target, variable};

/// How much is to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Enough to build the app and open it.
    Build,
    /// Also a display, a browser and a keyring for the journey with no person.
    Headless,
    /// Also the programs of others that the tests compare with.
    Test,
}

const BUILD_PACKAGES: &[&str] = &[
    "libwebkit2gtk-4.1-dev",
    "build-essential",
    "pkg-config",
    "xdg-utils",
    "desktop-file-utils",
];

const HEADLESS_PACKAGES: &[&str] = &[
    "xvfb",
    "xclip",
    "xdotool",
    "dbus",
    "dbus-x11",
    "gnome-keyring",
    "libsecret-tools",
    "libglib2.0-bin",
    "webkit2gtk-driver",
    "imagemagick",
    "openbox",
    "fonts-dejavu-core",
    "dunst",
    "xfce4-panel",
    "python3-gi",
    "gir1.2-gtk-3.0",
];

/// Left out when a Chrome and its driver are there already.
const BROWSER_PACKAGES: &[&str] = &["chromium", "chromium-driver"];

/// `faketime` moves the clock of the others for a job of hours.
const TEST_PACKAGES: &[&str] = &["python3-venv", "rclone", "faketime", "fish", "zsh"];

const FILE_PEERS_PACKAGES: &[&str] = &["python3-venv", "rclone"];

/// The Nodes that Vite runs on, in words and in [`runs_vite`].
const NODE: &str = "20.19 or newer (of 22, 22.12 or newer)";

/// Installs what is missing; does nothing, in a blink, when nothing is.
pub(crate) fn setup(scope: Scope) -> Result {
    tools()?;
    if cfg!(target_os = "linux") {
        packages(scope)?;
    } else if scope == Scope::Headless {
        return Err(
            "the journey without a person needs Linux: it drives WebKitGTK under Xvfb".into(),
        );
    }
    user_interface()?;
    if scope == Scope::Test {
        peers()
    } else {
        Ok(())
    }
}

/// What no package manager of ours can install.
fn tools() -> Result {
    let mut missing = Vec::new();
    if find("git").is_none() {
        missing.push("git: https://git-scm.com/downloads".to_owned());
    }
    let node = process::output(Command::new("node").arg("--version")).ok();
    if !node.as_deref().and_then(version).is_some_and(runs_vite) {
        let found = node.map_or_else(
            || "none is installed".to_owned(),
            |v| format!("{v} is installed"),
        );
        missing.push(format!(
            "Node {NODE}, {found}: https://nodejs.org/en/download"
        ));
    } else if process::output(&mut npm(root(), &["--version"])).is_err() {
        missing.push("npm, which comes with Node: https://nodejs.org/en/download".to_owned());
    }
    if cfg!(target_os = "macos") && process::output(Command::new("xcode-select").arg("-p")).is_err()
    {
        missing.push("the Xcode command-line tools: xcode-select --install".to_owned());
    }
    if cfg!(windows) {
        // rustc finds the linker through the registry, so only a link tells whether it is there: it is named, not tested.
        let runtime = Path::new(r"C:\Program Files (x86)\Microsoft\EdgeWebView\Application");
        if !runtime.is_dir() {
            missing.push(
                "the WebView2 runtime: https://developer.microsoft.com/microsoft-edge/webview2\n  \
                 (and, for Rust, the MSVC build tools: https://visualstudio.microsoft.com/visual-cpp-build-tools)"
                    .to_owned(),
            );
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("Missing on this machine:\n  {}", missing.join("\n  ")).into())
    }
}

/// Major and minor of `v20.19.2`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// `engines` of Vite: `^20.19.0 || >=22.12.0`.
fn runs_vite(node: (u32, u32)) -> bool {
    matches!(node, (20, 19..) | (22, 12..) | (23.., _))
}

/// Debian's and Ubuntu's packages.
fn packages(scope: Scope) -> Result {
    let mut wanted = BUILD_PACKAGES.to_vec();
    if scope != Scope::Build {
        wanted.extend(HEADLESS_PACKAGES);
        if browser().is_none() || find("chromedriver").is_none() {
            let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
            if system.lines().any(|line| line == "ID=ubuntu") {
                return Err("Ubuntu's Chromium is a snap, which cannot run in a session of its own.\n\
                     Install Google Chrome (https://www.google.com/chrome) and, of the same version, chromedriver\n\
                     (https://googlechromelabs.github.io/chrome-for-testing)."
                    .into());
            }
            wanted.extend(BROWSER_PACKAGES);
        }
    }
    if scope == Scope::Test {
        wanted.extend(TEST_PACKAGES);
    }
    install(&wanted)
}

fn install(wanted: &[&str]) -> Result {
    if find("dpkg-query").is_none() {
        println!(
            "This is not Debian or Ubuntu. Install what these packages are called here, if you have not:"
        );
        println!("  {}", wanted.join(" "));
        return Ok(());
    }
    let missing = missing_packages(wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    let is_root = process::output(Command::new("id").arg("-u"))? == "0";
    let unattended = variable("CI").is_some_and(|ci| ci == "true");
    let install = ["apt-get", "install", "-y", "--no-install-recommends"];
    let line = format!(
        "sudo apt-get update && sudo {} {}",
        install.join(" "),
        missing.join(" ")
    );
    if !is_root && !unattended {
        confirm(&line)?;
    }
    let apt = |words: &[&str]| {
        let mut command = Command::new(if is_root { words[0] } else { "sudo" });
        match (is_root, unattended) {
            (true, _) => command.args(&words[1..]),
            (false, true) => command.arg("-n").args(words),
            (false, false) => command.args(words),
        };
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    process::run("apt-get update", &mut apt(&["apt-get", "update"]))?;
    let what = format!("apt-get install {}", missing.join(" "));
    process::run(&what, apt(&install).args(&missing))
}

/// The browser the journey signs in with.
pub(crate) fn browser() -> Option<PathBuf> {
    ["chromium", "google-chrome", "google-chrome-stable"]
        .iter()
        .find_map(|name| find(name))
}

fn missing_packages<'a>(wanted: &[&'a str]) -> Result<Vec<&'a str>> {
    // Ends with 1 when it does not know one of them, having printed the others all the same.
    let known = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status} ${Package}\n"])
        .args(wanted)
        .output()?;
    let known = String::from_utf8_lossy(&known.stdout).into_owned();
    let there = |package: &str| {
        known
            .lines()
            .any(|l| l.strip_prefix("installed ").is_some_and(|p| p == package))
    };
    Ok(wanted
        .iter()
        .copied()
        .filter(|package| !there(package))
        .collect())
}

fn confirm(line: &str) -> Result {
    println!("System packages are missing. This installs them:\n\n  {line}\n");
    let refused = "Run that line, then this command again.";
    if !io::stdin().is_terminal() {
        return Err(refused.into());
    }
    print!("Run it now? [Y/n] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "" | "y" | "Y" | "yes" => Ok(()),
        _ => Err(refused.into()),
    }
}

/// The web page's packages, and the page itself, which the app embeds.
fn user_interface() -> Result {
    let ui = root().join("ui");
    let modified = |path: PathBuf| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    // npm writes its own copy of the lock file last.
    let installed = modified(ui.join("node_modules/.package-lock.json"));
    if installed.is_none() || installed < modified(ui.join("package-lock.json")) {
        process::run(
            "npm ci in ui",
            &mut npm(&ui, &["ci", "--no-audit", "--no-fund"]),
        )?;
    }
    let built = modified(ui.join("dist/index.html"));
    if built.is_none() || built < newest(&ui) {
        process::run("npm run build in ui", &mut npm(&ui, &["run", "build"]))?;
    }
    Ok(())
}

/// When the newest source of the page was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.filter_map(io::Result::ok);
    entries
        .filter(|entry| !matches!(entry.file_name().to_str(), Some("dist" | "node_modules")))
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            if meta.is_dir() {
                newest(&entry.path())
            } else {
                meta.modified().ok()
            }
        })
        .max()
}

/// Programs nobody here wrote, against which the tests hold the emulator, the client and the verifier.
fn peers() -> Result {
    let peers = target().join("peers");
    let emulator = root().join("crates/cognito-emulator/tests/peers");
    python(&peers.join("venv"), &emulator.join("requirements.txt"))?;
    python(
        &peers.join("ministack"),
        &root().join("crates/cognito-aws/tests/peers/requirements.txt"),
    )?;
    python(
        &peers.join("verifier"),
        &root().join("crates/cognito-verifier/tests/peers/requirements.txt"),
    )?;
    let tools = root().join("crates/cognito-cli/tests/peers");
    python(&peers.join("tools"), &tools.join("requirements.txt"))?;
    node(&peers.join("sdk"), &tools)?;
    node(&peers.join("node"), &emulator)
}

/// A folder with exactly the packages that another one's lock file names.
fn node(environment: &Path, of: &Path) -> Result {
    let (manifest, lock) = (of.join("package.json"), of.join("package-lock.json"));
    if !lock.is_file() {
        return Ok(());
    }
    once(
        "npm ci of the test peers",
        environment,
        &[manifest.clone(), lock.clone()],
        || {
            fs::create_dir_all(environment)?;
            fs::copy(&manifest, environment.join("package.json"))?;
            fs::copy(&lock, environment.join("package-lock.json"))?;
            process::run(
                "npm ci of the test peers",
                &mut npm(environment, &["ci", "--no-audit", "--no-fund"]),
            )
        },
    )
}

/// The programs that `bench files` compares with. All but rclone, which is the system's, are in the folder.
pub(crate) fn file_peers() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        install(FILE_PEERS_PACKAGES)?;
    }
    let environment = target().join("peers/files");
    python(
        &environment,
        &root().join("benches/files-peers/requirements.txt"),
    )?;
    Ok(environment)
}

/// A Python environment with exactly the packages a file names.
fn python(environment: &Path, requirements: &Path) -> Result {
    if !requirements.is_file() {
        return Ok(());
    }
    let name = environment
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    once(&name, environment, &[requirements.to_owned()], || {
        let python = if cfg!(windows) { "python" } else { "python3" };
        let what = format!("python environment {name}");
        process::run(
            &what,
            Command::new(python)
                .args(["-m", "venv", "--clear"])
                .arg(environment),
        )?;
        let inner = environment.join(if cfg!(windows) {
            "Scripts/python.exe"
        } else {
            "bin/python"
        });
        let mut pip = Command::new(inner);
        pip.args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "-r",
        ])
        .arg(requirements);
        process::run(&format!("pip install for {name}"), &mut pip)
    })
}

/// Makes `folder` from `inputs` unless it was made from the very same inputs before.
fn once(what: &str, folder: &Path, inputs: &[PathBuf], make: impl FnOnce() -> Result) -> Result {
    let mut contents = Vec::new();
    for input in inputs {
        contents.extend(
            fs::read(input)
                .map_err(|e| format!("{what}: {} cannot be read: {e}", input.display()))?,
        );
    }
    // Inside the folder, so that it goes with it.
    let stamp = folder.join(".made-from");
    if fs::read(&stamp).is_ok_and(|made_from| made_from == contents) {
        return Ok(());
    }
    make()?;
    Ok(fs::write(stamp, contents)?)
}

#[cfg(test)]
mod tests {
    use super::{runs_vite, version};

    #[test]
    fn reads_what_node_prints() {
        assert_eq!(version("v20.19.2\n"), Some((20, 19)));
        assert_eq!(version("nonsense"), None);
    }

    #[test]
    fn knows_the_nodes_vite_refuses() {
        let run = [(20, 19), (22, 12), (23, 0), (24, 3)];
        let refused = [(18, 20), (20, 9), (21, 7), (22, 11)];
        assert!(run.into_iter().all(runs_vite));
        assert!(!refused.into_iter().any(runs_vite));
    }
}
