//! Which role somebody gets.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html>

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    config::{AmbiguousRoleResolution, Group, MappingRule, MatchType, RoleMappingType},
    login::Login,
    not_authorized,
};
use crate::{
    aws_json::AwsError,
    config::User,
    iam::{CheckedRole, Facts},
    state::Shared,
};

/// The role of a session in the enhanced flow.
pub(super) fn choose(
    shared: &Shared,
    login: Option<&Login>,
    custom: Option<&str>,
    facts: &Facts,
) -> Result<Arc<CheckedRole>, AwsError> {
    let pool = &shared.config.identity_pool;
    // No document has the text of this refusal.
    let forbidden = || {
        not_authorized("Invalid identity pool configuration. Role is not allowed for this token.")
    };
    let mapping = login.and_then(|login| pool.role_mappings.get(&login.client_id));
    let arn = match (login, mapping) {
        (Some(login), Some(mapping)) => {
            let (roles, preferred) = match &mapping.by {
                RoleMappingType::Token => of_token(&login.claims),
                RoleMappingType::Rules(rules) => of_rules(rules, &login.claims),
            };
            match custom {
                Some(custom) if roles.contains(&custom) => Some(custom),
                Some(_) => return Err(forbidden()),
                None if preferred.is_some() => preferred,
                None if mapping.ambiguous == AmbiguousRoleResolution::AuthenticatedRole => {
                    pool.authenticated_role.as_deref()
                }
                None => {
                    return Err(not_authorized(format!(
                        "The ambiguous role mapping rules for: {}:{} denied this request.",
                        shared.provider_name(),
                        login.client_id
                    )));
                }
            }
        }
        _ if custom.is_some() => return Err(forbidden()),
        (Some(_), None) => pool.authenticated_role.as_deref(),
        (None, _) => pool.unauthenticated_role.as_deref(),
    };
    arn.and_then(|arn| shared.roles.find(arn))
        .filter(|role| role.trusts(facts))
        .map(Arc::clone)
        .ok_or_else(|| {
            AwsError::new(
                "InvalidIdentityPoolConfigurationException",
                "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
            )
        })
}

fn of_token(claims: &Map<String, Value>) -> (Vec<&str>, Option<&str>) {
    let roles = claims.get("cognito:roles").and_then(Value::as_array);
    let roles = roles.into_iter().flatten().filter_map(Value::as_str);
    let preferred = claims.get("cognito:preferred_role");
    (roles.collect(), preferred.and_then(Value::as_str))
}

fn of_rules<'a>(
    rules: &'a [MappingRule],
    claims: &Map<String, Value>,
) -> (Vec<&'a str>, Option<&'a str>) {
    let matching = rules.iter().filter(|rule| matches(rule, claims));
    let roles: Vec<_> = matching.map(|rule| rule.role_arn.as_str()).collect();
    let first = roles.first().copied();
    (roles, first)
}

/// A claim that is not there matches nothing, `NotEqual` included.
fn matches(rule: &MappingRule, claims: &Map<String, Value>) -> bool {
    let claim = match claims.get(&rule.claim) {
        None | Some(Value::Null) => return false,
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match rule.match_type {
        MatchType::Equals => claim == rule.value,
        MatchType::Contains => claim.contains(&rule.value),
        MatchType::StartsWith => claim.starts_with(&rule.value),
        MatchType::NotEqual => claim != rule.value,
    }
}

/// `cognito:roles` and `cognito:preferred_role` of a user's ID token. Two roles of the same precedence leave none
/// preferred.
pub(crate) fn claims(groups: &[Group], user: &User) -> (Vec<String>, Option<String>) {
    let mine = groups
        .iter()
        .filter(|group| user.groups.contains(&group.name));
    let mut roles: Vec<_> = mine
        .filter_map(|group| {
            Some((
                group.precedence.unwrap_or(u32::MAX),
                group.role_arn.as_ref()?,
            ))
        })
        .collect();
    roles.sort();
    roles.dedup_by_key(|(_, arn)| *arn);
    let preferred = match roles.as_slice() {
        [(first, arn), (second, _), ..] if first < second => Some((*arn).clone()),
        [(_, arn)] => Some((*arn).clone()),
        _ => None,
    };
    let roles = roles.into_iter().map(|(_, arn)| arn.clone()).collect();
    (roles, preferred)
}
