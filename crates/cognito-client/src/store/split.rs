//! Fits a secret of any length into items of limited length, replaced atomically.
//!
//! The item named by the key is the only one read first. It holds the secret itself when that fits;
//! else the number of parts, a generation and a digest of the whole. The parts of a new generation are
//! written beside those of the old one, then the key's item is replaced, which is the moment the new
//! secret takes the old one's place; then the old parts are deleted. A crash in between leaves at most
//! parts that nothing refers to, and a later save or delete finds those.

use aws_lc_rs::digest::{SHA256, digest};

use super::{Secret, StoreError};

/// A place for named, small secrets.
pub(crate) trait Items {
    /// The most bytes one item holds.
    const MAX_BYTES: usize;
    fn read(&self, item: &str) -> Result<Option<Secret>, StoreError>;
    fn write(&self, item: &str, secret: &[u8]) -> Result<(), StoreError>;
    /// Deleting what is not there succeeds.
    fn delete(&self, item: &str) -> Result<(), StoreError>;
}

const WHOLE: u8 = b'W';
const SPLIT: u8 = b'S';
/// Tag, generation, number of parts, digest.
const HEADER_BYTES: usize = 1 + 1 + 1 + 32;
/// Generations alternate, so that old and new parts never share a name.
const GENERATIONS: u8 = 2;

struct Header {
    generation: u8,
    parts: u8,
    digest: [u8; 32],
}

fn part(key: &str, generation: u8, index: u8) -> String {
    format!("{key} ({generation}.{index})")
}

fn header(items: &impl Items, key: &str) -> Result<Option<Header>, StoreError> {
    Ok(items.read(key)?.and_then(|item| parse(&item)))
}

fn parse(item: &[u8]) -> Option<Header> {
    if item.len() != HEADER_BYTES || item[0] != SPLIT || item[1] >= GENERATIONS {
        return None;
    }
    Some(Header {
        generation: item[1],
        parts: item[2],
        digest: item[3..].try_into().ok()?,
    })
}

pub(crate) fn load(items: &impl Items, key: &str) -> Result<Option<Secret>, StoreError> {
    let mut item = items.read(key)?;
    loop {
        let loaded = assemble(items, key, item.as_deref());
        if loaded != Err(StoreError::Damaged) {
            return loaded;
        }
        // Another process may have replaced it between one item and the next.
        let again = items.read(key)?;
        if again == item {
            return loaded;
        }
        item = again;
    }
}

fn assemble(
    items: &impl Items,
    key: &str,
    item: Option<&Vec<u8>>,
) -> Result<Option<Secret>, StoreError> {
    let Some(item) = item else {
        return Ok(None);
    };
    if let Some((&WHOLE, secret)) = item.split_first() {
        return Ok(Some(Secret::new(secret.to_vec())));
    }
    let header = parse(item).ok_or(StoreError::Damaged)?;
    let mut secret = Secret::new(Vec::with_capacity(usize::from(header.parts) * 2_560));
    for index in 0..header.parts {
        let part = items
            .read(&part(key, header.generation, index))?
            .ok_or(StoreError::Damaged)?;
        secret.extend_from_slice(&part);
    }
    if digest(&SHA256, &secret).as_ref() != header.digest {
        return Err(StoreError::Damaged);
    }
    Ok(Some(secret))
}

pub(crate) fn save<I: Items>(items: &I, key: &str, secret: &[u8]) -> Result<(), StoreError> {
    let old = header(items, key)?;
    let generation = old
        .as_ref()
        .map_or(0, |old| (old.generation + 1) % GENERATIONS);
    let mut head = Secret::new(Vec::new());
    let mut parts = 0;
    if secret.len() < I::MAX_BYTES {
        head.push(WHOLE);
        head.extend_from_slice(secret);
    } else {
        parts = u8::try_from(secret.len().div_ceil(I::MAX_BYTES)).map_err(|_| StoreError::Full)?;
        for (index, bytes) in (0..).zip(secret.chunks(I::MAX_BYTES)) {
            items.write(&part(key, generation, index), bytes)?;
        }
        head.extend([SPLIT, generation, parts]);
        head.extend_from_slice(digest(&SHA256, secret).as_ref());
    }
    items.write(key, &head)?;
    // Read back: a Secret Service without a default collection accepts a write and keeps nothing.
    if load(items, key)?.is_none_or(|kept| *kept != secret) {
        return Err(StoreError::NotKept);
    }
    if let Some(old) = old {
        delete_parts(items, key, old.generation, 0)?;
    }
    // Parts a crash, or a longer secret of this generation's last turn, left behind.
    delete_parts(items, key, generation, parts)
}

pub(crate) fn delete(items: &impl Items, key: &str) -> Result<(), StoreError> {
    items.delete(key)?;
    (0..GENERATIONS).try_for_each(|generation| delete_parts(items, key, generation, 0))
}

/// Deletes a generation's parts from index `from` on. The last one first: a crash leaves no gap, behind
/// which the rest would never be found again.
fn delete_parts(items: &impl Items, key: &str, generation: u8, from: u8) -> Result<(), StoreError> {
    let mut end = from;
    while items.read(&part(key, generation, end))?.is_some() && end < u8::MAX {
        end += 1;
    }
    (from..end)
        .rev()
        .try_for_each(|index| items.delete(&part(key, generation, index)))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use super::*;

    /// Items as Windows Credential Manager has them, which can die after a number of writes.
    #[derive(Default)]
    struct Windows {
        items: RefCell<BTreeMap<String, Vec<u8>>>,
        writes_left: Cell<Option<usize>>,
    }

    impl Windows {
        fn spend(&self) -> Result<(), StoreError> {
            match self.writes_left.get() {
                Some(0) => Err(StoreError::Failed),
                Some(left) => {
                    self.writes_left.set(Some(left - 1));
                    Ok(())
                }
                None => Ok(()),
            }
        }
    }

    impl Items for Windows {
        const MAX_BYTES: usize = 2_560;

        fn read(&self, item: &str) -> Result<Option<Secret>, StoreError> {
            Ok(self.items.borrow().get(item).cloned().map(Secret::new))
        }

        fn write(&self, item: &str, secret: &[u8]) -> Result<(), StoreError> {
            if secret.len() > Self::MAX_BYTES {
                return Err(StoreError::Full);
            }
            self.spend()?;
            self.items.borrow_mut().insert(item.into(), secret.to_vec());
            Ok(())
        }

        fn delete(&self, item: &str) -> Result<(), StoreError> {
            self.spend()?;
            self.items.borrow_mut().remove(item);
            Ok(())
        }
    }

    fn secret(length: usize, fill: u8) -> Vec<u8> {
        (0..length).map(|i| fill ^ (i % 251) as u8).collect()
    }

    #[test]
    fn every_length_comes_back_and_leaves_nothing_behind() {
        let items = Windows::default();
        for length in [
            0, 1, 2_558, 2_559, 2_560, 2_561, 5_119, 5_120, 5_121, 20_000, 3_000, 10,
        ] {
            let secret = secret(length, 7);
            save(&items, "key", &secret).unwrap();
            assert_eq!(
                load(&items, "key").unwrap().unwrap().as_slice(),
                secret,
                "{length}"
            );
            let expected = if length < 2_560 {
                1
            } else {
                1 + length.div_ceil(2_560)
            };
            assert_eq!(items.items.borrow().len(), expected, "{length}");
        }
        delete(&items, "key").unwrap();
        assert!(items.items.borrow().is_empty());
        assert_eq!(load(&items, "key").unwrap(), None);
    }

    #[test]
    fn a_crash_at_any_write_leaves_the_old_or_the_new_secret_whole() {
        for (before, after) in [(6_000, 8_000), (8_000, 6_000), (100, 6_000), (6_000, 100)] {
            for writes in 0..12 {
                let items = Windows::default();
                let (old, new) = (secret(before, 1), secret(after, 2));
                save(&items, "key", &old).unwrap();
                items.writes_left.set(Some(writes));
                let saved = save(&items, "key", &new);
                items.writes_left.set(None);
                let kept = load(&items, "key").unwrap().unwrap();
                assert!(*kept == old || *kept == new, "{before} {after} {writes}");
                assert!(saved.is_err() || *kept == new, "{before} {after} {writes}");
                // Whatever is kept next, and then not even that.
                for length in [before, 10] {
                    let left = items.items.borrow().clone();
                    save(&items, "key", &secret(length, 3)).unwrap();
                    delete(&items, "key").unwrap();
                    assert!(items.items.borrow().is_empty(), "{before} {after} {writes}");
                    items.items.replace(left);
                }
            }
        }
    }

    #[test]
    fn a_damaged_part_is_never_read_as_whole() {
        let items = Windows::default();
        save(&items, "key", &secret(6_000, 3)).unwrap();
        items.items.borrow_mut().get_mut("key (0.1)").unwrap()[5] ^= 1;
        assert_eq!(load(&items, "key"), Err(StoreError::Damaged));
        items.items.borrow_mut().remove("key (0.1)");
        assert_eq!(load(&items, "key"), Err(StoreError::Damaged));
        // Signing in again mends it.
        save(&items, "key", &secret(6_000, 4)).unwrap();
        assert!(load(&items, "key").unwrap().is_some());
    }
}
