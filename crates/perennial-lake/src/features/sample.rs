//! Which customers a table of features is of: everybody, or a sample that is the same in every run and at every as-of day.

use crate::table::hash::hash;

/// Seed of the hash by which customers are drawn; no other choice in the lake depends on it.
const SEED: u64 = 0x5a;

/// Customers whose id hashes to this or below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    most: u64,
}

impl Sample {
    pub const EVERYBODY: Self = Self { most: u64::MAX };

    /// About so many of so many customers; everybody where that is enough. A larger sample holds the smaller ones.
    #[must_use]
    pub fn of(wanted: usize, customers: usize) -> Self {
        if wanted >= customers {
            return Self::EVERYBODY;
        }
        Self { most: (wanted as f64 / customers as f64 * u64::MAX as f64) as u64 }
    }

    #[must_use]
    pub fn takes(self, customer_id: &str) -> bool {
        self == Self::EVERYBODY || rank(customer_id) <= self.most
    }
}

/// Where a customer stands in the order of drawing.
#[must_use]
pub fn rank(customer_id: &str) -> u64 {
    hash(customer_id.as_bytes(), SEED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_about_the_size_and_grows_by_adding() {
        let ids: Vec<String> = (0..20_000).map(|i| format!("c{i}")).collect();
        let drawn = |wanted| ids.iter().filter(|id| Sample::of(wanted, ids.len()).takes(id)).collect::<Vec<_>>();
        let (few, many) = (drawn(2_000), drawn(5_000));
        assert!((1_850..2_150).contains(&few.len()) && (4_800..5_200).contains(&many.len()), "{} {}", few.len(), many.len());
        assert!(few.iter().all(|id| many.contains(id)));
        assert_eq!(drawn(20_000).len(), 20_000);
    }
}
