//! A look at a file without downloading it: text and pictures. What it is, its first bytes say, and never its
//! `Content-Type`, which whoever uploaded it has chosen.

use aws_sdk_s3::primitives::ByteStream;

use super::s3::Deed;
use super::{EntryKind, FileError, Files, Folder, names};
use crate::error::{AwsService, Error};
use cognito_client::TransientCause;

/// So much of a text is shown.
const TEXT: u64 = 64 * 1024;
/// Larger pictures are not shown.
const PICTURE: u64 = 10 * 1024 * 1024;

/// What can be shown of a file. HTML and SVG are shown as the text they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preview {
    /// The beginning of a text.
    Text {
        /// Valid UTF-8, without control characters other than tabs and line ends.
        text: String,
        /// Whether that is all of it.
        complete: bool,
    },
    /// A picture, whole.
    Picture {
        /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
        media_type: &'static str,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Neither.
    None,
    /// A picture of more than 10 MB.
    TooLarge,
}

impl Files {
    /// Looks at the beginning of an object.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::Archived`], or any but [`Error::Payload`].
    pub async fn preview(&self, folder: &Folder, path: &str) -> Result<Preview, Error> {
        names::check_key(&folder.key(path))?;
        let entry = self.s3.stat(folder, path).await?;
        let entry = entry.ok_or_else(|| FileError::NotFound {
            name: path.to_owned(),
        })?;
        let EntryKind::File {
            size,
            etag,
            archived: false,
            ..
        } = entry.into_file()?.kind
        else {
            return Err(FileError::Archived {
                name: path.to_owned(),
            }
            .into());
        };
        if size == 0 {
            return Ok(Preview::Text {
                text: String::new(),
                complete: true,
            });
        }
        let mut bytes = self.bytes(folder, path, &etag, 0..size.min(TEXT)).await?;
        let Some(media_type) = picture(&bytes) else {
            return Ok(text(&bytes, size).unwrap_or(Preview::None));
        };
        if size > PICTURE {
            return Ok(Preview::TooLarge);
        }
        if size > TEXT {
            bytes.extend(self.bytes(folder, path, &etag, TEXT..size).await?);
        }
        Ok(Preview::Picture { media_type, bytes })
    }

    /// These bytes, of this very version.
    async fn bytes(
        &self,
        folder: &Folder,
        path: &str,
        etag: &str,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<u8>, Error> {
        let key = folder.key(path);
        let answer = self
            .s3
            .ask(Deed::read(folder, path), |s3, credentials| {
                s3.get_object()
                    .bucket(&folder.bucket)
                    .key(&key)
                    .if_match(etag)
                    .range(format!("bytes={}-{}", range.start, range.end - 1))
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        let bytes = ByteStream::collect(answer.body).await;
        let bytes = bytes.map_err(|_| Error::Transient {
            service: AwsService::S3,
            cause: TransientCause::Unreachable,
        })?;
        let mut bytes = bytes.to_vec();
        // Whoever ignores the range sends more.
        bytes.truncate(usize::try_from(range.end - range.start).unwrap_or(usize::MAX));
        Ok(bytes)
    }
}

fn picture(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

/// UTF-8 without what no text has; the last letter may be cut where the bytes end early.
fn text(bytes: &[u8], size: u64) -> Option<Preview> {
    let complete = bytes.len() as u64 >= size;
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if !complete && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_text = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    text.chars().all(is_text).then(|| Preview::Text {
        text: text.to_owned(),
        complete,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_its_first_bytes_say() {
        assert_eq!(picture(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(picture(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(picture(b"GIF89a"), Some("image/gif"));
        assert_eq!(picture(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(picture(b"RIFF\0\0\0\0WAVE"), None);
        assert_eq!(picture(b"<svg xmlns='http://www.w3.org/2000/svg'>"), None);
    }

    #[test]
    fn text_is_utf8_without_control_characters() {
        let shown = |bytes: &[u8], size| match text(bytes, size) {
            Some(Preview::Text { text, complete }) => Some((text, complete)),
            _ => None,
        };
        assert_eq!(
            shown("\u{feff}a\tä\r\n".as_bytes(), 8),
            Some(("a\tä\r\n".into(), true))
        );
        // Cut within a letter: only where there is more to come.
        assert_eq!(shown(b"a\xc3", 100), Some(("a".into(), false)));
        assert_eq!(shown(b"a\xc3", 2), None);
        assert_eq!(shown(b"a\xffb", 100), None);
        assert_eq!(shown(b"a\0b", 3), None);
        assert_eq!(shown(b"\x1b[31mred", 8), None);
    }
}
