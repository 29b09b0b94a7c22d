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
    /// [`Error::Configuration`] with those there are to choose from, when it is none of them.
    pub fn named(&self, role: &str) -> Result<&str, Error> {
        // With its path or without.
        let has_name = |listed: &&String| {
            listed
                .strip_suffix(role)
                .is_some_and(|before| before.ends_with('/'))
        };
        let mut of_name = self.listed.iter().filter(has_name);
        let found = match self.listed.iter().find(|listed| *listed == role) {
            None => of_name.next().filter(|_| of_name.next().is_none()),
            found => found,
        };
        found.map(String::as_str).ok_or_else(|| Error::Configuration {
            problem: format!("“{role}” is not one of your roles"),
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
            listed: claims.roles().into_iter().map(str::to_owned).collect(),
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

fn of_session(error: ProfileError) -> cognito_client::Error {
    error.into()
}
