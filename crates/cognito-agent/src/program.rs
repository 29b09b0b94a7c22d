//! Which program asks, for people to read. Nothing is allowed or refused by it.

#[cfg(target_os = "linux")]
use std::path::Path;

/// A running program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) name: Option<String>,
    pub(crate) pid: Option<u32>,
}

impl Program {
    /// The program a process works for: the `aws` that has run `keyfob credential-process`, and not
    /// Keyfob's own command, nor the shell in between.
    #[cfg(target_os = "linux")]
    pub(crate) fn behind(peer: Option<u32>) -> Self {
        /// `aws`, a shell, `keyfob`: more than a few are not in between.
        const MOST: usize = 8;
        let proc = Path::new("/proc");
        let (mut pid, mut found) = (peer, Self::default());
        for _ in 0..MOST {
            let Some(process) = pid.and_then(|pid| Process::read(proc, pid)) else {
                break;
            };
            found = Self {
                name: process.runs.clone().or(Some(process.name.clone())),
                pid,
            };
            if !process.is_in_between() {
                break;
            }
            pid = process.parent;
        }
        found
    }

    /// The other systems have no interface for this that could be used without unsafe code.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn behind(peer: Option<u32>) -> Self {
        Self {
            name: None,
            pid: peer,
        }
    }
}

/// What Linux tells of a process (proc_pid_stat(5), proc_pid_exe(5), proc_pid_cmdline(5)).
#[cfg(target_os = "linux")]
struct Process {
    name: String,
    parent: Option<u32>,
    /// Whether it was given commands as an argument, as the SDKs that use a shell do.
    one_command: bool,
    /// What `keyfob exec` becomes or has started, for which it asks.
    runs: Option<String>,
}

#[cfg(target_os = "linux")]
impl Process {
    fn read(proc: &Path, pid: u32) -> Option<Self> {
        let folder = proc.join(pid.to_string());
        let stat = std::fs::read(folder.join("stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        // The name may hold anything, parentheses too; what follows the last one does not.
        let (head, rest) = stat.rsplit_once(')')?;
        let comm = head.split_once('(')?.1;
        let parent = rest.split_whitespace().nth(1)?.parse().ok();
        // For a script, the name is the script's and the file the interpreter's; names are cut at 15 bytes.
        let file = std::fs::read_link(folder.join("exe")).ok();
        let file = file.and_then(|file| Some(file.file_name()?.to_string_lossy().into_owned()));
        // What an update has replaced runs on.
        let file = file.map(|file| file.trim_end_matches(" (deleted)").to_owned());
        // Who has started itself anew by /proc/self/exe, as web browsers do for their parts, is called after that link.
        let is_of_file =
            |file: &String| !comm.is_empty() && (file.starts_with(comm) || comm == "exe");
        let name = file.filter(is_of_file);
        let name = name.unwrap_or_else(|| comm.to_owned());
        let arguments = std::fs::read(folder.join("cmdline")).unwrap_or_default();
        let arguments = || arguments.split(|byte| *byte == 0).skip(1);
        let mut words = arguments().skip_while(|argument| argument.starts_with(b"-"));
        let runs = (name == "keyfob" && words.next() == Some(b"exec"))
            .then(|| words.skip_while(|word| *word != b"--").nth(1))
            .flatten()
            .and_then(|program| {
                let program = String::from_utf8_lossy(program).into_owned();
                Some(readable(Path::new(&program).file_name()?.to_str()?))
            });
        Some(Self {
            name: readable(&name),
            runs,
            parent: parent.filter(|parent| *parent > 1),
            one_command: arguments().any(|argument| argument == b"-c"),
        })
    }

    fn is_in_between(&self) -> bool {
        const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "busybox"];
        self.parent.is_some()
            && self.runs.is_none()
            && (self.name == "keyfob" || self.one_command && SHELLS.contains(&&*self.name))
    }
}

/// As much of a name as people read.
#[cfg(target_os = "linux")]
fn readable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    fn process(folder: &Path, pid: u32, stat: &str, exe: &str, cmdline: &[u8]) -> Process {
        let entry = folder.join(pid.to_string());
        fs::create_dir(&entry).unwrap();
        fs::write(entry.join("stat"), stat).unwrap();
        fs::write(entry.join("cmdline"), cmdline).unwrap();
        std::os::unix::fs::symlink(exe, entry.join("exe")).unwrap();
        Process::read(folder, pid).unwrap()
    }

    #[test]
    fn a_script_has_its_own_name_and_a_long_name_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let aws = process(
            folder.path(),
            20,
            "20 (aws) S 7 20 7 0",
            "/usr/bin/python3.11",
            b"/usr/bin/python3\0/usr/bin/aws\0s3\0ls\0",
        );
        assert_eq!((&*aws.name, aws.parent), ("aws", Some(7)));
        assert!(!aws.is_in_between());
        let long = process(
            folder.path(),
            21,
            "21 (terraform-provi) S 20 20 7 0",
            "/opt/terraform-provider-aws_v6",
            b"terraform-provider-aws_v6\0",
        );
        assert_eq!(long.name, "terraform-provider-aws_v6");
        let anew = process(folder.path(), 23, "23 (exe) S 20 20", "/opt/code/code", b"");
        assert_eq!(anew.name, "code");
        let odd = process(folder.path(), 22, "22 (a) (b\n) S 1 1", "/x", b"");
        assert_eq!((&*odd.name, odd.parent), ("a) (b", None));
    }

    #[test]
    fn keyfob_and_a_shell_with_one_command_are_in_between() {
        let folder = tempfile::tempdir().unwrap();
        let read = |pid, comm: &str, cmdline: &[u8]| {
            process(
                folder.path(),
                pid,
                &format!("{pid} ({comm}) S 9 9"),
                &format!("/usr/bin/{comm}"),
                cmdline,
            )
        };
        assert!(read(30, "keyfob", b"keyfob\0credential-process\0").is_in_between());
        assert!(read(31, "dash", b"sh\0-c\0keyfob credential-process\0").is_in_between());
        assert!(!read(32, "bash", b"-bash\0").is_in_between());
        assert!(!read(33, "python3", b"python3\0-c\0import boto3\0").is_in_between());
        let exec = b"keyfob\0exec\0--server\0Local demo\0--\0/usr/bin/terraform\0plan\0";
        let exec = read(34, "keyfob", exec);
        assert!(!exec.is_in_between());
        assert_eq!(exec.runs.as_deref(), Some("terraform"));
    }

    #[test]
    fn this_very_process_has_a_name() {
        let program = Program::behind(Some(std::process::id()));
        assert_eq!(program.pid, Some(std::process::id()));
        assert!(program.name.unwrap().starts_with("cognito_agent"));
    }
}
