//! The person's browser.

use std::process::{Command, Stdio};

use url::Url;

/// Opens it with this address; whether that worked. `$BROWSER` comes before the system's choice: a list of
/// commands separated by colons, the first of which that starts is taken, in which `%s` is the address
/// (as xdg-open(1) has it).
pub(crate) fn open(url: &Url) -> bool {
    let named = std::env::var_os("BROWSER").unwrap_or_default();
    let named = named.to_string_lossy();
    let by_name = named.split(if cfg!(windows) { ';' } else { ':' });
    by_name
        .filter(|command| !command.trim().is_empty())
        .any(|command| starts(command, url))
        || open::that_detached(url.as_str()).is_ok()
}

fn starts(command: &str, url: &Url) -> bool {
    let mut words = command.split_whitespace();
    let Some(program) = words.next() else {
        return false;
    };
    let mut started = Command::new(program);
    let mut named = false;
    for word in words {
        named |= word.contains("%s");
        started.arg(word.replace("%s", url.as_str()));
    }
    if !named {
        started.arg(url.as_str());
    }
    // What it prints is not for whoever reads this command's output.
    started
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}
