//! Codes a real pool would send by e-mail.

use std::fmt;

/// A code "sent" to a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whom it is for.
    pub username: String,
    /// E-mail address, or the user name when there is none.
    pub destination: String,
    /// What the code is good for.
    pub purpose: Purpose,
    /// Six digits.
    pub code: String,
}

/// What a delivered code is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Confirms a new account; valid for 24 hours.
    SignUp,
    /// Sets a new password; valid for one hour.
    ForgotPassword,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("username", &self.username)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}
