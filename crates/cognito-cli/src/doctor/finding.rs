//! What a check found, and how it is told.

use std::fmt::{self, Write as _};

use serde::Serialize;

/// What one check found: one line for people, one object for programs. No token, key or response body is ever in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Which check.
    pub(crate) check: &'static str,
    pub(crate) outcome: Outcome,
    /// What was found, stable for programs.
    pub(crate) code: &'static str,
    /// The same for people.
    pub(crate) message: String,
    /// The setting to change and its right value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Ok,
    /// It works, or it may work: somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
    /// Not looked at; the message says why.
    Skipped,
}

impl Finding {
    pub(crate) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            outcome: Outcome::Ok,
            code: "ok",
            message: message.into(),
            remedy: None,
        }
    }

    pub(crate) fn warning(
        check: &'static str,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            outcome: Outcome::Warning,
            ..Self::failed(check, code, message, remedy)
        }
    }

    pub(crate) fn failed(
        check: &'static str,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = remedy.into();
        Self {
            check,
            outcome: Outcome::Failed,
            code,
            message: message.into(),
            remedy: (!remedy.is_empty()).then_some(remedy),
        }
    }

    pub(crate) fn skipped(check: &'static str, because: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Skipped,
            code: "skipped",
            ..Self::ok(check, because)
        }
    }

    /// The answer does not tell one way or the other.
    pub(crate) fn unclear(check: &'static str, why: impl fmt::Display) -> Self {
        Self {
            outcome: Outcome::Warning,
            code: "unclear",
            ..Self::ok(check, format!("could not tell: {why}"))
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        };
        write!(f, "{outcome:<8} {:<14} ", self.check)?;
        let remedy = self.remedy.as_deref();
        let words = [Some(&*self.message), remedy.map(|_| ". "), remedy];
        // A file of somebody else's may have what a terminal would obey.
        for c in words.into_iter().flatten().flat_map(str::chars) {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}
