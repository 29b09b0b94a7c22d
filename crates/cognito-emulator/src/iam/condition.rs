//! The `Condition` of a statement.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use serde_json::Value;

use super::{pattern::Pattern, policy::Facts};

/// One key of one operator.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    quantifier: Option<Quantifier>,
    operator: Operator,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    ForAnyValue,
    ForAllValues,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    EqualsIgnoreCase,
    Like,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Text { comparison: Comparison, not: bool },
    Null,
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        let text = |comparison, not| Some(Self::Text { comparison, not });
        match name {
            "StringEquals" | "Bool" => text(Comparison::Equals, false),
            "StringNotEquals" => text(Comparison::Equals, true),
            "StringEqualsIgnoreCase" => text(Comparison::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => text(Comparison::EqualsIgnoreCase, true),
            // IAM compares ARNs with wildcards under either name.
            "StringLike" | "ArnEquals" | "ArnLike" => text(Comparison::Like, false),
            "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => text(Comparison::Like, true),
            "Null" => Some(Self::Null),
            _ => None,
        }
    }
}

impl Condition {
    /// Every condition of a statement's `Condition`, or the first word nobody here understands.
    pub(super) fn parse_all(conditions: &Value) -> Result<Vec<Self>, String> {
        let object = |value: &Value, what: &str| {
            value
                .as_object()
                .cloned()
                .ok_or_else(|| format!("{what} must be an object"))
        };
        let mut parsed = Vec::new();
        for (name, keys) in object(conditions, "Condition")? {
            let (quantifier, operator) = match name.split_once(':') {
                Some(("ForAnyValue", rest)) => (Some(Quantifier::ForAnyValue), rest),
                Some(("ForAllValues", rest)) => (Some(Quantifier::ForAllValues), rest),
                _ => (None, name.as_str()),
            };
            let (operator, if_exists) = match operator.strip_suffix("IfExists") {
                Some(operator) => (operator, true),
                None => (operator, false),
            };
            let operator = Operator::parse(operator)
                .ok_or_else(|| format!("the condition operator {name} is not supported"))?;
            for (key, values) in object(&keys, &name)? {
                parsed.push(Self {
                    quantifier,
                    operator,
                    if_exists,
                    values: super::policy::texts(&values, &key)?,
                    key,
                });
            }
        }
        Ok(parsed)
    }

    pub(super) fn holds(&self, facts: &Facts) -> bool {
        let present = facts.all(&self.key);
        let Operator::Text { comparison, not } = self.operator else {
            let null = present.is_none();
            return self.values.iter().any(|value| (value == "true") == null);
        };
        let Some(present) = present else {
            // A key that is not there: a negated operator holds, and so does every value of none.
            return self.if_exists
                || match self.quantifier {
                    None => not,
                    Some(quantifier) => quantifier == Quantifier::ForAllValues,
                };
        };
        let equal = |input: &String| {
            self.values.iter().any(|value| {
                Pattern::expand(value, facts).is_some_and(|pattern| match comparison {
                    Comparison::Equals => pattern.equals(input),
                    Comparison::EqualsIgnoreCase => pattern.equals_ignoring_case(input),
                    Comparison::Like => pattern.matches(input),
                })
            })
        };
        match self.quantifier {
            Some(Quantifier::ForAllValues) => present.iter().all(|input| equal(input) != not),
            // Without a quantifier there is one value.
            _ => present.iter().any(|input| equal(input) != not),
        }
    }
}
