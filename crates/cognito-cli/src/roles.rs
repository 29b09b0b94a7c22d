//! `keyfob roles`.

use std::io::{self, Write as _};

use cognito_agent::{Answer, Want};
use cognito_aws::Roles;
use cognito_client::{Profile, ProfileError, ProfileStore};
use serde_json::json;

use crate::answers::{self, Manner};
use crate::failure::{Failure, say};

pub(crate) fn print(profile: &Profile, as_json: bool) -> Result<(), Failure> {
    let roles = obtain(profile)?;
    let otherwise = roles.by_profile.or(roles.preferred);
    let mut output = io::stdout().lock();
    if as_json {
        let roles = json!({
            "profile": profile.name,
            "roles": roles.listed,
            "chosen": roles.chosen,
            "without_a_choice": otherwise,
        });
        writeln!(output, "{roles}")?;
        return Ok(());
    }
    for role in &roles.listed {
        let is = |other: &Option<String>| other.as_ref() == Some(role);
        let mark = if is(&roles.chosen) { '*' } else { ' ' };
        let note = if is(&otherwise) {
            "  (without a choice)"
        } else {
            ""
        };
        writeln!(output, "{mark} {role}{note}")?;
    }
    if roles.listed.is_empty() {
        say("there is nothing to choose from: your groups have no roles");
    }
    Ok(())
}

pub(crate) fn choose(profile: &Profile, role: &str) -> Result<(), Failure> {
    let roles = obtain(profile)?;
    let role = roles
        .named(role)
        .map_err(|error| Failure::failed(&error, error.remedy()))?;
    ProfileStore::of_user()
        .choose_role(profile, role)
        .map_err(|error| failed(&error))?;
    say(&format!(
        "you take {role} from now on; a program that runs goes on with the credentials it has until they expire"
    ));
    Ok(())
}

pub(crate) fn forget(profile: &Profile) -> Result<(), Failure> {
    let profiles = ProfileStore::of_user();
    match profiles.role(profile).map_err(|error| failed(&error))? {
        Some(role) => {
            profiles
                .forget_role(profile, &role)
                .map_err(|error| failed(&error))?;
            say("your choice is forgotten; you take the role you get without one");
        }
        None => say("you had chosen none"),
    }
    Ok(())
}

fn obtain(profile: &Profile) -> Result<Roles, Failure> {
    match answers::obtain(profile, Want::Roles, Manner::PERSON)? {
        Answer::Roles(roles) => Ok(roles),
        other => Err(answers::unexpected(other, profile)),
    }
}

fn failed(error: &ProfileError) -> Failure {
    Failure::failed(error, error.remedy())
}
