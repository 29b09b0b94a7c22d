//! The parts of a profile that say how AWS is used: how credentials are obtained, and which buckets there are.

use serde::Deserialize;

use super::matches_all;

/// What a policy, and so a bucket's `prefix`, calls the person's identity ID (Cognito guide, "IAM roles";
/// IAM guide, "Policy elements: variables").
pub const IDENTITY_VARIABLE: &str = "${cognito-identity.amazonaws.com:sub}";

/// How AWS credentials are obtained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AwsSettings {
    /// Which of the identity pool's flows.
    #[serde(default)]
    pub flow: AuthFlow,
    /// Whether whoever is not signed in gets a guest's credentials; the identity pool must allow it.
    #[serde(default)]
    pub guest: bool,
    /// The role to take, an ARN. Enhanced flow: one of the token's `cognito:roles`, sent as
    /// `CustomRoleArn`; without it the identity pool chooses. Basic flow: required, the role to assume.
    pub role_arn: Option<String>,
    /// How long credentials of the basic flow last, 900 to 43,200 seconds (STS API reference,
    /// `AssumeRoleWithWebIdentity`), and no longer than the role's maximum. Default: STS's own, 3,600.
    /// The enhanced flow always gives one hour.
    pub session_seconds: Option<u32>,
}

/// An identity pool's authentication flow (Cognito guide, "Identity pools authentication flow").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthFlow {
    /// `GetId`, `GetCredentialsForIdentity`: one hour, the role chosen by the identity pool.
    #[default]
    Enhanced,
    /// `GetId`, `GetOpenIdToken`, `AssumeRoleWithWebIdentity`: up to twelve hours, the profile's role.
    Basic,
}

/// A folder of an S3 bucket that the app shows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Bucket {
    /// The bucket's name.
    pub bucket: String,
    /// What every key in the folder begins with: empty, or ending in `/`. [`IDENTITY_VARIABLE`] in it
    /// stands for the person's identity ID, as it does in the role's policy.
    #[serde(default)]
    pub prefix: String,
    /// What the person reads. Default: the bucket's name, with “yours” where the prefix is the person's.
    pub title: Option<String>,
    /// The bucket's Region, where it is not the profile's.
    pub region: Option<String>,
}

impl AwsSettings {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if let Some(arn) = &self.role_arn
            && !is_role_arn(arn)
        {
            return Err((
                "aws.role_arn",
                format!("`{arn}` must look like arn:aws:iam::123456789012:role/NAME"),
            ));
        }
        match (self.flow, &self.role_arn, self.session_seconds) {
            (AuthFlow::Basic, None, _) => Err((
                "aws.role_arn",
                "the basic flow needs the role to assume".into(),
            )),
            (AuthFlow::Enhanced, _, Some(_)) => Err((
                "aws.session_seconds",
                "the enhanced flow always gives one hour; it is for `flow = \"basic\"`".into(),
            )),
            (_, _, Some(seconds)) if !(900..=43_200).contains(&seconds) => Err((
                "aws.session_seconds",
                "it must be between 900 and 43200".into(),
            )),
            _ => Ok(()),
        }
    }
}

impl Bucket {
    /// The prefix of the person with this identity ID.
    pub fn prefix_of(&self, identity_id: &str) -> String {
        self.prefix.replace(IDENTITY_VARIABLE, identity_id)
    }

    /// Whether the folder is one person's own.
    pub fn is_personal(&self) -> bool {
        self.prefix.contains(IDENTITY_VARIABLE)
    }

    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        // 3 to 63 of these (S3 guide, "General purpose bucket naming rules").
        let fits = matches_all(&self.bucket, |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-')
        });
        if !fits || !(3..=63).contains(&self.bucket.len()) {
            return Err((
                "buckets.bucket",
                format!("`{}` is not the name of an S3 bucket", self.bucket),
            ));
        }
        let plain = self.prefix.replace(IDENTITY_VARIABLE, "");
        if plain.contains("${") {
            return Err((
                "buckets.prefix",
                format!("the only variable it may have is {IDENTITY_VARIABLE}"),
            ));
        }
        let ends = self.prefix.is_empty() || self.prefix.ends_with('/');
        if !ends || self.prefix.starts_with('/') || self.prefix.len() > 512 {
            return Err((
                "buckets.prefix",
                format!(
                    "`{}` must end with / and not begin with it, in at most 512 bytes",
                    self.prefix
                ),
            ));
        }
        let title = self.title.as_deref();
        if title.is_some_and(|title| title.trim().is_empty() || title.chars().count() > 128) {
            return Err(("buckets.title", "it must have 1 to 128 characters".into()));
        }
        if self
            .region
            .as_deref()
            .is_some_and(|region| !matches_all(region, |c| c.is_ascii_alphanumeric() || c == '-'))
        {
            return Err(("buckets.region", "it must be an AWS Region".into()));
        }
        Ok(())
    }
}

/// `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`, 20 to 2048 characters (STS API reference).
fn is_role_arn(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (prefix, partition, service, region) = (next(), next(), next(), next());
    let (account, role) = (next(), next());
    (20..=2048).contains(&arn.len())
        && (prefix, service, region) == ("arn", "iam", "")
        && partition.starts_with("aws")
        && account.len() == 12
        && matches_all(account, |c| c.is_ascii_digit())
        && role.strip_prefix("role/").is_some_and(|name| {
            matches_all(name, |c| {
                c.is_ascii_alphanumeric() || "+=,.@-_/".contains(c)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::is_role_arn;

    #[test]
    fn a_role_is_told_from_what_is_none() {
        for (arn, is) in [
            ("arn:aws:iam::123456789012:role/Reader", true),
            ("arn:aws-us-gov:iam::123456789012:role/team/Reader", true),
            ("arn:aws:iam::123456789012:user/alex", false),
            ("arn:aws:sts::123456789012:assumed-role/Reader/x", false),
            ("arn:aws:iam::1234:role/Reader", false),
            ("arn:aws:iam::123456789012:role/", false),
            ("Reader", false),
        ] {
            assert_eq!(is_role_arn(arn), is, "{arn}");
        }
    }
}
