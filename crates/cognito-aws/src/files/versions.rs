//! Whether a bucket keeps what is deleted and overwritten.

use aws_sdk_s3::types::BucketVersioningStatus;

use super::s3::Deed;
use super::{Files, Folder};
use crate::error::Error;

impl Files {
    /// Whether the folder's bucket keeps versions, so that [`undelete`](Self::undelete) can bring back what
    /// [`delete`](Self::delete) takes; `None` where the role may not ask (S3 API reference, "`GetBucketVersioning`").
    ///
    /// # Errors
    /// Any but [`Error::Payload`] and [`Error::NotAllowed`].
    pub async fn keeps_versions(&self, folder: &Folder) -> Result<Option<bool>, Error> {
        let deed = Deed {
            action: "s3:GetBucketVersioning",
            folder,
            path: None,
        };
        let answer = self
            .s3
            .ask(deed, |s3, credentials| {
                s3.get_bucket_versioning()
                    .bucket(&folder.bucket)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await;
        match answer {
            // Where it was suspended, what is deleted leaves no version of its own.
            Ok(answer) => Ok(Some(answer.status == Some(BucketVersioningStatus::Enabled))),
            Err(Error::NotAllowed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
