//! The roles a person may take, and the one they chose.

use cognito_client::ProfileError;
use serde::{Deserialize, Serialize};

use crate::aws::Aws;
use crate::credentials::CognitoCredentialsProvider;
use crate::error::Error;
use crate::id_claims::IdClaims;

/// What roles a person has by the groups they are in, and which of them is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Roles {
    /// The roles of the ID token (`cognito:roles`), as ARNs, in its order. May be empty: the identity pool
    /// then has one role for everybody.
    pub listed: Vec<String>,
    /// The one the identity pool takes by itself, where it takes roles from the token
    /// (`cognito:preferred_role`): that of the person's first group.
    pub preferred: Option<String>,
    /// The one the person [chose](Aws::choose_role).
    pub chosen: Option<String>,
    /// The profile's own (`aws.role_arn`), which is taken unless the person chose.
    pub by_profile: Option<String>,
}

impl Roles {
    /// The person's role of this ARN, or of this name where only one of theirs has it.
    ///
    /// # Errors
    /// [`Error::Configuration`] with those there are to choose from, when it is none of them, or the name of several.
    pub fn named(&self, role: &str) -> Result<&str, Error> {
        // With its path or without.
        let has_name = |listed: &str| {
            let before = listed.strip_suffix(role);
            listed == role || before.is_some_and(|before| before.ends_with('/'))
        };
        let mut found = self
            .listed
            .iter()
            .map(String::as_str)
            .filter(|listed| has_name(listed));
        let problem = match (found.next(), found.next()) {
            (Some(only), None) => return Ok(only),
            (None, _) => format!("“{role}” is not one of your roles"),
            (Some(_), Some(_)) => format!("several of your roles are called “{role}”"),
        };
        Err(Error::Configuration {
            problem,
            remedy: if self.listed.is_empty() {
                "There is nothing to choose from: your groups have no roles. Ask your administrator for a group that has one.".into()
            } else {
                format!("Choose one of these: {}.", self.listed.join(", "))
            },
        })
    }
}

impl Aws {
    /// The roles of whoever is signed in.
    ///
    /// # Errors
    /// [`Error::Session`] when nobody is, or the choice cannot be read.
    pub async fn roles(&self) -> Result<Roles, Error> {
        // Who signed in with another program since is noticed by asking who it is.
        self.session().user().await?;
        let claims = IdClaims::of(&self.session().id_token().await?)?;
        let provider = self.provider();
        Ok(Roles {
            listed: each_once(claims.roles()),
            preferred: claims.preferred_role.clone(),
            chosen: provider.chosen_role()?,
            by_profile: self.session().profile().aws.role_arn.clone(),
        })
    }

    /// Takes this role from now on, here and in every program that uses the profile: its ARN or
    /// [its name](Roles::named). Credentials that were given stay what they are.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the role is none of the person's, and as [`roles`](Self::roles).
    pub async fn choose_role(&self, role: &str) -> Result<(), Error> {
        let roles = self.roles().await?;
        let profile = self.session().profile();
        Ok(self
            .provider()
            .profiles()?
            .choose_role(profile, roles.named(role)?)
            .map_err(of_session)?)
    }

    /// Takes the profile's role again, or the one the identity pool takes by itself.
    ///
    /// # Errors
    /// [`Error::Session`] when the choice cannot be read or written.
    pub fn forget_role(&self) -> Result<(), Error> {
        let provider = self.provider();
        match provider.chosen_role()? {
            Some(role) => provider.drop_role(&role),
            None => Ok(()),
        }
    }
}

impl CognitoCredentialsProvider {
    pub(crate) fn chosen_role(&self) -> Result<Option<String>, Error> {
        match self.profiles() {
            Ok(profiles) => Ok(profiles.role(self.profile()).map_err(of_session)?),
            Err(_) => Ok(None),
        }
    }

    /// Forgets a choice.
    pub(crate) fn drop_role(&self, role: &str) -> Result<(), Error> {
        let profile = self.profile();
        Ok(self
            .profiles()?
            .forget_role(profile, role)
            .map_err(of_session)?)
    }

    /// What to tell when the person's choice is none of their roles any more; it is forgotten, so it is told
    /// once. Going on with another role at once could be more than they meant to be.
    pub(crate) fn check_choice(
        &self,
        chosen: Option<&str>,
        claims: &IdClaims,
    ) -> Result<(), Error> {
        match chosen {
            Some(role) if !claims.roles().contains(&role) => {
                self.drop_role(role)?;
                Err(Error::Configuration {
                    problem: format!("the role {role}, which you chose, is not one of your roles any more"),
                    remedy: "Your choice is forgotten. Choose another role, or try again with the one you get without a choice.".into(),
                })
            }
            _ => Ok(()),
        }
    }
}

/// As many groups may have one role.
fn each_once(roles: Vec<&str>) -> Vec<String> {
    let mut once: Vec<String> = Vec::with_capacity(roles.len());
    for role in roles {
        if !once.iter().any(|known| known == role) {
            once.push(role.to_owned());
        }
    }
    once
}

fn of_session(error: ProfileError) -> cognito_client::Error {
    error.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_enough_where_one_role_alone_has_it() {
        let (here, there) = (
            "arn:aws:iam::111111111111:role/Reader",
            "arn:aws:iam::222222222222:role/staff/Reader",
        );
        let writer = "arn:aws:iam::111111111111:role/Writer";
        let roles = Roles {
            listed: each_once(vec![here, there, writer, here]),
            preferred: None,
            chosen: None,
            by_profile: None,
        };
        assert_eq!(roles.listed, [here, there, writer]);
        for (named, role) in [
            (here, here),
            (there, there),
            ("staff/Reader", there),
            ("Writer", writer),
        ] {
            assert_eq!(roles.named(named).unwrap(), role);
        }
        for (named, problem) in [
            ("Reader", "several of your roles are called"),
            ("", "is not one of your roles"),
            ("riter", "is not one of your roles"),
        ] {
            let error = roles.named(named).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
            assert!(error.remedy().contains(there), "{}", error.remedy());
        }
    }
}
