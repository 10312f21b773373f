//! Where does a number fall? Cuts each column into at most 255 bins of about equally many rows, and stores the bins twice.
//!
//! Assumes  the order of a column's values is all that matters; a frequent value deserves a bin of its own.
//! Input    a `Matrix` [rows × features].
//! Output   a byte per row and feature, by column (to move rows) and by row in tiles of columns (to sum histograms).
//! Cost     O(sample log sample + rows log bins) a column; columns side by side on all threads.
//! Ref      Ke et al. (2017), LightGBM, NeurIPS, section 2 (histograms); cuts after its greedy equal-count rule.

use super::matrix::{Column, Kind, Matrix};
use super::seed::Seed;
use crate::parallel;

/// Cuts are read off so many rows when there are more.
const SAMPLE_ROWS: usize = 200_000;
/// A bin of fewer sampled rows is joined with its neighbour.
const BIN_ROWS_MIN: usize = 3;
/// Columns side by side in one tile: their histograms together should stay in the second-level cache.
const TILE_COLUMNS: usize = 64;
const CACHE_LINE: usize = 64;

/// How one column was cut.
#[derive(Clone, Debug)]
pub(super) struct FeatureBins {
    pub is_category: bool,
    /// Upper ends of all number bins but the last: bin `b` holds values in `(cuts[b - 1], cuts[b]]`.
    pub cuts: Vec<f32>,
    /// Number bins, or category codes.
    pub values: usize,
    /// The bin of missing numbers, if the training rows have any; it follows the number bins.
    pub missing: Option<u8>,
}

impl FeatureBins {
    pub fn bins(&self) -> usize {
        self.values + usize::from(self.missing.is_some())
    }
}

/// Some columns' bins, row after row.
#[derive(Debug)]
pub(super) struct Tile {
    pub first: usize,
    pub width: usize,
    /// `width` rounded up to a power of two, so that no row lies across two cache lines.
    stride: usize,
    /// Where the first row starts: at a cache line.
    start: usize,
    bins: Vec<u8>,
}

impl Tile {
    /// The bins of one row, a byte per column of the tile.
    #[inline]
    pub fn row(&self, row: u32) -> &[u8] {
        &self.bins[self.start + row as usize * self.stride..][..self.width]
    }
}

#[derive(Debug)]
pub(super) struct Binned {
    pub rows: usize,
    pub features: Vec<FeatureBins>,
    pub columns: Vec<Vec<u8>>,
    pub tiles: Vec<Tile>,
    /// Where each feature's bins start in a histogram, and after the last one its length.
    pub offsets: Vec<usize>,
}

impl Binned {
    pub fn learn(matrix: &Matrix, bins_max: usize, seed: Seed, threads: usize) -> Self {
        let rows = matrix.rows();
        let sample = sample_rows(rows, seed);
        let mut cut: Vec<Option<(FeatureBins, Vec<u8>)>> = matrix.columns().iter().map(|_| None).collect();
        let tasks: Vec<_> = cut.iter_mut().zip(matrix.columns()).zip(&matrix.schema().features).collect();
        parallel::each(threads, tasks, |((slot, column), feature)| {
            *slot = Some(cut_column(column, &feature.kind, bins_max, &sample))
        });
        let (features, columns): (Vec<_>, Vec<_>) = cut.into_iter().flatten().unzip();
        let mut offsets = vec![0];
        for feature in &features {
            offsets.push(offsets.last().copied().unwrap_or(0) + feature.bins());
        }
        let tiles = tiles(&columns, rows, threads);
        Self { rows, features, columns, tiles, offsets }
    }
}

/// One row from each of `SAMPLE_ROWS` equal runs of rows, or all rows.
fn sample_rows(rows: usize, seed: Seed) -> Vec<u32> {
    if rows <= SAMPLE_ROWS {
        return (0..rows as u32).collect();
    }
    let pick = |part: usize, run: std::ops::Range<usize>| (run.start as u64 + seed.at(part as u64) % run.len() as u64) as u32;
    parallel::runs(rows, SAMPLE_ROWS).enumerate().map(|(part, run)| pick(part, run)).collect()
}

fn cut_column(column: &Column, kind: &Kind, bins_max: usize, sample: &[u32]) -> (FeatureBins, Vec<u8>) {
    match column {
        Column::Category(codes) => {
            let values = usize::from(kind.missing_code()) + 1;
            (FeatureBins { is_category: true, cuts: Vec::new(), values, missing: None }, codes.clone())
        }
        Column::Number(numbers) => {
            let has_missing = numbers.iter().any(|value| value.is_nan());
            let mut values: Vec<f32> = sample.iter().map(|row| numbers[*row as usize]).filter(|value| !value.is_nan()).collect();
            values.sort_unstable_by(f32::total_cmp);
            let cuts = cuts(&counted(&values), bins_max - usize::from(has_missing));
            let missing = has_missing.then_some((cuts.len() + 1) as u8);
            let place = Place::of(&cuts);
            let bins =
                numbers.iter().map(|value| if value.is_nan() { missing.unwrap_or(0) } else { place.bin(*value) }).collect();
            (FeatureBins { is_category: false, values: cuts.len() + 1, cuts, missing }, bins)
        }
    }
}

/// Distinct values with their number, from sorted ones.
fn counted(sorted: &[f32]) -> Vec<(f32, usize)> {
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for value in sorted {
        match distinct.last_mut() {
            Some(last) if last.0 == *value => last.1 += 1,
            _ => distinct.push((*value, 1)),
        }
    }
    distinct
}

/// At most `bins_max - 1` cuts between neighbouring distinct values.
fn cuts(distinct: &[(f32, usize)], bins_max: usize) -> Vec<f32> {
    let bins_max = bins_max.max(1);
    let mut rows_left: usize = distinct.iter().map(|value| value.1).sum();
    let share = rows_left as f64 / bins_max as f64;
    let few = distinct.len() <= bins_max;
    // A value above its share takes a bin alone; the others divide what is left.
    let is_big = |rows: usize| few || rows as f64 >= share;
    let mut big_left = distinct.iter().filter(|value| is_big(value.1)).count();
    rows_left -= distinct.iter().filter(|value| is_big(value.1)).map(|value| value.1).sum::<usize>();
    let mut cuts = Vec::new();
    let mut filled = 0;
    for pair in distinct.windows(2) {
        let [(value, rows), (next, next_rows)] = [pair[0], pair[1]];
        filled += rows;
        if is_big(rows) {
            big_left -= 1;
        } else {
            rows_left = rows_left.saturating_sub(rows);
        }
        let bins_left = bins_max.saturating_sub(cuts.len() + 1);
        if bins_left == 0 {
            break;
        }
        let goal = (rows_left + filled) as f64 / (bins_left + 1).saturating_sub(big_left).max(1) as f64;
        let full = is_big(rows) || is_big(next_rows) && filled as f64 >= goal * 0.5 || filled as f64 >= goal;
        if full && filled >= BIN_ROWS_MIN {
            cuts.push(between(value, next));
            filled = 0;
        }
    }
    cuts
}

/// A number `m` with `low <= m < high`, near the middle.
fn between(low: f32, high: f32) -> f32 {
    let middle = (f64::from(low) + (f64::from(high) - f64::from(low)) * 0.5) as f32;
    if middle < high && middle >= low { middle } else { low }
}

/// Finds a value's bin in eight comparisons without a branch.
struct Place([f32; 256]);

impl Place {
    fn of(cuts: &[f32]) -> Self {
        let mut padded = [f32::INFINITY; 256];
        padded.iter_mut().zip(cuts).for_each(|(slot, cut)| *slot = *cut);
        Self(padded)
    }

    /// How many cuts lie below `value`.
    #[inline]
    fn bin(&self, value: f32) -> u8 {
        let mut below = 0_usize;
        for step in [128, 64, 32, 16, 8, 4, 2, 1] {
            below += if value > self.0[(below + step - 1) & 255] { step } else { 0 };
        }
        below as u8
    }
}

fn tiles(columns: &[Vec<u8>], rows: usize, threads: usize) -> Vec<Tile> {
    let parts = columns.len().div_ceil(TILE_COLUMNS).max(1);
    let build = |span: std::ops::Range<usize>| {
        let stride = span.len().next_power_of_two();
        let mut bins = vec![0_u8; rows * stride + CACHE_LINE];
        let start = bins.as_ptr().align_offset(CACHE_LINE).min(CACHE_LINE);
        const ROWS: usize = 512;
        let tasks: Vec<_> = bins[start..][..rows * stride].chunks_mut(ROWS * stride).enumerate().collect();
        parallel::each(threads, tasks, |(part, chunk)| {
            for (place, column) in columns[span.clone()].iter().enumerate() {
                let values = &column[part * ROWS..];
                chunk.iter_mut().skip(place).step_by(stride).zip(values).for_each(|(slot, bin)| *slot = *bin);
            }
        });
        Tile { first: span.start, width: span.len(), stride, start, bins }
    };
    parallel::runs(columns.len(), parts).map(build).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_get_a_bin_each_and_cuts_lie_between_them() {
        let distinct = [(1.0, 5), (2.0, 5), (4.0, 5)];
        assert_eq!(cuts(&distinct, 255), vec![1.5, 3.0]);
        assert_eq!(cuts(&distinct, 2).len(), 1);
        assert_eq!(cuts(&distinct[..1], 255), Vec::<f32>::new());
        assert_eq!(cuts(&[], 255), Vec::<f32>::new());
    }

    #[test]
    fn a_frequent_value_ends_its_bin_and_the_limit_holds() {
        let mut distinct: Vec<(f32, usize)> = (0..10_000).map(|value| (value as f32, 1)).collect();
        distinct[5_000].1 = 5_000;
        for bins_max in [2, 3, 17, 64, 254, 255] {
            let found = cuts(&distinct, bins_max);
            assert!(found.len() < bins_max, "{bins_max} bins: {} cuts", found.len());
            assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(found.len() + 1 >= bins_max * 3 / 4, "{bins_max} bins: {} cuts", found.len());
            if bins_max > 3 {
                let place = Place::of(&found);
                // It may take along a remainder below, of at most half a share.
                assert_ne!(place.bin(5_000.0), place.bin(5_000.0 - (7_500.0 / bins_max as f32).ceil()));
                assert_ne!(place.bin(5_000.0), place.bin(5_001.0));
            }
        }
    }

    #[test]
    fn a_bin_is_the_number_of_cuts_below() {
        let cuts: Vec<f32> = (0..254).map(|cut| cut as f32 * 3.0).collect();
        let place = Place::of(&cuts);
        for value in -10..800 {
            let value = value as f32;
            assert_eq!(usize::from(place.bin(value)), cuts.iter().filter(|cut| value > **cut).count());
        }
        assert_eq!(place.bin(f32::MAX), 254);
    }

    #[test]
    fn neighbouring_floats_are_still_told_apart() {
        for low in [1.0_f32, -1.0, f32::MIN, 1e-45, f32::MAX.next_down(), 0.0] {
            let high = low.next_up();
            let middle = between(low, high);
            assert!(low <= middle && middle < high, "{low} {middle} {high}");
        }
        assert!(between(f32::MIN, f32::MAX).is_finite());
    }
}
