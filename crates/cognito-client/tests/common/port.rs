//! Ports that nobody else takes while a test needs them, for whoever listens there later.
#![allow(unreachable_pub)]

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// A port that is free in both families, outside the range from which systems choose by themselves, and not one that was
/// given before.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap_or_default();
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::SeqCst);
        let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            && TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok();
        if is_free {
            return port;
        }
    }
}
