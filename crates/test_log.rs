//! What the tests of a program log, at every level, for `cargo xtask test` to look through for secrets.
//!
//! Included by the tests' common modules by its path.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, Once};

/// Logs everything to a file in the folder that `KEYFOB_TEST_LOG` names; without it, nothing and nowhere.
pub fn start() {
    start_with("trace");
}

/// The same, with a filter for programs that would have too much to say.
pub fn start_with(filter: &str) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Some(folder) = std::env::var_os("KEYFOB_TEST_LOG") else {
            return;
        };
        let program = std::env::current_exe().unwrap();
        let program = program.file_stem().unwrap().to_string_lossy().into_owned();
        let name = format!("{program}-{}.log", std::process::id());
        let file = File::create(Path::new(&folder).join(name)).unwrap();
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .try_init();
        // A test that looks into the log itself has taken it.
        drop(log);
    });
}
