//! What shells and `man` are told about this command.

use std::io::{self, Write as _};
use std::path::Path;

use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::Failure;

pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    // In memory first: the generator takes a closed pipe for a mistake of its own.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::definition(), "keyfob", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(())
}

/// One page for each command: `keyfob.1`, `keyfob-exec.1` and so on.
pub(crate) fn pages(folder: &Path) -> Result<(), Failure> {
    clap_mangen::generate_to(Arguments::definition(), folder).map_err(|error| {
        Failure::failed(
            format!(
                "the pages cannot be written into {}: {error}",
                folder.display()
            ),
            "Name a folder that is there and that you may write to.",
        )
    })
}
