//! A token's payload, read once: where the claims this crate knows stand in it, and of what type they are.

use serde_json::{Map, Value};

use crate::{
    error::{Segment, VerifyError},
    json::{Item, Object, Span},
    jws::malformed,
};

macro_rules! claims {
    ($($claim:ident = $name:literal,)*) => {
        /// The claims this crate reads.
        #[derive(Clone, Copy)]
        pub(crate) enum Claim { $($claim),* }

        impl Claim {
            const COUNT: usize = [$($name),*].len();

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$claim => $name),* }
            }

            fn index(name: &str) -> Option<usize> {
                match name { $($name => Some(Self::$claim as usize),)* _ => None }
            }
        }
    };
}

claims! {
    Iss = "iss",
    TokenUse = "token_use",
    ClientId = "client_id",
    Aud = "aud",
    Sub = "sub",
    Exp = "exp",
    Iat = "iat",
    Nbf = "nbf",
    AuthTime = "auth_time",
    Username = "username",
    Scope = "scope",
    Groups = "cognito:groups",
    Jti = "jti",
    OriginJti = "origin_jti",
    Nonce = "nonce",
    AtHash = "at_hash",
    CognitoUsername = "cognito:username",
    Email = "email",
    EmailVerified = "email_verified",
    Name = "name",
}

pub struct Payload(Object<{ Claim::COUNT }>);

impl Payload {
    pub(crate) fn parse(json: Vec<u8>) -> Result<Self, VerifyError> {
        match Object::parse(json, Claim::index) {
            Ok(object) => Ok(Self(object)),
            Err(problem) => Err(malformed(Segment::Payload, problem)),
        }
    }

    pub(crate) fn json(&self) -> &str {
        self.0.json()
    }

    pub(crate) fn all(&self) -> Map<String, Value> {
        serde_json::from_str(self.json()).expect("was parsed before, by the same parser")
    }

    fn item(&self, claim: Claim) -> &Item {
        self.0.item(claim as usize)
    }

    pub(crate) fn text(&self, claim: Claim) -> Result<Option<&str>, VerifyError> {
        match self.item(claim) {
            Item::Absent => Ok(None),
            Item::Text(text) => Ok(Some(self.0.text(*text))),
            _ => Err(invalid(claim, "a string")),
        }
    }

    pub(crate) fn required_text(&self, claim: Claim) -> Result<&str, VerifyError> {
        self.text(claim)?.ok_or(VerifyError::MissingClaim {
            claim: claim.name(),
        })
    }

    /// A NumericDate, which may have a fraction (RFC 7519 §2). JSON has no infinities; one too large to hold is refused
    /// earlier.
    pub(crate) fn date(&self, claim: Claim) -> Result<Option<f64>, VerifyError> {
        match self.item(claim) {
            Item::Absent => Ok(None),
            Item::Number(seconds) if seconds.is_finite() => Ok(Some(*seconds)),
            _ => Err(invalid(claim, "a finite number")),
        }
    }

    /// Pools send a boolean; a pre-token-generation trigger of version 1 can only send strings.
    pub(crate) fn boolean(&self, claim: Claim) -> Result<Option<bool>, VerifyError> {
        match self.item(claim) {
            Item::Absent => Ok(None),
            Item::Boolean(value) => Ok(Some(*value)),
            Item::Text(text) if self.0.text(*text) == "true" => Ok(Some(true)),
            Item::Text(text) if self.0.text(*text) == "false" => Ok(Some(false)),
            _ => Err(invalid(claim, "a boolean")),
        }
    }

    /// `aud`: one string or an array of them (RFC 7519 §4.1.3); empty when there is none.
    pub(crate) fn audience(&self) -> Result<impl Iterator<Item = &str> + Clone, VerifyError> {
        match self.item(Claim::Aud) {
            Item::Absent | Item::Text(_) | Item::Texts(..) => Ok(self.known_texts(Claim::Aud)),
            _ => Err(invalid(Claim::Aud, "a string or an array of strings")),
        }
    }

    /// The types of what both kinds of token have.
    pub(crate) fn check_common(&self) -> Result<(), VerifyError> {
        self.required_text(Claim::Sub)?;
        self.text(Claim::Jti)?;
        self.text(Claim::OriginJti)?;
        self.date(Claim::Iat)?;
        self.date(Claim::AuthTime)?;
        match self.item(Claim::Groups) {
            Item::Absent | Item::Texts(..) => Ok(()),
            _ => Err(invalid(Claim::Groups, "an array of strings")),
        }
    }

    /// For claims whose type was checked.
    pub(crate) fn known_text(&self, claim: Claim) -> Option<&str> {
        match self.item(claim) {
            Item::Text(text) => Some(self.0.text(*text)),
            _ => None,
        }
    }

    /// For claims whose type was checked; a string is a list of one.
    pub(crate) fn known_texts(&self, claim: Claim) -> impl Iterator<Item = &str> + Clone {
        let texts: &[Span] = match self.item(claim) {
            Item::Text(text) => std::slice::from_ref(text),
            Item::Texts(from, to) => self.0.texts(*from, *to),
            _ => &[],
        };
        texts.iter().map(|text| self.0.text(*text))
    }

    /// `scope`, whose type was checked: separated by spaces (RFC 6749 §3.3).
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> + Clone {
        let scope = self.known_text(Claim::Scope).unwrap_or_default();
        scope.split(' ').filter(|scope| !scope.is_empty())
    }

    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|one| one == scope)
    }

    /// For claims whose type was checked.
    pub(crate) fn known_seconds(&self, claim: Claim) -> Option<u64> {
        match self.item(claim) {
            Item::Number(seconds) => Some(whole_seconds(*seconds)),
            _ => None,
        }
    }
}

fn invalid(claim: Claim, expected: &'static str) -> VerifyError {
    VerifyError::InvalidClaim {
        claim: claim.name(),
        expected,
    }
}

/// Whole seconds, rounded down; before 1970 is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturating is what is wanted"
)]
pub(crate) fn whole_seconds(seconds: f64) -> u64 {
    seconds as u64
}
