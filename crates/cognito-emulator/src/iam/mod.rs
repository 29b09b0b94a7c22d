//! IAM roles: what a session may do, and who may become one.

mod condition;
mod pattern;
mod policy;
mod role;

pub(crate) use policy::{Facts, Policy};
pub use role::Role;
pub(crate) use role::{CheckedRole, Principal, Roles};
