//! Customers, those of one (x, T) together: what depends on that alone is worked out once for all of them.
//!
//! Assumes  nothing a customer is told depends on who else is there, so that one alone gets the same bits as among a million.
//! Input    [`Customers`] and what to do with each [`Pair`].
//! Output   what the visits gathered, task by task, in an order that does not depend on the number of threads.
//! Cost     one sort of the histories.
//! Ref      Fader, Hardie & Lee (2005): given life, the future depends on x and T alone.

use super::customers::Customers;
use super::law::Law;
use super::living::Living;
use super::spend::{FittedSpend, Kernel, Mixture};
use crate::parallel;

/// The customers of one (x, T), sorted by t_x.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'rows> {
    pub x: f64,
    pub t: f64,
    pub rows: &'rows [u32],
}

impl<'rows> Pair<'rows> {
    /// Runs of rows of one t_x.
    pub fn triples(self, customers: &Customers) -> impl Iterator<Item = &'rows [u32]> {
        self.rows.chunk_by(move |a, b| customers.history(*a as usize).t_x == customers.history(*b as usize).t_x)
    }
}

/// Visits every pair; a task's pairs share x, and so its [`Kernels`].
pub(super) fn walk<T: Default + Send>(
    customers: &Customers,
    threads: usize,
    visit: impl Fn(&mut T, &mut Kernels, Pair<'_>) + Sync,
) -> Walked<T> {
    let sorted = customers.sorted();
    let done = parallel::map(threads, sorted.tasks.clone(), |task| {
        let (mut gathered, mut kernels) = (T::default(), Kernels::default());
        let age = |row: &u32| customers.history(*row as usize).t;
        for rows in sorted.rows[task].chunk_by(|a, b| age(a) == age(b)) {
            let seen = customers.history(rows[0] as usize);
            visit(&mut gathered, &mut kernels, Pair { x: seen.x, t: seen.t, rows });
        }
        gathered
    });
    Walked { rows: sorted.rows, done }
}

/// The rows in the order they were visited, and what was gathered of them.
pub(super) struct Walked<T> {
    pub rows: Vec<u32>,
    pub done: Vec<T>,
}

/// The spend kernels of one x and some horizons: of customers whose amounts are known, and of those whose are not.
#[derive(Debug, Default)]
pub(super) struct Kernels {
    all: Vec<[Option<Kernel>; 2]>,
}

/// What a spend law is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub law: &'a Law,
    pub spend: &'a FittedSpend,
    /// Which of several horizons this is, and its days.
    pub at: usize,
    pub days: f64,
}

impl Kernels {
    /// Gets ready for [`Self::mix`] of a pair: only what some row needs.
    pub fn grow(&mut self, asked: Asked<'_>, pair: Pair<'_>, needs: [bool; 2], counts: usize) {
        if self.all.len() <= asked.at {
            self.all.resize(asked.at + 1, [None, None]);
        }
        for (i, slot) in self.all[asked.at].iter_mut().enumerate().filter(|(i, _)| needs[*i]) {
            let kernel = slot.get_or_insert_with(|| {
                let far = count_far(&asked.law.living(pair.x, pair.x.max(1.0)), asked.days);
                Kernel::of(asked.spend, if i == KNOWN { pair.x } else { 0.0 }, far)
            });
            kernel.grow(counts);
        }
    }

    /// The law of S/γ′ of the living customers of a pair: where their amounts are known, and where not.
    pub fn mix(&self, at: usize, needs: [bool; 2], counts: &[f64]) -> [Option<Mixture<'_>>; 2] {
        let slots = &self.all[at];
        std::array::from_fn(|i| slots[i].as_ref().filter(|_| needs[i]).map(|kernel| kernel.mix(counts)))
    }
}

/// Index of the customers whose amounts are known; the others have index 1.
pub(super) const KNOWN: usize = 0;

/// Which of the two a customer is of.
pub(super) fn kind(customers: &Customers, row: u32) -> usize {
    let row = row as usize;
    if customers.spent(row)[0] == customers.history(row).x { KNOWN } else { 1 - KNOWN }
}

pub(super) fn kinds(customers: &Customers, rows: &[u32]) -> [bool; 2] {
    let mut needs = [false; 2];
    rows.iter().for_each(|row| needs[kind(customers, *row)] = true);
    needs
}

/// A count of orders that the busiest customer of this x will hardly reach in `days`.
fn count_far(busiest: &Living, days: f64) -> f64 {
    let tau = days / busiest.alpha;
    let mean = busiest.r * tau;
    mean + 8.0 * (mean * (1.0 + tau)).sqrt() + 20.0
}
