//! What was handed out to whom.

use std::time::SystemTime;

use tokio::sync::watch;

use crate::program::Program;

/// How many are remembered; the oldest go first.
const MOST: usize = 200;

/// One time that something left the app.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandingOut {
    /// When, by the computer's clock.
    pub when: SystemTime,
    /// The program it was for, as far as the system tells. For people to read, not to be relied on: a
    /// program can give itself any name.
    pub program: Option<String>,
    /// That program's process, where the system tells.
    pub pid: Option<u32>,
    /// The profile's name.
    pub profile: String,
    /// What it was: `AWS credentials`, `access token` or `ID token`.
    pub what: &'static str,
    /// The credentials' access key ID, by which CloudTrail names them.
    pub access_key_id: Option<String>,
    /// The role the credentials are for: its ARN, once AWS has said it.
    pub role: Option<String>,
    /// When it expires, in Unix seconds, where it is known.
    pub expires: Option<u64>,
}

/// A program asked for something and got nothing, because nobody is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignInWanted {
    /// When, by the computer's clock.
    pub when: SystemTime,
    /// The program, as in [`HandingOut`].
    pub program: Option<String>,
    /// The profile's name.
    pub profile: String,
}

/// All of it, for whoever shows it.
pub(crate) struct Ledger {
    pub(crate) handed_out: watch::Sender<Vec<HandingOut>>,
    pub(crate) sign_in_wanted: watch::Sender<Option<SignInWanted>>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            handed_out: watch::Sender::new(Vec::new()),
            sign_in_wanted: watch::Sender::new(None),
        }
    }

    pub(crate) fn hand_out(&self, handing_out: HandingOut) {
        self.handed_out.send_modify(|all| {
            if all.len() == MOST {
                all.remove(0);
            }
            all.push(handing_out);
        });
    }

    pub(crate) fn name_role(&self, access_key_id: &str, arn: &str) {
        self.handed_out.send_if_modified(|all| {
            let mut named = false;
            for one in all {
                if one.role.is_none() && one.access_key_id.as_deref() == Some(access_key_id) {
                    one.role = Some(arn.to_owned());
                    named = true;
                }
            }
            named
        });
    }

    pub(crate) fn want_sign_in(&self, when: SystemTime, program: Program, profile: String) {
        self.sign_in_wanted.send_replace(Some(SignInWanted {
            when,
            program: program.name,
            profile,
        }));
    }
}
