//! Moves the rows of a split leaf: those that go left first, each side in its old order.

use std::ops::Range;

use super::bins::{Binned, FeatureBins};
use super::split::{Question, Split, has};
use crate::parallel;

/// Below so many rows a further thread costs more than it saves.
const ROWS_PER_THREAD_MIN: usize = 32_768;

/// For every bin, 1 where it goes left.
fn left_table(bins: &FeatureBins, question: &Question) -> [u8; 256] {
    let mut table = [0_u8; 256];
    for (bin, slot) in (0_u8..=255).zip(&mut table) {
        let goes_left = match question {
            Question::AtMost { missing_left, .. } if bins.missing == Some(bin) => *missing_left,
            Question::AtMost { bin: last, .. } => bin <= *last,
            Question::In(set) => has(set, bin),
        };
        *slot = u8::from(goes_left);
    }
    table
}

/// Sorts `order` into left rows and right rows; returns how many are left. `spare` is as long as `order`.
pub(super) fn divide(data: &Binned, split: &Split, (order, spare): (&mut [u32], &mut [u32]), threads: usize) -> usize {
    let table = left_table(&data.features[split.feature], &split.question);
    let column = &data.columns[split.feature];
    let parts = threads.min(order.len() / ROWS_PER_THREAD_MIN).max(1);
    let run_len = order.len().div_ceil(parts).max(1);
    let mut lefts = vec![0_usize; parts];
    let tasks: Vec<_> = order.chunks_mut(run_len).zip(spare.chunks_mut(run_len)).zip(&mut lefts).collect();
    parallel::each(parts, tasks, |((run, spare), left)| *left = divide_run(&table, column, run, spare));
    gather(order, spare, &lefts, run_len)
}

/// Sends other rows down the same splits; returns where each leaf's rows are.
pub(super) fn follow(
    data: &Binned,
    splits: &[(usize, Split)],
    (order, spare): (&mut [u32], &mut [u32]),
    threads: usize,
) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = std::iter::once(0..order.len()).collect();
    for (leaf, split) in splits {
        let span = spans[*leaf].clone();
        let left = divide(data, split, (&mut order[span.clone()], &mut spare[..span.len()]), threads);
        spans[*leaf].end = span.start + left;
        spans.push(span.start + left..span.end);
    }
    spans
}

/// Left rows move to the front of `run`, right rows to the front of `spare`. Both are written every time: no branch to mispredict.
fn divide_run(table: &[u8; 256], column: &[u8], run: &mut [u32], spare: &mut [u32]) -> usize {
    let (mut left, mut right) = (0, 0);
    for at in 0..run.len() {
        let row = run[at];
        let goes_left = usize::from(table[usize::from(column[row as usize])]);
        run[left] = row;
        spare[right] = row;
        left += goes_left;
        right += 1 - goes_left;
    }
    left
}

fn gather(order: &mut [u32], spare: &[u32], lefts: &[usize], run_len: usize) -> usize {
    let mut to = 0;
    for (part, left) in lefts.iter().enumerate() {
        let from = part * run_len;
        order.copy_within(from..from + left, to);
        to += left;
    }
    let left_rows = to;
    for (part, left) in lefts.iter().enumerate() {
        let from = part * run_len;
        let rows = run_len.min(spare.len() - from.min(spare.len())) - left;
        order[to..to + rows].copy_from_slice(&spare[from..from + rows]);
        to += rows;
    }
    left_rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::boost::histogram::Sums;

    #[test]
    fn both_sides_keep_their_order_for_any_number_of_threads() {
        let rows = 200_000;
        let column: Vec<u8> = (0..rows).map(|row| (row * 7 % 11) as u8).collect();
        let features = vec![FeatureBins { is_category: false, cuts: Vec::new(), values: 10, missing: Some(10) }];
        let data = Binned { rows, features, columns: vec![column.clone()], tiles: Vec::new(), offsets: vec![0, 11] };
        let question = Question::AtMost { bin: 3, missing_left: true };
        let split = Split { gain: 1.0, feature: 0, question, left: Sums::default(), right: Sums::default() };
        let expected: (Vec<u32>, Vec<u32>) =
            (0..rows as u32).partition(|row| column[*row as usize] <= 3 || column[*row as usize] == 10);
        for threads in [1, 2, 3, 5] {
            let mut order: Vec<u32> = (0..rows as u32).collect();
            let mut spare = vec![0; rows];
            let left = divide(&data, &split, (&mut order, &mut spare), threads);
            assert_eq!(order[..left], expected.0);
            assert_eq!(order[left..], expected.1);
        }
    }
}
