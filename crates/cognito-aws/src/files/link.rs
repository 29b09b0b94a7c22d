//! A link to a file for somebody else: whoever has it may download the file until it dies.

use std::time::{Duration, SystemTime};

use aws_sdk_s3 as s3;
use aws_sdk_s3::presigning::PresigningConfig;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;
use url::Url;

use super::s3::Deed;
use super::{FileError, Files, Folder, names};
use crate::error::{AwsService, Error};

/// The longest a signature of version 4 may be asked to last (S3 guide, "Sharing objects with presigned URLs").
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A presigned URL. It is a secret, shown to the person and to nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The address.
    pub url: Url,
    /// When it dies: as asked, or earlier with the credentials it was signed with.
    pub expires: SystemTime,
}

impl Files {
    /// A link that downloads an object, for as long as asked if the credentials last so long. Where those at hand do
    /// not, and are not nearly new, others are got first. A download that has begun goes on.
    ///
    /// # Errors
    /// [`FileError::NotFound`] where there is no such object; any but [`Error::Payload`].
    pub async fn link(&self, folder: &Folder, path: &str, asked: Duration) -> Result<Link, Error> {
        let key = folder.key(path);
        names::check_key(&key)?;
        let entry = self.s3.stat(folder, path).await?;
        let entry = entry.ok_or_else(|| FileError::NotFound {
            name: path.to_owned(),
        })?;
        let entry = entry.into_file()?;
        let held = self.s3.lasting(asked.min(LONGEST)).await?;
        let now = self.s3.session().now();
        let left = held.expires.duration_since(now).unwrap_or_default();
        let life = Duration::from_secs(asked.min(LONGEST).min(left).as_secs().max(1));
        let unusable = |problem| Error::Protocol {
            service: AwsService::S3,
            problem,
        };
        let presigning = PresigningConfig::builder()
            .start_time(now)
            .expires_in(life)
            .build();
        let presigning = presigning.map_err(|_| unusable("cannot be given a link of that life"))?;
        let name = utf8_percent_encode(entry.name(), NON_ALPHANUMERIC);
        let deed = Deed::read(folder, path);
        let credentials = s3::config::Builder::new().credentials_provider(held.credentials);
        let signed = self
            .s3
            .client(&folder.region)
            .get_object()
            .bucket(&folder.bucket)
            .key(&key)
            // A browser saves it and opens nothing of it (RFC 6266).
            .response_content_disposition(format!("attachment; filename*=UTF-8''{name}"))
            .customize()
            .config_override(credentials)
            .presigned(presigning)
            // The signer logs what it signs: here all but the signature of the link, its session token too.
            .with_subscriber(NoSubscriber::new())
            .await
            .map_err(|error| deed.refused(&error))?;
        let url = Url::parse(signed.uri()).map_err(|_| unusable("cannot be addressed"))?;
        Ok(Link {
            url,
            expires: now + life,
        })
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
