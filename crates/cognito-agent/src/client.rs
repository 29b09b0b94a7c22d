//! The end that asks: blocking, without a runtime, because it is over in a millisecond.

use std::io;
use std::time::{Duration, Instant};

use crate::place::Place;
use crate::protocol::{Answer, Request, read_line, write_line};

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// Nobody of this user listens: the app is not running, or has been told not to answer.
    #[error("the Keyfob app does not answer programs")]
    NoAgent,
    /// There was no answer in time. Whatever had begun is finished by the app.
    #[error("the Keyfob app did not answer in time")]
    TimedOut,
}

/// Asks the agent at `place`, and waits for this long at most.
///
/// # Errors
/// [`AskError`].
pub fn ask(place: &Place, request: &Request, patience: Duration) -> Result<Answer, AskError> {
    let until = Instant::now() + patience;
    in_time(place, request, until).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => AskError::TimedOut,
        // One that goes away or says something else is as good as none.
        _ => AskError::NoAgent,
    })
}

#[cfg(unix)]
use converse as in_time;

/// In a thread, because a pipe of Windows knows no time-outs. It ends with the process at the latest.
#[cfg(windows)]
fn in_time(place: &Place, request: &Request, until: Instant) -> io::Result<Answer> {
    use std::sync::mpsc::{self, RecvTimeoutError};

    let (answered, answer) = mpsc::channel();
    let (place, request) = (place.clone(), request.clone());
    std::thread::spawn(move || answered.send(converse(&place, &request, until)));
    let left = until.saturating_duration_since(Instant::now());
    answer.recv_timeout(left).unwrap_or_else(|none| {
        Err(match none {
            RecvTimeoutError::Timeout => io::ErrorKind::TimedOut.into(),
            RecvTimeoutError::Disconnected => io::ErrorKind::BrokenPipe.into(),
        })
    })
}

fn converse(place: &Place, request: &Request, until: Instant) -> io::Result<Answer> {
    let mut connection = place.connect(until)?;
    write_line(&mut connection, request)?;
    read_line(connection)
}
