//! The identity pool's configuration.

use std::collections::{BTreeMap, BTreeSet};

/// The identity pool.
#[derive(Clone, Debug)]
pub struct IdentityPool {
    /// `REGION:GUID`.
    pub id: String,
    /// App client ids whose ID tokens are accepted.
    pub client_ids: BTreeSet<String>,
    /// Whether guests get an identity.
    pub allow_unauthenticated: bool,
    /// `AllowClassicFlow`: whether `GetOpenIdToken` gives tokens for STS.
    pub allow_classic_flow: bool,
    /// ARN of the role for signed-in users.
    pub authenticated_role: Option<String>,
    /// ARN of the role for guests.
    pub unauthenticated_role: Option<String>,
    /// How the role is chosen for users of an app client, by its id. Where there is none, it is the authenticated role.
    pub role_mappings: BTreeMap<String, RoleMapping>,
    /// `ServerSideTokenCheck`: refuses users who were signed out everywhere, disabled or deleted.
    pub server_side_token_check: bool,
}

/// How the role of signed-in users is chosen.
#[derive(Clone, Debug)]
pub struct RoleMapping {
    /// By what.
    pub by: RoleMappingType,
    /// What happens when that gives no role, or several and no preferred one.
    pub ambiguous: AmbiguousRoleResolution,
}

/// `Type` of a role mapping.
#[derive(Clone, Debug)]
pub enum RoleMappingType {
    /// By the token's `cognito:preferred_role`, or the request's `CustomRoleArn` if it is among `cognito:roles`.
    Token,
    /// By the first rule that matches a claim, or the request's `CustomRoleArn` if a matching rule names it.
    Rules(Vec<MappingRule>),
}

/// `AmbiguousRoleResolution`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmbiguousRoleResolution {
    /// The authenticated role.
    AuthenticatedRole,
    /// No credentials.
    Deny,
}

/// One rule of a role mapping.
#[derive(Clone, Debug)]
pub struct MappingRule {
    /// The claim of the ID token.
    pub claim: String,
    /// How it is compared.
    pub match_type: MatchType,
    /// With what.
    pub value: String,
    /// The role's ARN.
    pub role_arn: String,
}

/// `MatchType` of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchType {
    /// The claim is the value.
    Equals,
    /// The value is somewhere in the claim.
    Contains,
    /// The claim begins with the value.
    StartsWith,
    /// The claim is there, and not the value.
    NotEqual,
}

/// A group of the user pool.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name, as in [`User::groups`](crate::User::groups).
    pub name: String,
    /// The role of its members, for `cognito:roles` and `cognito:preferred_role`.
    pub role_arn: Option<String>,
    /// The group with the lowest number gives the preferred role.
    pub precedence: Option<u32>,
}

impl Group {
    /// A group whose members may act as a role.
    pub fn with_role(
        name: impl Into<String>,
        role_arn: impl Into<String>,
        precedence: u32,
    ) -> Self {
        Self {
            name: name.into(),
            role_arn: Some(role_arn.into()),
            precedence: Some(precedence),
        }
    }
}
