//! How much all transfers together may have under way.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) const MIB: u64 = 1024 * 1024;
/// Requests in flight. More do not make a line faster, and each takes its buffers.
const REQUESTS: usize = 16;
/// Megabytes read and not yet sent, or received and not yet written, whatever the size and number of files.
const MEMORY: usize = 40;
/// Larger parts, of files above 160 GB, are sent from the disk.
pub(super) const IN_MEMORY: u64 = 16 * MIB;

#[derive(Debug)]
pub(super) struct Limits {
    slots: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

/// The right to one request; dropped when it is over.
pub(super) struct Room(
    #[expect(dead_code, reason = "it is there to be dropped")] [Option<OwnedSemaphorePermit>; 2],
);

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(REQUESTS)),
            memory: Arc::new(Semaphore::new(MEMORY)),
        }
    }

    /// Waits until another request may be sent that is to hold so many bytes.
    pub(super) async fn room(&self, bytes: u64) -> Room {
        let megabytes = bytes.min(IN_MEMORY).div_ceil(MIB).max(1);
        // Never an error: nobody closes them.
        let slot = self.slots.clone().acquire_owned().await.ok();
        let memory = self.memory.clone();
        let memory = memory
            .acquire_many_owned(u32::try_from(megabytes).unwrap_or(1))
            .await
            .ok();
        Room([slot, memory])
    }
}
