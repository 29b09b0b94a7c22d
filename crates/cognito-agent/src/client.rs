//! The end that asks: blocking, without a runtime, because it is over in a millisecond.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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
    let (answered, answer) = mpsc::channel();
    let (place, request) = (place.clone(), request.clone());
    // In a thread, because a pipe of Windows knows no time-outs. It ends with the process at the latest.
    thread::spawn(move || answered.send(converse(&place, &request)));
    match answer.recv_timeout(patience) {
        Ok(Ok(answer)) => Ok(answer),
        // One that goes away or says something else is as good as none.
        Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(AskError::NoAgent),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(AskError::TimedOut),
    }
}

fn converse(place: &Place, request: &Request) -> io::Result<Answer> {
    let mut connection = place.connect()?;
    write_line(&mut connection, request)?;
    read_line(connection)
}
