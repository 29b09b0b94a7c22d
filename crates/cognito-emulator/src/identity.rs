//! The identity pool.

use std::collections::HashMap;

/// Identities and the credentials issued to them.
#[derive(Default)]
pub(crate) struct Identities {
    /// Identity id to its login (`PROVIDER:SUB`), `None` for a guest.
    pub(crate) by_id: HashMap<String, Option<String>>,
}
