//! Requests to S3 as the person: which client, with which credentials, and what a refusal means.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_s3 as s3;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::EncodingType;
use cognito_client::{Session, TransientCause};

use super::FileError;
pub(super) use super::deed::Deed;
use super::listing::decoded;
use crate::aws::Aws;
use crate::credentials::{Held, LAST_USE};
use crate::error::{AwsService, Error};
use crate::sdk::{self, Refusal};

/// S3 answers 503 to whoever asks too often, and means: slower (S3 guide, "Best practices design patterns").
const ATTEMPTS: u32 = 6;
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// How long sending one part may take: what a line of 256 kbit/s needs for 16 MiB.
pub(super) const PATIENCE_TO_SEND: Duration = Duration::from_secs(10 * 60);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct S3 {
    aws: Aws,
    /// By Region: a bucket answers in its own only.
    clients: Arc<Mutex<HashMap<String, s3::Client>>>,
}

/// How far S3's clock may be from the user pool's.
const APART: Duration = Duration::from_secs(60);

/// For requests that take as long as what they carry.
pub(super) fn patient(credentials: s3::config::Builder) -> s3::config::Builder {
    credentials.timeout_config(sdk::patience(PATIENCE_TO_SEND))
}

impl S3 {
    pub(super) fn new(aws: Aws) -> Self {
        Self {
            aws,
            clients: Arc::default(),
        }
    }

    pub(super) fn session(&self) -> &Session {
        self.aws.session()
    }

    pub(super) async fn identity_id(&self) -> Result<String, Error> {
        self.aws.identity_id().await
    }

    pub(super) fn client(&self, region: &str) -> s3::Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(region) {
            return client.clone();
        }
        let endpoint = self.session().profile().endpoints.s3.as_ref();
        let mut config = s3::config::Builder::from(&self.aws.sdk_config())
            .region(s3::config::Region::new(region.to_owned()))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(Duration::from_millis(200))
                    .with_max_backoff(LONGEST_PAUSE),
            )
            .force_path_style(endpoint.is_some());
        config.set_endpoint_url(endpoint.map(ToString::to_string));
        let client = s3::Client::from_conf(config.build());
        clients.insert(region.to_owned(), client.clone());
        client
    }

    /// Credentials that last so long, or nearly as long as new ones do.
    pub(super) async fn lasting(&self, asked: Duration) -> Result<Held, Error> {
        let provider = self.aws.credentials_provider();
        provider.held_lasting(asked, LAST_USE).await
    }

    /// Ends an upload that is not to be completed, and frees what its parts take. One that is not there is no error.
    pub(super) async fn abort(&self, deed: Deed<'_>, upload_id: &str) -> Result<(), Error> {
        let action = "s3:AbortMultipartUpload";
        let key = deed.key();
        let aborted = self
            .ask(Deed { action, ..deed }, |s3, credentials| {
                s3.abort_multipart_upload()
                    .bucket(&deed.folder.bucket)
                    .key(&key)
                    .upload_id(upload_id)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await;
        match aborted {
            Ok(_) | Err(Error::File(FileError::NotFound { .. })) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// As [`abort`](Self::abort), and makes sure: a part that was on its way may arrive after it, and stay
    /// (S3 API reference, "`AbortMultipartUpload`").
    pub(super) async fn abort_all_of(&self, deed: Deed<'_>, upload_id: &str) -> Result<(), Error> {
        for _ in 0..3 {
            self.abort(deed, upload_id).await?;
            match self.parts(deed, upload_id).await {
                Ok(_) => {}
                Err(Error::File(FileError::NotFound { .. })) => return Ok(()),
                // Whoever may not look has done what they can.
                Err(Error::NotAllowed { .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        let cause = TransientCause::NotTheService;
        Err(Error::Transient {
            service: AwsService::S3,
            cause,
        })
    }

    /// The parts S3 has of an upload: number, size, entity tag.
    pub(super) async fn parts(
        &self,
        deed: Deed<'_>,
        upload_id: &str,
    ) -> Result<Vec<(i32, u64, String)>, Error> {
        let (action, key) = ("s3:ListMultipartUploadParts", deed.key());
        let (mut parts, mut marker) = (Vec::new(), None::<String>);
        loop {
            let answer = self
                .ask(Deed { action, ..deed }, |s3, credentials| {
                    s3.list_parts()
                        .bucket(&deed.folder.bucket)
                        .key(&key)
                        .upload_id(upload_id)
                        .set_part_number_marker(marker.clone())
                        .customize()
                        .config_override(credentials)
                        .send()
                })
                .await?;
            for part in answer.parts() {
                let size = part.size.and_then(|size| size.try_into().ok()).unwrap_or(0);
                let etag = part.e_tag().unwrap_or_default().to_owned();
                parts.push((part.part_number.unwrap_or_default(), size, etag));
            }
            let last = marker;
            marker = answer.next_part_number_marker.clone();
            if !answer.is_truncated.unwrap_or_default() || marker.is_none() || marker == last {
                return Ok(parts);
            }
        }
    }

    /// Aborts uploads to this very key that were begun since then, but for the one that is known.
    pub(super) async fn abort_begun_since(
        &self,
        deed: Deed<'_>,
        since: SystemTime,
        known: Option<&str>,
    ) -> Result<(), Error> {
        let (action, key) = ("s3:ListBucketMultipartUploads", deed.key());
        let listed = self
            .ask(
                Deed {
                    action,
                    path: None,
                    ..deed
                },
                |s3, credentials| {
                    s3.list_multipart_uploads()
                        .bucket(&deed.folder.bucket)
                        .prefix(&key)
                        .customize()
                        .config_override(credentials)
                        .send()
                },
            )
            .await;
        let answer = match listed {
            Err(Error::NotAllowed { .. }) => {
                tracing::warn!("uploads that were begun cannot be looked for");
                return Ok(());
            }
            answer => answer?,
        };
        for upload in answer.uploads() {
            let begun = upload
                .initiated
                .and_then(|begun| SystemTime::try_from(begun).ok());
            let encoded = answer.encoding_type == Some(EncodingType::Url);
            let named = upload.key().unwrap_or_default();
            let named = if encoded {
                decoded(named)?
            } else {
                named.to_owned()
            };
            if named == key
                // Its clock and ours are not one.
                && begun.is_some_and(|begun| begun + APART >= since)
                && let Some(id) = upload.upload_id()
                && known != Some(id)
            {
                self.abort_all_of(deed, id).await?;
            }
        }
        Ok(())
    }

    /// Asks S3 for `deed`; once more with new credentials when it took those for expired.
    pub(super) async fn ask<T, E, F>(
        &self,
        deed: Deed<'_>,
        request: impl Fn(s3::Client, s3::config::Builder) -> F + Send + Sync,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + Send,
        T: Send,
    {
        let client = self.client(&deed.folder.region);
        // Boxed: the futures of the SDK are large, and nested deep.
        let answer = Box::pin(self.aws.signed(|held| {
            let credentials = s3::config::Builder::new().credentials_provider(held.credentials);
            let answer = request(client.clone(), credentials);
            async move { answer.await.map_err(|error| deed.refused(&error)) }
        }));
        let answer = answer.await;
        match answer {
            Err(error) => Err(self.with_role(error).await),
            answer => answer,
        }
    }

    /// What an error code inside an answer means.
    pub(super) async fn told(&self, deed: Deed<'_>, code: &str) -> Error {
        let refusal = Refusal {
            code: code
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(80)
                .collect(),
            message: String::new(),
        };
        self.with_role(deed.meaning(refusal)).await
    }

    /// S3's refusal names the role in prose only, if at all; STS says it for sure.
    async fn with_role(&self, error: Error) -> Error {
        let Error::NotAllowed {
            action, resource, ..
        } = error
        else {
            return error;
        };
        let caller = Box::pin(self.aws.caller_identity()).await.ok();
        let role = caller.map(|caller| caller.role_arn);
        Error::NotAllowed {
            action,
            resource,
            role,
        }
    }
}
