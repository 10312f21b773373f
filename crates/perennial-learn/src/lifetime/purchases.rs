//! Customers as the BG/NBD family sees them: (x, t_x, T), equal ones counted once.
//!
//! Assumes  x counts repeat purchase occasions, so a customer with x = 0 has t_x = 0; t_x and T are ages in one unit.
//! Input    three columns [rows]: x whole, 0 ≤ t_x ≤ T.
//! Output   the distinct triples with x > 0 and their weights, and the sums that are all the others contribute.
//! Cost     one sort of the rows with x > 0; on a day grid a million customers leave about a hundred thousand triples.
//! Ref      Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2), p. 277.

use perennial_contract::{Table, estimator::FitError};

/// Largest x taken: a table of this length is still small, and no shopper has so many order days.
pub(crate) const X_MAX: f64 = 1_000_000.0;
/// Whole-number ages below this index the table of ages directly.
const DIRECT_AGE_MAX: f64 = 65_536.0;
/// Fewer repeaters than this, or a smaller share of all, and dropout cannot be told from a low order rate.
pub const REPEATERS_MIN: usize = 30;
pub const REPEATER_SHARE_MIN: f64 = 0.02;

/// The names of the three columns.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    pub x: &'static str,
    pub t_x: &'static str,
    pub t: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Triple {
    pub x: u32,
    /// Indices into `ages`.
    pub t_x: u32,
    pub t: u32,
    pub weight: f64,
}

#[derive(Clone, Debug)]
pub struct Purchases {
    pub(super) rows: usize,
    pub(super) repeaters: usize,
    pub(super) ages: Vec<f64>,
    pub(super) triples: Vec<Triple>,
    /// The customers with x = 0, by T; t_x is the index of age 0.
    pub(super) silent: Vec<Triple>,
    /// `above[k]` customers have x > k.
    pub(super) above: Vec<f64>,
    /// By age index: how many customers have this T, and how many repeats they have together.
    pub(super) at_age: Vec<(u32, f64, f64)>,
    pub(super) x_sum: f64,
    pub(super) t_sum: f64,
}

impl Purchases {
    /// Reads and checks the three columns; a row with a null is an error here, because a fit must not drop rows unasked.
    pub fn from_table(table: &Table, columns: Columns) -> Result<Self, FitError> {
        Self::from_slices(&table.f64s(columns.x)?, &table.f64s(columns.t_x)?, &table.f64s(columns.t)?, columns)
    }

    /// The same from slices of equal length.
    pub fn from_slices(x: &[f64], t_x: &[f64], t: &[f64], columns: Columns) -> Result<Self, FitError> {
        let extent = Extent::of([x, t_x, t], columns)?;
        let (ages, index) = Ages::of(t_x, t, &extent);
        let mut keys = Keys::sized(extent.x_max, ages.len());
        let (mut at_age, mut silent_at) = (vec![(0.0, 0.0); ages.len()], vec![0.0; ages.len()]);
        let x_max = extent.x_max as usize;
        let mut above = vec![0.0; x_max];
        for ((&x, &t_x), &t) in x.iter().zip(t_x).zip(t) {
            let t = index.find(&ages, t);
            at_age[t as usize].0 += 1.0;
            at_age[t as usize].1 += x;
            if x > 0.0 {
                above[x as usize - 1] += 1.0;
                keys.push(x as u32, index.find(&ages, t_x), t);
            } else {
                silent_at[t as usize] += 1.0;
            }
        }
        // Counts by x become counts of "more than k".
        for k in (1..x_max).rev() {
            above[k - 1] += above[k];
        }
        let at_age = seen_ages(at_age);
        let first = index.find(&ages, 0.0);
        let silent = (0_u32..)
            .zip(silent_at)
            .filter(|(_, n)| *n > 0.0)
            .map(|(t, weight)| Triple { x: 0, t_x: first, t, weight })
            .collect();
        Ok(Self {
            rows: x.len(),
            repeaters: keys.rows(),
            triples: keys.distinct(),
            silent,
            x_sum: x.iter().sum(),
            t_sum: at_age.iter().map(|(age, n, _)| ages[*age as usize] * n).sum(),
            ages,
            above,
            at_age,
        })
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Every distinct history, with those of x = 0.
    pub(super) fn everyone(&self) -> Vec<Triple> {
        self.silent.iter().chain(&self.triples).copied().collect()
    }

    /// Every `step`-th distinct history: not the data, but near enough to tell where a search should begin.
    pub(super) fn thinned(&self, step: usize) -> Self {
        let pick = |all: &[Triple]| all.iter().step_by(step).copied().collect::<Vec<_>>();
        let (triples, silent) = (pick(&self.triples), pick(&self.silent));
        let mut above = vec![0.0; self.above.len()];
        let mut at_age = vec![(0.0, 0.0); self.ages.len()];
        let (mut rows, mut repeaters, mut x_sum, mut t_sum) = (0.0, 0.0, 0.0, 0.0);
        for triple in triples.iter().chain(&silent) {
            let repeats = triple.weight * f64::from(triple.x);
            rows += triple.weight;
            x_sum += repeats;
            t_sum += triple.weight * self.ages[triple.t as usize];
            at_age[triple.t as usize].0 += triple.weight;
            at_age[triple.t as usize].1 += repeats;
            if triple.x > 0 {
                repeaters += triple.weight;
                above[triple.x as usize - 1] += triple.weight;
            }
        }
        for k in (1..above.len()).rev() {
            above[k - 1] += above[k];
        }
        let (rows, repeaters, ages) = (rows as usize, repeaters as usize, self.ages.clone());
        Self { rows, repeaters, ages, triples, silent, above, at_age: seen_ages(at_age), x_sum, t_sum }
    }

    /// Orders for each unit of a customer's age, and ln of the mean age: the scales a search begins from.
    pub(super) fn scales(&self) -> (f64, f64) {
        (self.x_sum / self.t_sum, libm::log(self.t_sum / self.rows as f64))
    }

    /// Distinct histories with a repeat.
    #[must_use]
    pub fn histories(&self) -> usize {
        self.triples.len()
    }

    #[must_use]
    pub fn repeaters(&self) -> usize {
        self.repeaters
    }

    /// Whether there is enough repeat buying to tell a low order rate from dropout; the reason where not.
    pub fn carries_a_model(&self) -> Result<(), FitError> {
        let (rows, repeaters) = (self.rows, self.repeaters);
        if rows == 0 {
            return Err(FitError::Refused("no customer with an order to learn from".to_owned()));
        }
        if self.t_sum <= 0.0 {
            return Err(FitError::Refused(
                "every customer's age is 0, so there is no time in which they could have ordered again".to_owned(),
            ));
        }
        let share = repeaters as f64 / rows as f64;
        if repeaters < REPEATERS_MIN || share < REPEATER_SHARE_MIN {
            return Err(FitError::Refused(format!(
                "{repeaters} of {rows} customers bought again ({:.1}%); a lifetime model needs at least {REPEATERS_MIN} repeaters and {:.0}% of the customers, \
                 because from fewer it cannot tell buying seldom from having left; wait for more history or use a model that reads other features",
                100.0 * share,
                100.0 * REPEATER_SHARE_MIN
            )));
        }
        Ok(())
    }
}

/// What one pass over the rows finds out.
struct Extent {
    x_max: f64,
    t_max: f64,
    /// Every age is a whole number, and small enough to index a table.
    is_direct: bool,
}

impl Extent {
    fn of([x, t_x, t]: [&[f64]; 3], columns: Columns) -> Result<Self, FitError> {
        let mut all = Self { x_max: 0.0, t_max: 0.0, is_direct: true };
        for (row, ((&x, &t_x), &t)) in x.iter().zip(t_x).zip(t).enumerate() {
            // Ten million rows are checked in the time of a few divisions each; which rule a wrong one breaks is found out apart.
            let is_ordered = 0.0 <= t_x && t_x <= t && t < f64::INFINITY && (x > 0.0 || t_x == 0.0);
            if !(is_ordered && x <= X_MAX && is_index(x)) {
                check_row(row, [x, t_x, t], columns)?;
            }
            all.x_max = all.x_max.max(x);
            all.t_max = all.t_max.max(t);
            all.is_direct &= t < DIRECT_AGE_MAX && is_index(t) && is_index(t_x);
        }
        Ok(all)
    }
}

/// Whether this is a whole number from 0 to 2³² − 1; a cast is cheaper than cutting off a fraction.
fn is_index(number: f64) -> bool {
    f64::from(number as u32) == number
}

/// The ages that somebody has, with customers and repeats.
fn seen_ages(all: Vec<(f64, f64)>) -> Vec<(u32, f64, f64)> {
    (0_u32..).zip(all).filter(|(_, (n, _))| *n > 0.0).map(|(age, (n, repeats))| (age, n, repeats)).collect()
}

pub(super) fn check_row(row: usize, [x, t_x, t]: [f64; 3], columns: Columns) -> Result<(), FitError> {
    let Columns { x: x_name, t_x: t_x_name, t: t_name } = columns;
    let say = |what: String| Err(FitError::Refused(format!("row {}: {what}", row + 1)));
    if !(0.0..=X_MAX).contains(&x) || x.fract() != 0.0 {
        return say(format!("{x_name} is {x}, allowed are whole numbers from 0 to {X_MAX}"));
    }
    if !(t.is_finite() && t >= 0.0) {
        return say(format!("{t_name} is {t}, allowed are numbers from 0"));
    }
    if !(0.0..=t).contains(&t_x) {
        return say(format!("{t_x_name} is {t_x}, allowed are 0 to {t_name} = {t}; are the columns swapped?"));
    }
    if x == 0.0 && t_x != 0.0 {
        return say(format!(
            "{x_name} is 0 but {t_x_name} is {t_x}, allowed is 0: without a repeat the last purchase is the first"
        ));
    }
    Ok(())
}

/// How an age finds its place in the table of ages.
#[derive(Clone, Copy)]
enum Ages {
    /// Whole numbers: the age is its own index.
    Direct,
    Sorted,
}

impl Ages {
    fn of(t_x: &[f64], t: &[f64], extent: &Extent) -> (Vec<f64>, Self) {
        if extent.is_direct {
            return ((0..=extent.t_max as u32).map(f64::from).collect(), Self::Direct);
        }
        // Adding zero turns -0.0 into 0.0; non-negative floats then sort like their bits.
        let mut ages: Vec<f64> = t.iter().chain(t_x).map(|age| age + 0.0).collect();
        ages.sort_unstable_by(f64::total_cmp);
        ages.dedup();
        (ages, Self::Sorted)
    }

    fn find(self, ages: &[f64], age: f64) -> u32 {
        match self {
            Self::Direct => age as u32,
            Self::Sorted => ages.partition_point(|a| *a < age) as u32,
        }
    }
}

/// Triples packed into one sortable number each.
struct Keys {
    ages: u64,
    keys: Vec<u64>,
    /// Used where (x, T, t_x) does not fit into 64 bits; then equal triples are not looked for.
    loose: Vec<Triple>,
    is_packed: bool,
}

impl Keys {
    fn sized(x_max: f64, ages: usize) -> Self {
        let (ages, x_max) = (ages as u64, x_max as u64);
        let space = ages.checked_mul(ages).and_then(|pairs| pairs.checked_mul(x_max + 1));
        Self { ages, keys: Vec::new(), loose: Vec::new(), is_packed: space.is_some() }
    }

    fn push(&mut self, x: u32, t_x: u32, t: u32) {
        if self.is_packed {
            self.keys.push((u64::from(x) * self.ages + u64::from(t)) * self.ages + u64::from(t_x));
        } else {
            self.loose.push(Triple { x, t_x, t, weight: 1.0 });
        }
    }

    fn rows(&self) -> usize {
        self.keys.len() + self.loose.len()
    }

    fn distinct(mut self) -> Vec<Triple> {
        self.keys.sort_unstable();
        let unpack = |run: &[u64]| {
            let key = run[0];
            let (rest, t_x) = (key / self.ages, key % self.ages);
            Triple { x: (rest / self.ages) as u32, t: (rest % self.ages) as u32, t_x: t_x as u32, weight: run.len() as f64 }
        };
        let packed = self.keys.chunk_by(|left, right| left == right).map(unpack);
        packed.chain(self.loose.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns = Columns { x: "x", t_x: "t_x", t: "T" };

    #[test]
    fn equal_customers_are_counted_once_on_a_grid_and_off_it() {
        for unit in [1.0, 0.37] {
            let x = [2.0, 0.0, 2.0, 1.0, 0.0];
            let t_x = [30.0, 0.0, 30.0, 5.0, 0.0].map(|t| t * unit);
            let t = [40.0, 40.0, 40.0, 40.0, 12.0].map(|t| t * unit);
            let seen = Purchases::from_slices(&x, &t_x, &t, COLUMNS).unwrap();
            assert_eq!((seen.rows(), seen.repeaters(), seen.triples.len()), (5, 3, 2));
            assert_eq!(seen.above, [3.0, 2.0]);
            let heavy = seen.triples.iter().find(|t| t.x == 2).unwrap();
            assert_eq!(
                (heavy.weight, seen.ages[heavy.t_x as usize], seen.ages[heavy.t as usize]),
                (2.0, 30.0 * unit, 40.0 * unit)
            );
            let ages: Vec<_> = seen.at_age.iter().map(|&(age, n, repeats)| (seen.ages[age as usize], n, repeats)).collect();
            assert_eq!(ages, [(12.0 * unit, 1.0, 0.0), (40.0 * unit, 4.0, 5.0)]);
        }
    }

    #[test]
    fn an_impossible_row_is_named_with_its_value() {
        let one = |x, t_x, t| Purchases::from_slices(&[x], &[t_x], &[t], COLUMNS).map(|_| ()).unwrap_err().to_string();
        assert_eq!(one(1.5, 1.0, 2.0), "row 1: x is 1.5, allowed are whole numbers from 0 to 1000000");
        assert_eq!(one(1.0, 3.0, 2.0), "row 1: t_x is 3, allowed are 0 to T = 2; are the columns swapped?");
        assert!(one(0.0, 1.0, 2.0).starts_with("row 1: x is 0 but t_x is 1"));
        for [x, t_x, t] in
            [[f64::NAN, 0.0, 1.0], [-1.0, 0.0, 1.0], [1.0, f64::NAN, 1.0], [1.0, 0.0, f64::INFINITY], [1.0, 0.0, -1.0]]
        {
            assert!(Purchases::from_slices(&[x], &[t_x], &[t], COLUMNS).is_err());
        }
    }
}
