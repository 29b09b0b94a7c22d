//! Which permission each S3 operation needs, and whether the caller's role has it.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>

use std::{borrow::Cow, sync::Arc};

use axum::http::Extensions;
use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    path::S3Path,
    s3_error,
};

use crate::iam::{Facts, Principal};

/// Whose request it is.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) access_key: String,
    pub(crate) principal: Arc<Principal>,
}

/// One permission a request needs.
pub(crate) struct Access {
    action: Cow<'static, str>,
    resource: String,
    facts: Facts,
}

impl Caller {
    /// Whoever was let in at the door.
    pub(crate) fn of(extensions: &Extensions) -> S3Result<&Self> {
        extensions
            .get()
            .ok_or_else(|| s3_error!(AccessDenied, "Access Denied"))
    }

    pub(crate) fn may(&self, access: Access) -> S3Result<()> {
        let Access {
            action,
            resource,
            facts,
        } = access;
        self.principal
            .authorize(&action, &resource, &facts, "\"")
            .map_err(|refusal| s3_error!(AccessDenied, "{refusal}"))
    }
}

impl Access {
    fn new(action: impl Into<Cow<'static, str>>, bucket: &str, key: Option<&str>) -> Self {
        Self {
            action: action.into(),
            resource: match key {
                Some(key) => format!("arn:aws:s3:::{bucket}/{key}"),
                None => format!("arn:aws:s3:::{bucket}"),
            },
            facts: Facts::default(),
        }
    }

    fn versioned(
        actions: [&'static str; 2],
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> Self {
        let [latest, of_version] = actions;
        let Some(version_id) = version_id else {
            return Self::new(latest, bucket, Some(key));
        };
        let mut access = Self::new(of_version, bucket, Some(key));
        access.facts = access.facts.with("s3:VersionId", [version_id]);
        access
    }

    /// To be told that a key does not exist.
    pub(crate) fn list(bucket: &str) -> Self {
        Self::new("s3:ListBucket", bucket, None)
    }

    pub(crate) fn get(bucket: &str, key: &str, version_id: Option<&str>) -> Self {
        Self::versioned(
            ["s3:GetObject", "s3:GetObjectVersion"],
            bucket,
            key,
            version_id,
        )
    }

    pub(crate) fn delete(bucket: &str, key: &str, version_id: Option<&str>) -> Self {
        Self::versioned(
            ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            bucket,
            key,
            version_id,
        )
    }

    /// What an operation needs before it begins. `DeleteObjects` needs a permission for each key, and a copy one for its
    /// source: they ask for themselves.
    fn of(operation: &str, path: &S3Path, query: &str) -> Vec<Self> {
        let parameter = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned())
        };
        match path {
            S3Path::Root => vec![Self {
                action: match operation {
                    "ListBuckets" => "s3:ListAllMyBuckets".into(),
                    other => format!("s3:{other}").into(),
                },
                resource: "arn:aws:s3:::*".into(),
                facts: Facts::default(),
            }],
            S3Path::Bucket { bucket } => {
                let action = match operation {
                    "DeleteObjects" => return Vec::new(),
                    "HeadBucket" | "ListObjects" | "ListObjectsV2" => "s3:ListBucket".into(),
                    "ListObjectVersions" => "s3:ListBucketVersions".into(),
                    "ListMultipartUploads" => "s3:ListBucketMultipartUploads".into(),
                    other => Cow::Owned(format!("s3:{other}")),
                };
                let mut access = Self::new(action, bucket, None);
                for name in ["prefix", "delimiter", "max-keys"] {
                    if let Some(value) = parameter(name) {
                        access.facts = access.facts.with(&format!("s3:{name}"), [value.as_str()]);
                    }
                }
                vec![access]
            }
            S3Path::Object { bucket, key } => {
                let version_id = parameter("versionId");
                let version_id = version_id.as_deref();
                let action = match operation {
                    "GetObject" | "HeadObject" => return vec![Self::get(bucket, key, version_id)],
                    "GetObjectAttributes" => {
                        let attributes =
                            ["s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"];
                        return vec![
                            Self::get(bucket, key, version_id),
                            Self::versioned(attributes, bucket, key, version_id),
                        ];
                    }
                    "DeleteObject" => return vec![Self::delete(bucket, key, version_id)],
                    "PutObject"
                    | "CopyObject"
                    | "CreateMultipartUpload"
                    | "UploadPart"
                    | "UploadPartCopy"
                    | "CompleteMultipartUpload" => "s3:PutObject".into(),
                    "ListParts" => "s3:ListMultipartUploadParts".into(),
                    other => Cow::Owned(format!("s3:{other}")),
                };
                vec![Self::new(action, bucket, Some(key))]
            }
        }
    }
}

/// Asked by s3s when the signature is right and before the body is read.
pub(crate) struct RolePolicy;

#[async_trait::async_trait]
impl S3Access for RolePolicy {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let caller = Caller::of(context.extensions_mut())?.clone();
        // Signed, and by whom the door has let in: s3s knows other ways to sign than it does.
        let signed = context
            .credentials()
            .map(|credentials| credentials.access_key.as_str());
        if signed != Some(caller.access_key.as_str()) {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let query = context.uri().query().unwrap_or_default();
        let needed = Access::of(context.s3_op().name(), context.s3_path(), query);
        needed.into_iter().try_for_each(|access| caller.may(access))
    }
}
