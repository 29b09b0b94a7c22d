//! Roles, and the sessions that act as them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::policy::{Decision, Facts, Policy, decide};

/// An IAM role that identity-pool sessions can act as.
#[derive(Clone, Debug)]
pub struct Role {
    /// `arn:aws:iam::ACCOUNT:role/NAME`.
    pub arn: String,
    /// The trust policy, in IAM's JSON: who may act as the role.
    pub trust_policy: Value,
    /// Its identity-based policies, in IAM's JSON: what the role may do.
    ///
    /// `Effect`, `Action`, `NotAction`, `Resource`, `NotResource`, and `Condition` with the operators for strings, ARNs
    /// and `Bool`, `Null`, each with `ForAnyValue:`, `ForAllValues:` and `...IfExists`. Anything else is refused at start.
    pub policies: Vec<Value>,
    /// `MaxSessionDuration` of the basic flow: 1 to 12 hours. The enhanced flow's sessions last one hour.
    pub max_session: Duration,
}

impl Role {
    /// A role that signed-in users of this identity pool may act as, and that may do nothing yet. Sessions last up to
    /// one hour, IAM's default.
    pub fn for_authenticated(arn: impl Into<String>, identity_pool: &str) -> Self {
        Self::trusting(arn.into(), identity_pool, "authenticated")
    }

    /// A role for guests of this identity pool, that may do nothing yet.
    pub fn for_guests(arn: impl Into<String>, identity_pool: &str) -> Self {
        Self::trusting(arn.into(), identity_pool, "unauthenticated")
    }

    /// The trust policy the Cognito console writes.
    fn trusting(arn: String, identity_pool: &str, amr: &str) -> Self {
        Self {
            arn,
            trust_policy: json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Federated": "cognito-identity.amazonaws.com" },
                    "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
                    "Condition": {
                        "StringEquals": { "cognito-identity.amazonaws.com:aud": identity_pool },
                        "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": amr },
                    },
                }],
            }),
            policies: Vec::new(),
            max_session: Duration::from_secs(3600),
        }
    }

    /// Adds statements that make up one more policy.
    #[must_use]
    pub fn with_policy(mut self, statements: Value) -> Self {
        let mut policy = json!({ "Version": "2012-10-17" });
        policy["Statement"] = statements;
        self.policies.push(policy);
        self
    }
}

/// Every role by its ARN, its documents checked.
#[derive(Debug)]
pub(crate) struct Roles(HashMap<String, Arc<CheckedRole>>);

#[derive(Debug)]
pub(crate) struct CheckedRole {
    pub(crate) arn: String,
    trust: Policy,
    policies: Vec<Policy>,
    pub(crate) max_session: Duration,
}

impl Roles {
    /// The ARN of the first role with a document that cannot be used, and why.
    pub(crate) fn check(roles: &[Role]) -> Result<Self, (String, String)> {
        let mut checked = HashMap::new();
        for role in roles {
            let explain = |reason: String| (role.arn.clone(), reason);
            let policies = role
                .policies
                .iter()
                .map(|document| Policy::parse(document, false))
                .collect::<Result<_, _>>()
                .map_err(explain)?;
            let role = CheckedRole {
                arn: role.arn.clone(),
                trust: Policy::parse(&role.trust_policy, true).map_err(explain)?,
                policies,
                max_session: role.max_session,
            };
            checked.insert(role.arn.clone(), Arc::new(role));
        }
        Ok(Self(checked))
    }

    pub(crate) fn find(&self, arn: &str) -> Option<&Arc<CheckedRole>> {
        self.0.get(arn)
    }
}

impl CheckedRole {
    /// `ROLE` of `arn:aws:iam::ACCOUNT:role/path/ROLE`.
    pub(crate) fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or(&self.arn)
    }

    pub(crate) fn trusts(&self, facts: &Facts) -> bool {
        let trust = std::slice::from_ref(&self.trust);
        decide(trust, "sts:AssumeRoleWithWebIdentity", None, facts) == Decision::Allowed
    }
}

/// A session that acts as a role.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) role: Arc<CheckedRole>,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub(crate) arn: String,
    /// What policies can ask about the session.
    pub(crate) facts: Facts,
    /// What the session is held to besides its role's policies: in the enhanced flow, a guest's.
    pub(crate) session_policy: Option<Arc<Policy>>,
}

impl Principal {
    /// Whether the session may do this, and if not, AWS's explanation: it begins with `User: ` and names the action, and
    /// the resource in `quotes`, which S3 writes and Lambda does not.
    pub(crate) fn authorize(
        &self,
        action: &str,
        resource: &str,
        facts: &Facts,
        quotes: &str,
    ) -> Result<(), String> {
        let mut facts = facts.clone();
        facts.extend(&self.facts);
        let because = match decide(&self.role.policies, action, Some(resource), &facts) {
            Decision::Denied => "with an explicit deny in an identity-based policy".to_owned(),
            Decision::NotAllowed => {
                format!("because no identity-based policy allows the {action} action")
            }
            Decision::Allowed => {
                let session = self.session_policy.as_deref().map(std::slice::from_ref);
                let of_session = |policy| decide(policy, action, Some(resource), &facts);
                match session.map_or(Decision::Allowed, of_session) {
                    Decision::Allowed => return Ok(()),
                    Decision::Denied => "with an explicit deny in a session policy".to_owned(),
                    Decision::NotAllowed => {
                        format!("because no session policy allows the {action} action")
                    }
                }
            }
        };
        Err(format!(
            "User: {} is not authorized to perform: {action} on resource: {quotes}{resource}{quotes} {because}",
            self.arn
        ))
    }
}
