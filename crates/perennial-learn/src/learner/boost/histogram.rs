//! Sums of gradients per feature and bin: all that a split needs to know about the rows of a leaf.
//!
//! Assumes  derivatives rounded to whole numbers of 18 bits, up or down by chance, so that a rounded sum is right on average.
//! Input    row numbers of a leaf; bins by row; one packed word per row.
//! Output   per bin the sum of gradients and of second derivatives, whole numbers: any order of adding gives the same bytes.
//! Cost     one addition per row and feature; a sibling's histogram is parent less child, exactly.
//! Ref      Ke et al. (2017), LightGBM, NeurIPS (histogram subtraction); Shi et al. (2022), NeurIPS, quantised gradients.

use super::bins::{Binned, Tile};
use super::objective::Slope;
use super::seed::Seed;
use crate::parallel;

/// Rows added up in packed words before they are unpacked: `BLOCK_ROWS * SLOPE_MAX` must fit 32 bits.
const BLOCK_ROWS: usize = 1 << 14;
const GRADIENT_MAX: f64 = ((1 << 17) - 1) as f64;
const HESSIAN_MAX: f64 = ((1 << 18) - 1) as f64;
/// One feature's packed sums. More than 256, so that the busiest bin of each feature is not in the same cache set.
const LANE: usize = 256 + 8;
/// Below so many row-features a further thread costs more than it saves.
const CELLS_PER_THREAD_MIN: usize = 200_000;

/// Sums over the rows of one bin (or leaf), in steps of the scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub g: i64,
    pub h: i64,
}

impl std::ops::AddAssign for Sums {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.g += other.g;
        self.h += other.h;
    }
}

impl std::ops::Sub for Sums {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self { g: self.g - other.g, h: self.h - other.h }
    }
}

/// What one step of a whole-number sum is worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub g: f64,
    pub h: f64,
}

/// Rounded derivatives: gradient in the upper half of a word, second derivative in the lower.
#[derive(Debug)]
pub(super) struct Packed {
    pub words: Vec<i64>,
    pub scale: Scale,
}

impl Packed {
    pub fn with_rows(rows: usize) -> Self {
        Self { words: vec![0; rows], scale: Scale { g: 1.0, h: 1.0 } }
    }

    pub fn round(&mut self, slopes: &[Slope], seed: Seed, threads: usize) {
        let (g_max, h_max) = largest(slopes, threads);
        let scale = Scale { g: step(g_max, GRADIENT_MAX), h: step(h_max, HESSIAN_MAX) };
        self.scale = scale;
        const ROWS: usize = 1 << 16;
        let tasks: Vec<_> = self.words.chunks_mut(ROWS).zip(slopes.chunks(ROWS)).enumerate().collect();
        parallel::each(threads, tasks, |(part, (words, slopes))| {
            for (place, (word, slope)) in words.iter_mut().zip(slopes).enumerate() {
                let chance = seed.at((part * ROWS + place) as u64);
                let g = round(f64::from(slope.0) / scale.g, chance >> 40);
                let h = round(f64::from(slope.1) / scale.h, chance & 0xff_ffff);
                *word = (g << 32) + h;
            }
        });
    }
}

fn largest(slopes: &[Slope], threads: usize) -> (f64, f64) {
    let chunks: Vec<&[Slope]> = slopes.chunks(1 << 16).collect();
    let mut found = vec![(0.0_f32, 0.0_f32); chunks.len()];
    parallel::each(threads, found.iter_mut().zip(chunks).collect(), |(slot, chunk): (&mut Slope, &[Slope])| {
        *slot = chunk.iter().fold((0.0, 0.0), |most, slope| (most.0.max(slope.0.abs()), most.1.max(slope.1)));
    });
    let most = found.into_iter().fold((0.0_f32, 0.0_f32), |most, part| (most.0.max(part.0), most.1.max(part.1)));
    (f64::from(most.0), f64::from(most.1))
}

fn step(largest: f64, steps: f64) -> f64 {
    if largest > 0.0 && largest.is_finite() { largest / steps } else { 1.0 }
}

/// Rounds down or up, up with a probability equal to the fraction. `chance` is uniform in 0..2^24; the half keeps whole numbers whole.
#[inline]
fn round(value: f64, chance: u64) -> i64 {
    let shifted = value + (chance as f64 + 0.5) * (1.0 / (1_u64 << 24) as f64);
    let whole = shifted as i64;
    // The cast rounds towards zero.
    whole - i64::from(shifted < whole as f64)
}

/// One thread's memory for adding up.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    lanes: Vec<[i64; LANE]>,
    cells: Vec<Sums>,
}

/// What is added up: the features one tree may use, and its derivatives.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub data: &'a Binned,
    pub packed: &'a Packed,
    /// Ascending. Cells of other features are not touched.
    pub features: &'a [usize],
}

impl Source<'_> {
    fn cells(&self, feature: usize) -> std::ops::Range<usize> {
        self.data.offsets[feature]..self.data.offsets[feature + 1]
    }

    /// The part of `features` in a tile, as places in its rows.
    fn places(&self, tile: &Tile) -> Vec<u8> {
        let within = |feature: &&usize| (tile.first..tile.first + tile.width).contains(*feature);
        self.features.iter().filter(within).map(|feature| (feature - tile.first) as u8).collect()
    }

    /// Adds up `rows` into `into`, which has one cell per bin of every feature.
    pub fn build(&self, rows: &[u32], scratch: &mut [Scratch], into: &mut [Sums]) {
        let useful = (rows.len() * self.features.len()).div_ceil(CELLS_PER_THREAD_MIN);
        let parts = scratch.len().min(useful).max(1);
        into.fill(Sums::default());
        let Some((first, rest)) = scratch[..parts].split_first_mut() else { return };
        let mut spans = parallel::runs(rows.len(), parts).map(|span| &rows[span]);
        let mut tasks = vec![(spans.next().unwrap_or(&[]), &mut first.lanes, &mut *into)];
        for (other, span) in rest.iter_mut().zip(spans) {
            other.cells.clear();
            other.cells.resize(tasks[0].2.len(), Sums::default());
            tasks.push((span, &mut other.lanes, &mut other.cells[..]));
        }
        parallel::each(parts, tasks, |(rows, lanes, cells)| self.add_span(rows, lanes, cells));
        for other in rest {
            into.iter_mut().zip(&other.cells).for_each(|(cell, more)| *cell += *more);
        }
    }

    fn add_span(&self, rows: &[u32], lanes: &mut Vec<[i64; LANE]>, cells: &mut [Sums]) {
        for tile in &self.data.tiles {
            let places = self.places(tile);
            lanes.resize(lanes.len().max(places.len()), [0; LANE]);
            let lanes = &mut lanes[..places.len()];
            for block in rows.chunks(BLOCK_ROWS) {
                if places.len() == tile.width {
                    add_block(tile, self.packed, block, |bins, word| {
                        lanes.iter_mut().zip(bins).for_each(|(lane, bin)| lane[usize::from(*bin)] += word);
                    });
                } else {
                    add_block(tile, self.packed, block, |bins, word| {
                        lanes
                            .iter_mut()
                            .zip(&places)
                            .for_each(|(lane, place)| lane[usize::from(bins[usize::from(*place)])] += word);
                    });
                }
                for (place, lane) in places.iter().zip(lanes.iter_mut()) {
                    unpack(lane, &mut cells[self.cells(tile.first + usize::from(*place))]);
                }
            }
        }
    }

    /// Turns a parent's histogram into that of one side, given the other side's.
    pub fn subtract(&self, parent: &mut [Sums], side: &[Sums]) {
        for feature in self.features {
            let cells = self.cells(*feature);
            parent[cells.clone()].iter_mut().zip(&side[cells]).for_each(|(whole, part)| *whole = *whole - *part);
        }
    }

    /// The sums of a leaf: those of any one feature's bins.
    pub fn total(&self, cells: &[Sums]) -> Sums {
        let mut sums = Sums::default();
        let first = self.features.first().map_or(0..0, |feature| self.cells(*feature));
        cells[first].iter().for_each(|cell| sums += *cell);
        sums
    }
}

/// The hot loop: one addition per row and feature. A bin is a byte and a lane longer than 256, so a bin needs no check.
///
/// Rows of a leaf lie scattered, and waiting for memory would take most of the time. So the words and bins of a group of rows
/// are first touched all together, which lets the processor fetch them side by side, and only then added: measured twice as
/// fast, and as fast as prefetch instructions, which would need `unsafe`.
#[inline(always)]
fn add_block(tile: &Tile, packed: &Packed, rows: &[u32], mut add: impl FnMut(&[u8], i64)) {
    const GROUP: usize = 32;
    let mut words = [0_i64; GROUP];
    for group in rows.chunks(GROUP) {
        let mut touched = 0;
        for (word, row) in words.iter_mut().zip(group) {
            *word = packed.words[*row as usize];
            touched |= tile.row(*row)[0];
        }
        std::hint::black_box(touched);
        words.iter().zip(group).for_each(|(word, row)| add(tile.row(*row), *word));
    }
}

/// Moves packed sums into wide ones and leaves zeros behind.
fn unpack(lane: &mut [i64; LANE], cells: &mut [Sums]) {
    for (cell, packed) in cells.iter_mut().zip(lane) {
        cell.h += *packed & 0xffff_ffff;
        cell.g += *packed >> 32;
        *packed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_right_on_average_and_whole_numbers_stay() {
        let seed = Seed::of(1);
        for value in [-3.25_f64, -0.1, 0.0, 0.5, 7.75] {
            let sum: i64 = (0..100_000).map(|place| round(value, seed.at(place) >> 40)).sum();
            assert!((sum as f64 / 1e5 - value).abs() < 0.01, "{value}: {sum}");
        }
        for whole in [-131_071, -1, 0, 1, 131_071] {
            assert!((0..1 << 24).step_by(997).all(|chance| round(f64::from(whole), chance) == i64::from(whole)));
        }
    }

    #[test]
    fn the_largest_sums_of_a_block_fit_their_halves() {
        for g in [GRADIENT_MAX as i64, -(GRADIENT_MAX as i64)] {
            let word = (g << 32) + HESSIAN_MAX as i64;
            let mut lane = [0_i64; LANE];
            for _ in 0..BLOCK_ROWS {
                lane[0] += word;
            }
            let mut cells = [Sums::default()];
            unpack(&mut lane, &mut cells);
            assert_eq!(cells[0], Sums { g: g * BLOCK_ROWS as i64, h: HESSIAN_MAX as i64 * BLOCK_ROWS as i64 });
        }
    }
}
