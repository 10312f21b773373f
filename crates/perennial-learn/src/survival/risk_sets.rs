//! Cox's partial likelihood with Efron's ties: value, gradient and information in three passes over the rows, without a matrix per risk set.
//!
//! Assumes  rows sorted by duration and cut into groups: those it happens to at an event time, and all censored until the next one.
//! Input    standardised covariates; coefficients β.
//! Output   log-likelihood and derivatives by β; the same bits at any number of threads, because blocks are cut by the data alone.
//! Cost     about p² multiplications a row and p² an event time, with p covariates. Running sums of x are carried, sums of x xᵀ are not:
//!          Σ over events of Σ over those at risk is turned round, so that each row counts once, with the hazard it was exposed to.
//! Ref      Cox (1972), JRSS B 34, eq. (12); Efron (1977), JASA 72, p. 562 (ties).

use std::ops::Range;

use super::newton::{Point, symmetric};
use super::subjects::Lives;
use crate::chunks;

/// Rows of a block, at least; a block holds whole groups.
const BLOCK_ROWS: usize = 8192;

/// An event time: its rows, events first.
struct Group {
    rows: Range<usize>,
    events: usize,
    time: f64,
}

pub(super) struct RiskSets {
    /// Row-major, in the order of the groups.
    x: Vec<f64>,
    width: usize,
    groups: Vec<Group>,
    blocks: Vec<Range<usize>>,
    /// Σ x over all events.
    event_x: Vec<f64>,
    threads: usize,
}

/// Hazard steps of an event time: for those who survive it, and what those it happens to are spared.
#[derive(Clone, Copy)]
struct Jump {
    all: f64,
    spared: f64,
}

/// What a block of groups gives in the second pass.
struct Swept {
    ln_risk: f64,
    /// Σ of the outer product of mean covariates, pairs a ≤ b.
    means: Vec<f64>,
    jumps: Vec<Jump>,
}

impl RiskSets {
    /// Sorts rows; those whose watch ends before the first event were never at risk and are left out.
    pub fn of(lives: &Lives, standardised: &[f64], threads: usize) -> Self {
        let width = standardised.len() / lives.rows();
        let order = lives.by_duration();
        let first = order.iter().position(|row| lives.event()[*row as usize]).unwrap_or(order.len());
        let order = &order[first..];
        let mut x = Vec::with_capacity(order.len() * width);
        let (mut groups, mut event_x): (Vec<Group>, _) = (Vec::new(), vec![0.0; width]);
        for (at, row) in order.iter().map(|row| *row as usize).enumerate() {
            let values = &standardised[row * width..(row + 1) * width];
            x.extend_from_slice(values);
            let time = lives.duration()[row];
            if lives.event()[row] {
                event_x.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                match groups.last_mut() {
                    Some(group) if group.time == time => group.events += 1,
                    _ => groups.push(Group { rows: at..at, events: 1, time }),
                }
            }
            if let Some(group) = groups.last_mut() {
                group.rows.end = at + 1;
            }
        }
        let mut blocks = Vec::new();
        let mut start = 0;
        for (at, group) in groups.iter().enumerate() {
            if group.rows.end - groups[start].rows.start >= BLOCK_ROWS || at + 1 == groups.len() {
                blocks.push(start..at + 1);
                start = at + 1;
            }
        }
        Self { x, width, groups, blocks, event_x, threads }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.x[row * self.width..(row + 1) * self.width]
    }

    fn rows_of(&self, block: &Range<usize>) -> Range<usize> {
        self.groups[block.start].rows.start..self.groups[block.end - 1].rows.end
    }

    /// e^(xβ) of a block's rows.
    fn weights(&self, block: &Range<usize>, beta: &[f64]) -> Vec<f64> {
        let eta = |row: usize| self.row(row).iter().zip(beta).map(|(x, b)| x * b).sum::<f64>();
        self.rows_of(block).map(|row| libm::exp(eta(row))).collect()
    }

    /// Σ w and Σ w x of some rows, added to `sums` (the weight first).
    fn gather(&self, rows: Range<usize>, weights: &[f64], sums: &mut [f64]) {
        for (row, weight) in rows.zip(weights) {
            sums[0] += weight;
            for (sum, x) in sums[1..].iter_mut().zip(self.row(row)) {
                *sum += weight * x;
            }
        }
    }

    pub fn evaluate(&self, beta: &[f64]) -> Point {
        let blocks = self.blocks.len();
        let totals = chunks::tasks(blocks, self.threads, |block| {
            let weights = self.weights(&self.blocks[block], beta);
            let mut sums = vec![0.0; self.width + 1];
            self.gather(self.rows_of(&self.blocks[block]), &weights, &mut sums);
            (weights, sums)
        });
        // What is at risk beyond each block: the blocks after it.
        let mut beyond = vec![vec![0.0; self.width + 1]; blocks];
        for block in (1..blocks).rev() {
            beyond[block - 1] = beyond[block].iter().zip(&totals[block].1).map(|(later, own)| later + own).collect();
        }
        let swept = chunks::tasks(blocks, self.threads, |block| self.sweep(block, &totals[block].0, &beyond[block]));
        // The hazard gone through before each block.
        let mut before = vec![0.0; blocks];
        for block in 1..blocks {
            before[block] = before[block - 1] + swept[block - 1].jumps.iter().map(|jump| jump.all).sum::<f64>();
        }
        let exposed = chunks::tasks(blocks, self.threads, |block| {
            self.expose(block, &totals[block].0, (&swept[block].jumps, before[block]))
        });
        let mut value = beta.iter().zip(&self.event_x).map(|(b, x)| b * x).sum::<f64>();
        let (mut gradient, mut upper) = (self.event_x.clone(), vec![0.0; self.width * (self.width + 1) / 2]);
        for (swept, exposed) in swept.iter().zip(exposed) {
            value -= swept.ln_risk;
            let (first, second) = exposed.split_at(self.width);
            gradient.iter_mut().zip(first).for_each(|(sum, x)| *sum -= x);
            for ((sum, x), mean) in upper.iter_mut().zip(second).zip(&swept.means) {
                *sum += x - mean;
            }
        }
        Point { value, gradient, information: symmetric(&upper, self.width) }
    }

    /// From the last group to the first, with everybody still at risk in running sums.
    fn sweep(&self, block: usize, weights: &[f64], beyond: &[f64]) -> Swept {
        let groups = &self.groups[self.blocks[block].clone()];
        let base = self.rows_of(&self.blocks[block]).start;
        let mut swept = Swept {
            ln_risk: 0.0,
            means: vec![0.0; self.width * (self.width + 1) / 2],
            jumps: vec![Jump { all: 0.0, spared: 0.0 }; groups.len()],
        };
        let mut risk = beyond.to_vec();
        let (mut tied, mut mean) = (vec![0.0; self.width + 1], vec![0.0; self.width]);
        for (at, group) in groups.iter().enumerate().rev() {
            let own = &weights[group.rows.start - base..group.rows.end - base];
            self.gather(group.rows.clone(), own, &mut risk);
            if group.events == 1 {
                let step = 1.0 / risk[0];
                swept.ln_risk += libm::log(risk[0]);
                swept.jumps[at] = Jump { all: step, spared: 0.0 };
                mean.iter_mut().zip(&risk[1..]).for_each(|(mean, sum)| *mean = step * sum);
                add_outer(&mut swept.means, 1.0, &mean);
                continue;
            }
            tied.fill(0.0);
            self.gather(group.rows.start..group.rows.start + group.events, own, &mut tied);
            let mut jump = Jump { all: 0.0, spared: 0.0 };
            // As shares of all at risk, so that the squares neither overflow nor vanish.
            let whole = 1.0 / risk[0];
            let [mut squares, mut cross, mut tied_squares] = [0.0; 3];
            for l in 0..group.events {
                let share = l as f64 / group.events as f64;
                let left = risk[0] - share * tied[0];
                let step = 1.0 / left;
                swept.ln_risk += libm::log(left);
                jump.all += step;
                jump.spared += share * step;
                let square = (step / whole) * (step / whole);
                squares += square;
                cross += share * square;
                tied_squares += share * share * square;
            }
            mean.iter_mut().zip(&risk[1..]).for_each(|(mean, sum)| *mean = whole * sum);
            tied.iter_mut().for_each(|sum| *sum *= whole);
            swept.jumps[at] = jump;
            add_tied_outer(&mut swept.means, [squares, cross, tied_squares], (&mean, &tied[1..]));
        }
        swept
    }

    /// From the first group to the last: each row once, with the hazard it was exposed to. Σ first, then pairs a ≤ b.
    fn expose(&self, block: usize, weights: &[f64], (jumps, before): (&[Jump], f64)) -> Vec<f64> {
        let groups = &self.groups[self.blocks[block].clone()];
        let mut sums = vec![0.0; self.width + self.width * (self.width + 1) / 2];
        let (first, second) = sums.split_at_mut(self.width);
        let mut hazard = before;
        let mut weights = weights.iter();
        for (group, jump) in groups.iter().zip(jumps) {
            hazard += jump.all;
            for (row, weight) in group.rows.clone().zip(weights.by_ref()) {
                let is_event = row < group.rows.start + group.events;
                let share = weight * if is_event { hazard - jump.spared } else { hazard };
                first.iter_mut().zip(self.row(row)).for_each(|(sum, x)| *sum += share * x);
                add_outer(second, share, self.row(row));
            }
        }
        sums
    }

    /// Breslow's cumulative hazard at mean covariates: time and hazard after it, one pair per event time.
    pub fn baseline(&self, beta: &[f64]) -> Vec<(f64, f64)> {
        let mut risk = 0.0;
        let mut steps = Vec::with_capacity(self.groups.len());
        for block in self.blocks.iter().rev() {
            let base = self.rows_of(block).start;
            let weights = self.weights(block, beta);
            for group in self.groups[block.clone()].iter().rev() {
                risk += weights[group.rows.start - base..group.rows.end - base].iter().sum::<f64>();
                steps.push((group.time, group.events as f64 / risk));
            }
        }
        steps.reverse();
        let mut hazard = 0.0;
        steps
            .into_iter()
            .map(|(time, step)| {
                hazard += step;
                (time, hazard)
            })
            .collect()
    }
}

/// sums[a ≤ b] += weight · x[a] x[b].
#[inline]
fn add_outer(sums: &mut [f64], weight: f64, x: &[f64]) {
    let mut rest = sums;
    for (a, left) in x.iter().enumerate() {
        let (row, after) = rest.split_at_mut(x.len() - a);
        let left = weight * left;
        row.iter_mut().zip(&x[a..]).for_each(|(sum, right)| *sum += left * right);
        rest = after;
    }
}

/// Σ over l of the outer product of (risk − l/d · tied) · step, multiplied out.
fn add_tied_outer(sums: &mut [f64], [squares, cross, tied_squares]: [f64; 3], (risk, tied): (&[f64], &[f64])) {
    let mut at = 0;
    for a in 0..risk.len() {
        for b in a..risk.len() {
            sums[at] +=
                squares * risk[a] * risk[b] - cross * (risk[a] * tied[b] + tied[a] * risk[b]) + tied_squares * tied[a] * tied[b];
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// The formula as the paper has it: a sum over every risk set, and within it over the tied.
    fn as_written(lives: &Lives, x: &[f64], beta: &[f64; 2]) -> ([f64; 3], [f64; 3]) {
        let row = |row: usize| [x[2 * row], x[2 * row + 1]];
        let weight = |at: usize| (row(at)[0] * beta[0] + row(at)[1] * beta[1]).exp();
        let mut times: Vec<f64> = lives.pairs().filter(|pair| pair.1).map(|pair| pair.0).collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let (mut first, mut second) = ([0.0; 3], [0.0; 3]);
        for time in times {
            let sums = |is_in: &dyn Fn(f64, bool) -> bool| {
                let mut sums = [0.0; 6];
                for (at, _) in lives.pairs().enumerate().filter(|(_, pair)| is_in(pair.0, pair.1)) {
                    let ([a, b], w) = (row(at), weight(at));
                    sums.iter_mut().zip([w, w * a, w * b, w * a * a, w * a * b, w * b * b]).for_each(|(sum, term)| *sum += term);
                }
                sums
            };
            for (at, _) in lives.pairs().enumerate().filter(|(_, pair)| pair.1 && pair.0 == time) {
                let terms = [weight(at).ln(), row(at)[0], row(at)[1]];
                first.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            }
            let risk = sums(&|duration, _| duration >= time);
            let tied = sums(&|duration, event| event && duration == time);
            let d = lives.pairs().filter(|pair| pair.1 && pair.0 == time).count();
            for l in 0..d {
                let left: [f64; 6] = std::array::from_fn(|i| risk[i] - l as f64 / d as f64 * tied[i]);
                let [a, b] = [left[1] / left[0], left[2] / left[0]];
                first[0] -= left[0].ln();
                first[1] -= a;
                first[2] -= b;
                second[0] += left[3] / left[0] - a * a;
                second[1] += left[4] / left[0] - a * b;
                second[2] += left[5] / left[0] - b * b;
            }
        }
        (first, second)
    }

    #[test]
    fn turned_round_sums_are_the_sums_as_written_over_several_blocks() {
        let mut random = Pcg64Mcg::seed_from_u64(1977);
        for (rows, ticks) in [(30_000, 40.0), (300, 1e9)] {
            let x: Vec<f64> = (0..2 * rows).map(|_| random.random::<f64>() * 2.0 - 1.0).collect();
            let duration = (0..rows).map(|_| (random.random::<f64>() * ticks).floor()).collect();
            let event: Vec<f64> = (0..rows).map(|_| f64::from(random.random::<f64>() < 0.3)).collect();
            let lives = Lives::new(duration, &event).expect("sound rows");
            let beta = [0.7, -0.4];
            let sets = RiskSets::of(&lives, &x, 1);
            assert!(rows < 1000 || sets.blocks.len() > 2);
            let is = sets.evaluate(&beta);
            let ([value, a, b], [aa, ab, bb]) = as_written(&lives, &x, &beta);
            let near = |is: f64, wants: f64| assert!((is - wants).abs() <= 1e-9 * value.abs(), "{is} instead of {wants}");
            near(is.value, value);
            is.gradient.iter().zip([a, b]).for_each(|(is, wants)| near(*is, wants));
            is.information.iter().zip([aa, ab, ab, bb]).for_each(|(is, wants)| near(*is, wants));
            let twice = RiskSets::of(&lives, &x, 3).evaluate(&beta);
            assert_eq!(
                (is.value.to_bits(), is.gradient, is.information),
                (twice.value.to_bits(), twice.gradient, twice.information)
            );
        }
    }
}
