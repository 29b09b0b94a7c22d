//! S3 as AWS's own SDK for Rust sees it.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod faults;
mod objects;
mod parts;
mod versions;

use cognito_emulator::{Bucket, Config, Role};
use serde_json::json;

pub(crate) const BUCKET: &str = "keyfob-demo";
pub(crate) const MIB: usize = 1024 * 1024;

/// Octets without a pattern that a mistake in order or place would leave unseen.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..4099_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    block.iter().copied().cycle().take(length).collect()
}

/// May do everything in a bucket without versions.
pub(crate) fn wide() -> Config {
    let everything = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" });
    let mut config = Config::demo().with_bucket(Bucket::new("plain"));
    let pool = config.identity_pool.id.clone();
    let role = Role::for_authenticated("arn:aws:iam::123456789012:role/Wide", &pool);
    config.identity_pool.authenticated_role = Some(role.arn.clone());
    config.with_role(role.with_policy(everything))
}
