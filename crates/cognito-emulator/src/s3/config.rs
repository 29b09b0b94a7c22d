//! The buckets of an emulated account.

/// A bucket.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Its name, by S3's rules.
    pub name: String,
    /// Whether versioning is enabled: then an overwritten or deleted object can be had back.
    pub versioned: bool,
    /// What lies in it from the start, where nothing of that name does yet.
    pub samples: Vec<Sample>,
}

/// An object that is there from the start.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its key.
    pub key: String,
    /// `Content-Type`.
    pub content_type: String,
    /// Its content.
    pub content: Vec<u8>,
}

impl Bucket {
    /// An empty bucket without versioning.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Turns versioning on.
    #[must_use]
    pub fn versioned(mut self) -> Self {
        self.versioned = true;
        self
    }

    /// Puts an object in it.
    #[must_use]
    pub fn with_sample(
        mut self,
        key: impl Into<String>,
        content_type: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        self.samples.push(Sample {
            key: key.into(),
            content_type: content_type.into(),
            content: content.into(),
        });
        self
    }
}
