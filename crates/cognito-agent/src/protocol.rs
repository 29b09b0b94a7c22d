//! What is said over the socket: one request and one answer, each a line of JSON.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Of both ends. They are updated together, but an app that has been running since before an update is of
/// the version before.
pub(crate) const VERSION: u8 = 1;

/// More than any request has.
pub(crate) const MAX_REQUEST: u64 = 8 * 1024;
/// More than any answer has: an ID token with a hundred groups is below 16 KiB.
const MAX_ANSWER: u64 = 128 * 1024;

/// A question to whoever has a person's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    version: u8,
    /// The profile's name.
    pub profile: String,
    /// The profile's [`session_key`](cognito_client::Profile::session_key), as the one who asks reads it:
    /// another file may give another pool the same name.
    pub session_key: String,
    /// What is wanted.
    pub want: Want,
}

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Want {
    /// AWS credentials.
    Credentials {
        /// How long they must last at least, in seconds.
        at_least: u64,
    },
    /// The access token.
    AccessToken,
    /// The ID token.
    IdToken,
    /// Who is signed in. Nothing is renewed for it.
    Status,
    /// Who AWS takes the person for.
    CallerIdentity,
    /// The roles that the person may take.
    Roles,
}

impl Request {
    /// Asks this of the profile.
    pub fn new(profile: &cognito_client::Profile, want: Want) -> Self {
        Self {
            version: VERSION,
            profile: profile.name.clone(),
            session_key: profile.session_key(),
            want,
        }
    }

    pub(crate) fn is_understood(&self) -> bool {
        self.version == VERSION
    }
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// To [`Want::Credentials`].
    Credentials(Credentials),
    /// To [`Want::AccessToken`] and [`Want::IdToken`].
    Token(#[serde(with = "secret")] Zeroizing<String>),
    /// To [`Want::Status`].
    Status(Status),
    /// To [`Want::CallerIdentity`].
    CallerIdentity(CallerIdentity),
    /// To [`Want::Roles`].
    Roles(cognito_aws::Roles),
    /// The person has to sign in first.
    SignInRequired {
        /// Why.
        message: String,
    },
    /// It cannot be had.
    Failed {
        /// What is wrong.
        message: String,
        /// What to do about it.
        remedy: String,
    },
    /// Whoever was asked has no such profile, or does not understand the question.
    NotMine,
}

/// AWS credentials.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The access key's ID, which is no secret.
    pub access_key_id: String,
    /// The secret access key.
    #[serde(with = "secret")]
    pub secret_access_key: Zeroizing<String>,
    /// The session token.
    #[serde(with = "secret")]
    pub session_token: Zeroizing<String>,
    /// When they expire, in Unix seconds.
    pub expires: u64,
    /// The AWS account, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// Who AWS takes the person for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerIdentity {
    /// The identity pool's ID of the person.
    pub identity_id: String,
    /// The AWS account.
    pub account: String,
    /// The ARN of the assumed role's session.
    pub arn: String,
    /// The ARN of the role.
    pub role: String,
    /// When the credentials expire, in Unix seconds.
    pub expires: u64,
}

/// A session, without its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Who is signed in.
    pub signed_in: Option<SignedIn>,
    /// Whether nobody is because the user pool has ended the session.
    pub session_ended: bool,
    /// When the AWS credentials at hand expire, in Unix seconds.
    pub credentials_expire: Option<u64>,
}

/// Who is signed in, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// `cognito:username`.
    pub username: String,
    /// Their name, where the pool has it.
    pub name: Option<String>,
    /// Their e-mail address, where the pool has it.
    pub email: Option<String>,
    /// When the tokens expire, in Unix seconds; they are renewed before.
    pub token_expires: u64,
    /// When the person has to sign in again, in Unix seconds, by the profile's `refresh_token_days`.
    pub session_expires: u64,
}

/// A secret on the wire, which is where it is meant to go.
mod secret {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        secret: &Zeroizing<String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

/// Reads one [`Request`] or [`Answer`].
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for what is none, or too long for one; and whatever reading fails with.
pub fn read_line<T: DeserializeOwned>(from: impl Read) -> io::Result<T> {
    let mut line = Zeroizing::new(Vec::with_capacity(4 * 1024));
    BufReader::new(from)
        .take(MAX_ANSWER)
        .read_until(b'\n', &mut line)?;
    parse(&line)
}

/// Writes one [`Request`] or [`Answer`].
///
/// # Errors
/// Whatever writing fails with.
pub fn write_line<T: Serialize>(mut to: impl Write, what: &T) -> io::Result<()> {
    to.write_all(&line(what))?;
    to.flush()
}

/// What a whole line says; one that was cut off says nothing.
pub(crate) fn parse<T: DeserializeOwned>(line: &[u8]) -> io::Result<T> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let line = line.strip_suffix(b"\n").ok_or_else(invalid)?;
    // What serde_json says of it could repeat a secret.
    serde_json::from_slice(line).map_err(|_| invalid())
}

pub(crate) fn line<T: Serialize>(what: &T) -> Zeroizing<Vec<u8>> {
    // Large enough for nearly all, so that growing leaves no copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(8 * 1024));
    serde_json::to_writer(&mut *line, what).expect("strings and numbers always serialise");
    line.push(b'\n');
    line
}

pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials(credentials) => credentials.fmt(f),
            Self::Token(_) => f.write_str("Token([redacted])"),
            Self::Status(status) => status.fmt(f),
            Self::CallerIdentity(caller) => caller.fmt(f),
            Self::Roles(roles) => roles.fmt(f),
            Self::SignInRequired { message } => write!(f, "SignInRequired({message:?})"),
            Self::Failed { message, .. } => write!(f, "Failed({message:?})"),
            Self::NotMine => f.write_str("NotMine"),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Answer {
        Answer::Credentials(Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: Zeroizing::new("a secret".into()),
            session_token: Zeroizing::new("another".into()),
            expires: 1_793_491_200,
            account: None,
        })
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut wire = Vec::new();
        write_line(&mut wire, &credentials()).unwrap();
        assert_eq!(wire.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(read_line::<Answer>(&*wire).unwrap(), credentials());
    }

    #[test]
    fn a_line_that_is_cut_off_too_long_or_something_else_is_none() {
        let mut wire = Vec::new();
        write_line(&mut wire, &credentials()).unwrap();
        wire.pop();
        for line in [
            wire,
            b"\n".to_vec(),
            b"GET / HTTP/1.1\r\n".to_vec(),
            vec![b' '; 1 << 20],
        ] {
            let error = read_line::<Answer>(&*line).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn no_secret_is_printed() {
        let token = Answer::Token(Zeroizing::new("a secret".into()));
        let printed = format!("{:?} {token:?}", credentials());
        assert!(
            !printed.contains("secret\"") && !printed.contains("a secret"),
            "{printed}"
        );
        assert!(!printed.contains("another"), "{printed}");
    }
}
