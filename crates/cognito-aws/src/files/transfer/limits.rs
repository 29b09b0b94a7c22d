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

/// Has the allocator keep a little of what is received and given back, to be used again. glibc gives it to the system at
/// once and takes each page anew, until as much as this was freed in one piece; from then on, twice as much may stay at the
/// end of each heap (mallopt(3), `M_MMAP_THRESHOLD` and `M_TRIM_THRESHOLD`). Nothing is written there, and so it takes no
/// memory.
pub(super) fn keep_memory() {
    const KEPT: usize = 2 * 1024 * 1024;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT)));
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
