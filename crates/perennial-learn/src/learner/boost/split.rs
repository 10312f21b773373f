//! Which question splits a leaf best? Scans every feature's histogram for the threshold or set of categories that saves most loss.
//!
//! Assumes  loss is quadratic in the leaf values: a side with sums G, H and penalty l saves G^2 / (H + l) / 2.
//! Input    histogram of the leaf; its sums, rows and the bounds monotone ancestors set.
//! Output   the best split, or none that is allowed and saves anything.
//! Cost     O(bins), twice where values are missing; categories O(c log c) for c of them.
//! Ref      Chen & Guestrin (2016), KDD, eq. (7), algorithm 3 (missing both ways); Fisher (1958), JASA 53, for ordered category splits.

use super::bins::{Binned, FeatureBins};
use super::histogram::{Scale, Sums};
use super::params::{BoostParams, Monotone};

/// A set of bins, one bit each.
pub(super) type BinSet = [u64; 4];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Question {
    /// Bins up to this one go left; missing where it says.
    AtMost { bin: u8, missing_left: bool },
    /// These categories go left.
    In(BinSet),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    /// Twice the loss saved.
    pub gain: f64,
    pub feature: usize,
    pub question: Question,
    pub left: Sums,
    pub right: Sums,
}

/// Leaf values allowed by monotone splits above.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub low: f64,
    pub high: f64,
}

impl Bounds {
    pub const FREE: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
}

/// The leaf to be split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub sums: Sums,
    pub rows: usize,
    /// Rows a side must have by estimate. Sides are known by weight only; where the estimate proved wrong this is raised.
    pub rows_floor: f64,
    pub bounds: Bounds,
}

/// How splits are judged in one tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'a> {
    pub params: &'a BoostParams,
    pub scale: Scale,
    /// Whether any feature is monotone; if none is, the shorter gain formula holds.
    pub is_bounded: bool,
}

impl Judge<'_> {
    fn real(&self, sums: Sums) -> (f64, f64) {
        (sums.g as f64 * self.scale.g, sums.h as f64 * self.scale.h)
    }

    /// The value of a leaf with these sums.
    pub fn value(&self, sums: Sums, bounds: Bounds) -> f64 {
        let (g, h) = self.real(sums);
        let h = h + self.params.lambda_l2;
        if h > 0.0 { (-g / h).clamp(bounds.low, bounds.high) } else { 0.0_f64.clamp(bounds.low, bounds.high) }
    }

    /// Twice the loss a leaf of these sums saves against the value 0.
    fn saving(&self, sums: Sums, l2: f64, bounds: Bounds) -> f64 {
        let (g, h) = self.real(sums);
        let h = h + l2;
        if !self.is_bounded {
            return g * g / h;
        }
        let value = (-g / h).clamp(bounds.low, bounds.high);
        -(2.0 * g + h * value) * value
    }
}

/// One feature of one leaf under one judge.
struct Scan<'a> {
    judge: &'a Judge<'a>,
    leaf: &'a Standing,
    feature: usize,
    monotone: Option<Monotone>,
    l2: f64,
    /// Second-derivative sum a side must have, in steps; carries the row floor too.
    h_floor: f64,
    best: Option<Split>,
    gain_floor: f64,
}

/// The best split of one feature.
pub(super) fn best_of_feature(
    judge: &Judge<'_>,
    leaf: &Standing,
    (feature, bins, monotone): (usize, &FeatureBins, Option<Monotone>),
    cells: &[Sums],
) -> Option<Split> {
    let l2 = judge.params.lambda_l2 + if bins.is_category { judge.params.category_l2 } else { 0.0 };
    let rows_per_step = leaf.rows as f64 / (leaf.sums.h as f64).max(1.0);
    // Half a row of slack, because the estimate is rounded to whole rows.
    let h_floor = ((leaf.rows_floor - 0.5) / rows_per_step).max(judge.params.min_child_weight / judge.scale.h).max(0.5);
    let gain_floor = judge.saving(leaf.sums, judge.params.lambda_l2, leaf.bounds) + judge.params.min_gain;
    let mut scan = Scan { judge, leaf, feature, monotone, l2, h_floor, best: None, gain_floor };
    if bins.is_category {
        scan.categories(cells)
    } else {
        scan.thresholds(bins, cells)
    }
    scan.best
}

impl Scan<'_> {
    fn thresholds(&mut self, bins: &FeatureBins, cells: &[Sums]) {
        let missing = bins.missing.map(|bin| cells[usize::from(bin)]).filter(|sums| sums.h > 0);
        let numbers = &cells[..bins.values];
        // With missing values to the right, "any number at all" is a question too.
        let last = if missing.is_some() { numbers.len() } else { numbers.len() - 1 };
        let mut left = Sums::default();
        for (bin, cell) in numbers[..last].iter().enumerate() {
            left += *cell;
            if cell.h > 0 {
                self.offer(left, |heavier_left| Question::AtMost {
                    bin: bin as u8,
                    missing_left: missing.is_none() && heavier_left,
                });
            }
        }
        if let Some(missing) = missing {
            let mut left = missing;
            for (bin, cell) in numbers[..numbers.len() - 1].iter().enumerate() {
                left += *cell;
                if cell.h > 0 {
                    self.offer(left, |_| Question::AtMost { bin: bin as u8, missing_left: true });
                }
            }
        }
    }

    /// Categories in the order of their best values: the best set is an end piece of that order.
    fn categories(&mut self, cells: &[Sums]) {
        let smoothing = self.judge.params.category_smoothing;
        let ratio = |sums: &Sums| {
            let (g, h) = self.judge.real(*sums);
            g / (h + smoothing)
        };
        let mut order: Vec<(f64, usize)> =
            cells.iter().enumerate().filter(|(_, sums)| sums.h > 0).map(|(code, sums)| (ratio(sums), code)).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut unseen = [0_u64; 4];
        (0..256).filter(|code| cells.get(*code).is_none_or(|sums| sums.h == 0)).for_each(|code| put(&mut unseen, code));
        self.end_pieces(cells, order.iter().map(|pair| pair.1), order.len(), &unseen);
        self.end_pieces(cells, order.iter().rev().map(|pair| pair.1), order.len(), &unseen);
    }

    fn end_pieces(&mut self, cells: &[Sums], order: impl Iterator<Item = usize>, len: usize, unseen: &BinSet) {
        let mut left = Sums::default();
        let mut set = [0_u64; 4];
        for code in order.take(self.judge.params.category_side_max.min(len.saturating_sub(1))) {
            left += cells[code];
            put(&mut set, code);
            // Categories this leaf has not seen follow the heavier side.
            self.offer(left, |heavier_left| if heavier_left { Question::In(union(&set, unseen)) } else { Question::In(set) });
        }
    }

    /// Takes a split if it is allowed and better than the best so far; of equals the first stays.
    #[inline]
    fn offer(&mut self, left: Sums, question: impl Fn(bool) -> Question) {
        let right = self.leaf.sums - left;
        if (left.h as f64) < self.h_floor || (right.h as f64) < self.h_floor {
            return;
        }
        let saved = |sums| self.judge.saving(sums, self.l2, self.leaf.bounds);
        let gain = saved(left) + saved(right) - self.gain_floor;
        if gain <= self.best.as_ref().map_or(1e-12 * self.gain_floor.abs(), |best| best.gain) || !self.keeps_order(left, right) {
            return;
        }
        let question = question(left.h >= right.h);
        self.best = Some(Split { gain, feature: self.feature, question, left, right });
    }

    fn keeps_order(&self, left: Sums, right: Sums) -> bool {
        let Some(monotone) = self.monotone else { return true };
        let [low, high] = [left, right].map(|sums| self.judge.value(sums, self.leaf.bounds));
        match monotone {
            Monotone::Rising => low <= high,
            Monotone::Falling => low >= high,
        }
    }
}

/// The best split over `features` of a leaf whose histogram is `cells`; of equals the lowest feature.
pub(super) fn best(
    judge: &Judge<'_>,
    leaf: &Standing,
    (data, monotone): (&Binned, &[Option<Monotone>]),
    (features, cells): (&[usize], &[Sums]),
) -> Option<Split> {
    let mut best: Option<Split> = None;
    for feature in features {
        let cells = &cells[data.offsets[*feature]..data.offsets[*feature + 1]];
        let found = best_of_feature(judge, leaf, (*feature, &data.features[*feature], monotone[*feature]), cells);
        if let Some(found) = found
            && best.as_ref().is_none_or(|best| found.gain > best.gain)
        {
            best = Some(found);
        }
    }
    best
}

pub(super) fn put(set: &mut BinSet, bin: usize) {
    set[bin >> 6] |= 1 << (bin & 63);
}

pub(super) fn has(set: &BinSet, bin: u8) -> bool {
    set[usize::from(bin >> 6)] >> (bin & 63) & 1 == 1
}

fn union(a: &BinSet, b: &BinSet) -> BinSet {
    [a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3]]
}
