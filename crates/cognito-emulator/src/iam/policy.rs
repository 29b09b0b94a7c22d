//! Policy documents, and what they allow.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::collections::HashMap;

use serde_json::Value;

use super::{condition::Condition, pattern::Pattern};

/// A policy document, checked.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
struct Statement {
    allows: bool,
    actions: List,
    /// A trust policy has none.
    resources: Option<List>,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug)]
struct List {
    patterns: Vec<String>,
    not: bool,
}

/// What policies make of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

/// The condition keys of a request and their values. Keys are compared without regard to case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts(HashMap<String, Vec<String>>);

impl Facts {
    pub(crate) fn with<'a>(mut self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values = values.into_iter().map(str::to_owned).collect();
        self.0.insert(key.to_lowercase(), values);
        self
    }

    pub(super) fn extend(&mut self, others: &Self) {
        let others = others.0.iter();
        self.0
            .extend(others.map(|(key, values)| (key.clone(), values.clone())));
    }

    pub(super) fn all(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_lowercase()).map(Vec::as_slice)
    }

    pub(super) fn one(&self, key: &str) -> Option<&str> {
        match self.all(key)? {
            [value] => Some(value),
            _ => None,
        }
    }
}

impl Policy {
    /// Reads an identity-based policy, or with `trust` a role's trust policy.
    pub(crate) fn parse(document: &Value, trust: bool) -> Result<Self, String> {
        match document["Version"].as_str() {
            // Variables are a matter of the newer one.
            Some("2012-10-17") => {}
            _ => return Err("Version must be \"2012-10-17\"".into()),
        }
        let statements = match &document["Statement"] {
            Value::Array(statements) => statements.iter().collect(),
            one @ Value::Object(_) => vec![one],
            _ => return Err("Statement is missing".into()),
        };
        let statements = statements
            .into_iter()
            .map(|statement| Statement::parse(statement, trust))
            .collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }
}

/// What all these policies together make of a request.
pub(super) fn decide(
    policies: &[Policy],
    action: &str,
    resource: Option<&str>,
    facts: &Facts,
) -> Decision {
    let mut decision = Decision::NotAllowed;
    let statements = policies.iter().flat_map(|policy| &policy.statements);
    for statement in statements.filter(|statement| statement.applies(action, resource, facts)) {
        if !statement.allows {
            return Decision::Denied;
        }
        decision = Decision::Allowed;
    }
    decision
}

impl Statement {
    fn parse(statement: &Value, trust: bool) -> Result<Self, String> {
        const KNOWN: [&str; 8] = [
            "Sid",
            "Effect",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
            "Principal",
        ];
        let members = statement
            .as_object()
            .ok_or("a statement must be an object")?;
        if let Some(unknown) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(format!("the element {unknown} is not supported"));
        }
        let allows = match statement["Effect"].as_str() {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("Effect must be \"Allow\" or \"Deny\"".into()),
        };
        let resources = List::parse(statement, "Resource", "NotResource")?;
        let principal = &statement["Principal"];
        if trust {
            if principal["Federated"] != "cognito-identity.amazonaws.com" {
                return Err(
                    "a trust policy's Principal must be {\"Federated\": \"cognito-identity.amazonaws.com\"}"
                        .into(),
                );
            }
        } else if !principal.is_null() {
            return Err("only a trust policy has a Principal".into());
        } else if resources.is_none() {
            return Err("Resource or NotResource is missing".into());
        }
        Ok(Self {
            allows,
            actions: List::parse(statement, "Action", "NotAction")?
                .ok_or("Action or NotAction is missing")?,
            resources,
            conditions: match &statement["Condition"] {
                Value::Null => Vec::new(),
                conditions => Condition::parse_all(conditions)?,
            },
        })
    }

    fn applies(&self, action: &str, resource: Option<&str>, facts: &Facts) -> bool {
        let of_action = self.actions.patterns.iter().any(|pattern| {
            // Actions are compared without regard to case, and hold no variables.
            Pattern::expand(&pattern.to_lowercase(), facts)
                .is_some_and(|pattern| pattern.matches(&action.to_lowercase()))
        }) != self.actions.not;
        let of_resource = match (&self.resources, resource) {
            (Some(list), Some(resource)) => {
                list.patterns.iter().any(|pattern| {
                    Pattern::expand(pattern, facts).is_some_and(|pattern| pattern.matches(resource))
                }) != list.not
            }
            _ => true,
        };
        of_action
            && of_resource
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(facts))
    }
}

impl List {
    fn parse(statement: &Value, name: &str, not_name: &str) -> Result<Option<Self>, String> {
        let (patterns, not) = match (&statement[name], &statement[not_name]) {
            (Value::Null, Value::Null) => return Ok(None),
            (patterns, Value::Null) => (texts(patterns, name)?, false),
            (Value::Null, patterns) => (texts(patterns, not_name)?, true),
            _ => return Err(format!("{name} and {not_name} exclude each other")),
        };
        Ok(Some(Self { patterns, not }))
    }
}

/// A string or a list of strings; `true` and `false` are as good as their names.
pub(super) fn texts(value: &Value, name: &str) -> Result<Vec<String>, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(value) => Ok(value.to_string()),
        _ => Err(format!("{name} must be a string or a list of strings")),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}
