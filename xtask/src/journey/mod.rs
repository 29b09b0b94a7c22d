//! The whole journey with no person and no pretence: real window, real browser, real keychain, real deep link.

mod desktop;
mod files;
mod organisations;
#[path = "../../../crates/cognito-client/tests/common/port.rs"]
mod port;
mod screen;
mod stage;
mod steps;

use std::time::Instant;

use crate::demo::pictures;
use crate::process::Result;
use stage::Stage;

/// The hidden command that runs inside the private session.
pub(crate) const JOURNEY: &str = "journey";

type Step = fn(&mut Stage) -> Result;

/// Makes every step in turn, one line each, and stops at the first that fails.
pub(crate) fn journey() -> Result {
    let begin = Instant::now();
    let mut stage = Stage::set()?;
    println!(
        "     {:<72} {:>6} ms",
        "display, browser, emulator and API are up",
        begin.elapsed().as_millis()
    );
    for (name, step) in steps::STEPS {
        let start = Instant::now();
        let outcome = step(&mut stage);
        let (mark, milliseconds) = (
            if outcome.is_ok() { "ok  " } else { "FAIL" },
            start.elapsed().as_millis(),
        );
        println!("{mark} {name:<72} {milliseconds:>6} ms");
        if let Err(error) = outcome {
            let picture = pictures().join("failed.png");
            let seen = stage.display.screenshot(&picture);
            let seen = seen.map_or_else(|e| e.to_string(), |()| picture.display().to_string());
            return Err(format!(
                "{name}: {error}\n  what could be seen: {seen}\n  what was said: {}",
                logs()
            )
            .into());
        }
    }
    println!("     pictures in {}", pictures().display());
    Ok(())
}

fn logs() -> String {
    pictures().join("logs").display().to_string()
}
