#![doc = include_str!("../README.md")]

mod answer;
mod client;
mod ledger;
mod place;
mod program;
mod protocol;
mod server;

pub use answer::{Account, answer, answer_at_hand};
pub use client::{AskError, ask};
pub use ledger::{HandingOut, SignInWanted};
pub use place::Place;
pub use protocol::{
    Answer, CallerIdentity, Credentials, Request, SignedIn, Status, Want, read_line, write_line,
};
pub use server::{Agent, AgentError};

/// Keyfob's name towards the system: of the app, and of the items in the keychain that the app and the
/// `keyfob` command share.
pub const IDENTIFIER: &str = "dev.keyfob.desktop";
