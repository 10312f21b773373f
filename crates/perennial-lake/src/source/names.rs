//! Many ids in little memory: each is stored once and known by its number from then on.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Text is kept in blocks of this many bytes, so that holding more never copies what is held.
const BLOCK_BYTES: usize = 256 << 10;

/// Ids in the order they were first met. About 20 bytes and the id itself for each.
#[derive(Default)]
pub struct Names {
    text: Text,
    table: HashTable<u32>,
    hasher: RandomState,
}

#[derive(Default)]
struct Text {
    blocks: Vec<String>,
    starts: Vec<Start>,
}

/// Where a name begins; it ends where the next one in its block does, or with the block.
#[derive(Clone, Copy)]
struct Start {
    block: u32,
    offset: u32,
}

impl Names {
    /// The number of `name`, and whether it is new.
    pub fn number(&mut self, name: &str) -> (u32, bool) {
        let hash = self.hasher.hash_one(name);
        if let Some(&number) = self.table.find(hash, |&number| self.text.get(number) == name) {
            return (number, false);
        }
        let number = self.text.starts.len() as u32;
        self.text.push(name);
        let (text, hasher) = (&self.text, &self.hasher);
        self.table.insert_unique(hash, number, |&number| hasher.hash_one(text.get(number)));
        (number, true)
    }

    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(name);
        self.table.find(hash, |&number| self.text.get(number) == name).copied()
    }

    #[must_use]
    pub fn name(&self, number: u32) -> &str {
        self.text.get(number)
    }

    /// Memory held, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let blocks = self.text.blocks.len() * BLOCK_BYTES;
        blocks + self.text.starts.capacity() * size_of::<Start>() + self.table.capacity() * (size_of::<u32>() + 1)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.text.starts.len()
    }
}

impl Text {
    fn push(&mut self, name: &str) {
        let is_full = |block: &String| block.len() + name.len() > block.capacity();
        if self.blocks.last().is_none_or(is_full) {
            self.blocks.push(String::with_capacity(BLOCK_BYTES.max(name.len())));
        }
        let block = self.blocks.len() as u32 - 1;
        if let Some(text) = self.blocks.last_mut() {
            self.starts.push(Start { block, offset: text.len() as u32 });
            text.push_str(name);
        }
    }

    fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let Some(start) = self.starts.get(number) else { return "" };
        let Some(block) = self.blocks.get(start.block as usize) else { return "" };
        let end =
            self.starts.get(number + 1).filter(|next| next.block == start.block).map_or(block.len(), |next| next.offset as usize);
        block.get(start.offset as usize..end).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers() {
        let mut names = Names::default();
        for round in 0..2 {
            for n in 0..5_000_u32 {
                assert_eq!(names.number(&format!("order-{n}")), (n, round == 0));
            }
        }
        assert_eq!(
            (names.name(0), names.name(4_999), names.find("order-77"), names.find("")),
            ("order-0", "order-4999", Some(77), None)
        );
    }

    #[test]
    fn a_name_never_lies_across_two_blocks() {
        let mut names = Names::default();
        let long = |n: usize| "é".repeat(n * 997 % 70_000) + &n.to_string();
        let all: Vec<String> = (0..40).map(long).chain([String::new(), "x".repeat(BLOCK_BYTES * 2), "last".to_owned()]).collect();
        for (number, name) in all.iter().enumerate() {
            assert_eq!(names.number(name), (number as u32, true));
        }
        assert!(names.text.blocks.len() > 4);
        for (number, name) in all.iter().enumerate() {
            assert_eq!((names.name(number as u32), names.find(name)), (name.as_str(), Some(number as u32)));
        }
        assert_eq!(names.name(all.len() as u32), "");
    }
}
