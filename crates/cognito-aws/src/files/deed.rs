//! What is asked of S3, and what its refusal means.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use cognito_client::TransientCause;

use super::{FileError, Folder};
use crate::error::{AwsService, Error};
use crate::sdk::{Refusal, refusal};

/// What is done to what: the words of a refusal.
#[derive(Clone, Copy)]
pub(super) struct Deed<'a> {
    /// The IAM action.
    pub(super) action: &'static str,
    pub(super) folder: &'a Folder,
    /// An object's path in the folder; `None` for the folder itself.
    pub(super) path: Option<&'a str>,
}

impl<'a> Deed<'a> {
    pub(super) fn read(folder: &'a Folder, path: &'a str) -> Self {
        let path = Some(path);
        Self {
            action: "s3:GetObject",
            folder,
            path,
        }
    }

    pub(super) fn write(folder: &'a Folder, path: &'a str) -> Self {
        let path = Some(path);
        Self {
            action: "s3:PutObject",
            folder,
            path,
        }
    }

    pub(super) fn key(&self) -> String {
        self.folder.key(self.path.unwrap_or_default())
    }

    fn name(&self) -> String {
        self.path.unwrap_or_default().to_owned()
    }

    fn resource(&self) -> String {
        let bucket = &self.folder.bucket;
        match self.path {
            Some(_) => format!("arn:aws:s3:::{bucket}/{}", self.key()),
            None => format!("arn:aws:s3:::{bucket}"),
        }
    }

    pub(super) fn refused<E: ProvideErrorMetadata>(
        &self,
        error: &SdkError<E, HttpResponse>,
    ) -> Error {
        // A refused HEAD has no body, and so no code.
        if let SdkError::ServiceError(answer) = error
            && answer.err().code().is_none()
        {
            match answer.raw().status().as_u16() {
                400 => return expired_token(),
                403 => return self.not_allowed(),
                404 => return FileError::NotFound { name: self.name() }.into(),
                412 => return FileError::Changed { name: self.name() }.into(),
                _ => {}
            }
        }
        match refusal(AwsService::S3, error) {
            Ok(refusal) => self.meaning(refusal),
            Err(error) => error,
        }
    }

    fn not_allowed(&self) -> Error {
        Error::NotAllowed {
            action: self.action,
            resource: self.resource(),
            role: None,
        }
    }

    pub(super) fn meaning(&self, refusal: Refusal) -> Error {
        let transient = |cause| Error::Transient {
            service: AwsService::S3,
            cause,
        };
        match refusal.code.as_str() {
            "AccessDenied" | "AllAccessDisabled" => self.not_allowed(),
            "NoSuchBucket" => self.misconfigured("there is no bucket", "bucket"),
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => self.misconfigured(
                &format!("in {} there is no bucket", self.folder.region),
                "region",
            ),
            "NoSuchKey" | "NoSuchUpload" | "NotFound" => {
                FileError::NotFound { name: self.name() }.into()
            }
            // The condition was `If-None-Match: *`, or `If-Match` on what was there: see who asks.
            "PreconditionFailed" => FileError::Changed { name: self.name() }.into(),
            "KeyTooLongError" => FileError::Name {
                name: self.name(),
                problem: "is longer than the 1,024 bytes that S3 takes",
            }
            .into(),
            "EntityTooLarge" => FileError::TooLarge {
                name: self.name(),
                limit: "48.8 TB that S3 takes",
            }
            .into(),
            "InvalidObjectState" => FileError::Archived { name: self.name() }.into(),
            "BadDigest" | "XAmzContentChecksumMismatch" | "InvalidDigest" => {
                FileError::Damaged { name: self.name() }.into()
            }
            // Names of its own for what others call throttling.
            "SlowDown" => transient(TransientCause::Throttled),
            "InternalError" | "ServiceUnavailable" => transient(TransientCause::Status(503)),
            "RequestTimeout" => transient(TransientCause::Timeout),
            "OperationAborted" | "ConditionalRequestConflict" | "IncompleteBody" => {
                transient(TransientCause::Unreachable)
            }
            "ExpiredToken" | "TokenRefreshRequired" | "InvalidToken" | "InvalidAccessKeyId" => {
                expired_token()
            }
            _ => refusal.unexpected(AwsService::S3),
        }
    }

    fn misconfigured(&self, problem: &str, setting: &str) -> Error {
        Error::Configuration {
            problem: format!("{problem} “{}”", self.folder.bucket),
            remedy: format!(
                "Ask your administrator to correct `{setting}` of this folder in the profile's `[[buckets]]`."
            ),
        }
    }
}

fn expired_token() -> Error {
    Error::Refused {
        service: AwsService::S3,
        code: "ExpiredToken".into(),
    }
}
