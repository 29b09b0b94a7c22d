//! The Files room as the page has it: every command through the real IPC and its permissions, the app below it and
//! the far side real. No display is needed.

#![recursion_limit = "256"]
#![allow(clippy::unwrap_used)]

#[path = "../../../crates/test_log.rs"]
mod test_log;

mod dragged;
mod room;
mod world;
