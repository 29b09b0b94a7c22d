//! Files in S3, against the emulator: what can be done with them, and what is refused.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod browse;
mod change;
mod download;
mod interrupted;
mod room;
mod settled;
mod upload;
