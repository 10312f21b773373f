//! Many ids in little memory: each is stored once and known by its number from then on.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Ids in the order they were first met. About 25 bytes and the id itself for each.
#[derive(Default)]
pub struct Names {
    text: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: RandomState,
}

impl Names {
    /// The number of `name`, and whether it is new.
    pub fn number(&mut self, name: &str) -> (u32, bool) {
        let hash = self.hasher.hash_one(name);
        if let Some(&number) = self.table.find(hash, |&number| get(&self.text, &self.ends, number) == name) {
            return (number, false);
        }
        let number = self.ends.len() as u32;
        self.text.push_str(name);
        self.ends.push(self.text.len());
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        self.table.insert_unique(hash, number, |&number| hasher.hash_one(get(text, ends, number)));
        (number, true)
    }

    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(name);
        self.table.find(hash, |&number| get(&self.text, &self.ends, number) == name).copied()
    }

    #[must_use]
    pub fn name(&self, number: u32) -> &str {
        get(&self.text, &self.ends, number)
    }

    /// Memory held, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>() + self.table.capacity() * (size_of::<u32>() + 1)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

fn get<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let from = if number == 0 { 0 } else { ends.get(number - 1).copied().unwrap_or(0) };
    ends.get(number).and_then(|&to| text.get(from..to)).unwrap_or("")
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
}
