//! Grows one tree leaf by leaf: always the split that saves most loss next.
//!
//! Assumes  gradients fixed while the tree grows.
//! Input    binned rows, packed derivatives and the features this tree may use; the rows it learns from.
//! Output   a tree with its unshrunk leaf values, and for every leaf the rows in it.
//! Cost     per split one histogram of the smaller side, one pass over the parent's rows, one scan of both sides' bins.
//! Ref      Ke et al. (2017), LightGBM, NeurIPS (leaf-wise growth); monotone bounds as in XGBoost's monotone constraints.

use std::ops::Range;

use super::bins::Binned;
use super::histogram::{Scratch, Source, Sums};
use super::params::{BoostParams, Monotone};
use super::partition;
use super::seed::Seed;
use super::split::{self, Bounds, Judge, Question, Split, Standing};
use super::tree::{Leaf, Node, Rule, Side, Tree};
use crate::parallel;

/// Below so many bins a scan is not worth a thread.
const SCAN_BINS_MIN: usize = 2_000;

/// A leaf that may still be split.
struct Open {
    standing: Standing,
    span: Range<usize>,
    depth: usize,
    /// Node whose side this leaf is, and whether it is the left one.
    parent: Option<(usize, bool)>,
    /// Empty once the leaf cannot be split.
    cells: Vec<Sums>,
    best: Option<Split>,
}

/// A grown tree: the rows of leaf `i` are `order[spans[i]]`.
pub(super) struct Grown {
    pub tree: Tree,
    pub spans: Vec<Range<usize>>,
    /// Monotone bounds of each leaf, for values found another way.
    pub bounds: Vec<Bounds>,
    /// In the order they were made: the leaf that was split; its right side became the next leaf.
    pub splits: Vec<(usize, Split)>,
}

/// Memory kept from tree to tree.
pub(super) struct Grower<'a> {
    pub data: &'a Binned,
    pub params: &'a BoostParams,
    pub monotone: Vec<Option<Monotone>>,
    pub threads: usize,
    /// Decides which features each split of the next tree may choose from.
    pub split_seed: Seed,
    scratch: Vec<Scratch>,
    pub spare_rows: Vec<u32>,
    spare_cells: Vec<Vec<Sums>>,
}

impl<'a> Grower<'a> {
    pub fn of(data: &'a Binned, params: &'a BoostParams, monotone: Vec<Option<Monotone>>, threads: usize) -> Self {
        let scratch = (0..threads.max(1)).map(|_| Scratch::default()).collect();
        let (spare_rows, spare_cells) = (vec![0; data.rows], Vec::new());
        Self { data, params, monotone, threads, split_seed: Seed::of(0), scratch, spare_rows, spare_cells }
    }

    /// One tree on the rows in `order`, which is left sorted by leaf.
    pub fn grow(&mut self, source: &Source<'_>, order: &mut [u32]) -> Grown {
        let judge =
            Judge { params: self.params, scale: source.packed.scale, is_bounded: self.monotone.iter().any(Option::is_some) };
        let mut cells = self.cells();
        source.build(order, &mut self.scratch, &mut cells);
        let sums = source.total(&cells);
        let standing = self.standing(sums, order.len(), Bounds::FREE);
        let mut leaves = vec![Open { standing, span: 0..order.len(), depth: 0, parent: None, cells, best: None }];
        let mut nodes: Vec<Node> = Vec::new();
        let mut splits = Vec::new();
        let mut fresh = vec![0];
        while leaves.len() < self.params.leaves {
            self.scan(&judge, &mut leaves, &fresh, source.features);
            let Some((at, found)) = next(&leaves) else { break };
            let span = leaves[at].span.clone();
            let spare = &mut self.spare_rows[..span.len()];
            let left_rows = partition::divide(self.data, &found, (&mut order[span.clone()], spare), self.threads);
            if left_rows.min(span.len() - left_rows) < self.params.min_child_rows {
                // The estimate was too high: ask for more. A side never has more rows than the leaf, so this ends.
                leaves[at].standing.rows_floor *= 2.0;
                fresh = vec![at];
                continue;
            }
            if let Some((parent, is_left)) = leaves[at].parent {
                *side(&mut nodes[parent], is_left) = Side::Node(nodes.len() as u32);
            }
            let right = self.open_sides(&judge, &mut leaves[at], &found, (left_rows, nodes.len()));
            nodes.push(self.node(&found));
            splits.push((at, found));
            leaves.push(right);
            fresh = vec![at, leaves.len() - 1];
            if leaves.len() < self.params.leaves {
                self.fill_cells(source, order, &mut leaves, at);
            }
        }
        self.close(&judge, leaves, (nodes, splits))
    }

    fn cells(&mut self) -> Vec<Sums> {
        let len = self.data.offsets.last().copied().unwrap_or(0);
        self.spare_cells.pop().unwrap_or_else(|| vec![Sums::default(); len])
    }

    fn standing(&self, sums: Sums, rows: usize, bounds: Bounds) -> Standing {
        Standing { sums, rows, rows_floor: self.params.min_child_rows as f64, bounds }
    }

    /// Finds the best split of each fresh leaf, features side by side.
    fn scan(&self, judge: &Judge<'_>, leaves: &mut [Open], fresh: &[usize], features: &[usize]) {
        let parts = if self.data.offsets.last().is_some_and(|bins| *bins >= SCAN_BINS_MIN) { self.threads } else { 1 };
        let parts = parts.max(1);
        let drawn: Vec<Vec<usize>> = fresh.iter().map(|at| self.draw(&leaves[*at], features)).collect();
        let mut found: Vec<Option<Split>> = vec![None; fresh.len() * parts];
        let mut tasks = Vec::new();
        for ((slots, at), drawn) in found.chunks_mut(parts).zip(fresh).zip(&drawn) {
            let leaf = &leaves[*at];
            if !leaf.cells.is_empty() {
                let runs = parallel::runs(drawn.len(), parts).map(|run| &drawn[run]);
                tasks.extend(slots.iter_mut().zip(runs).map(|(slot, run)| (slot, run, leaf)));
            }
        }
        parallel::each(self.threads, tasks, |(slot, run, leaf)| {
            *slot = split::best(judge, &leaf.standing, (self.data, &self.monotone), (run, &leaf.cells));
        });
        for (slots, at) in found.chunks(parts).zip(fresh) {
            leaves[*at].best = slots.iter().flatten().fold(None, |best: Option<Split>, other| match best {
                Some(best) if best.gain >= other.gain => Some(best),
                _ => Some(*other),
            });
        }
    }

    /// The features a leaf's split may choose from; the same ones when the leaf is scanned again.
    fn draw(&self, leaf: &Open, features: &[usize]) -> Vec<usize> {
        if self.params.split_fraction >= 1.0 {
            return features.to_vec();
        }
        let seed = self.split_seed.child(leaf.span.start as u64).child(leaf.span.end as u64);
        seed.sample(features, self.params.split_fraction)
    }

    fn node(&self, split: &Split) -> Node {
        let bins = &self.data.features[split.feature];
        let rule = match split.question {
            // Past the last cut there is only "any number at all".
            Question::AtMost { bin, missing_left } => {
                Rule::AtMost { threshold: f64::from(bins.cuts.get(usize::from(bin)).copied().unwrap_or(f32::MAX)), missing_left }
            }
            Question::In(set) => Rule::In(set),
        };
        // Sides are filled in when they are split, or else when the leaves are closed.
        Node { feature: split.feature as u32, rule, left: Side::Leaf(0), right: Side::Leaf(0) }
    }

    /// Turns `leaf` into its own left side and returns the right one. The parent's histogram stays with the left for now.
    fn open_sides(&self, judge: &Judge<'_>, leaf: &mut Open, split: &Split, (left_rows, node): (usize, usize)) -> Open {
        let (left, right) = self.side_bounds(judge, leaf, split);
        let middle = leaf.span.start + left_rows;
        let right = Open {
            standing: self.standing(split.right, leaf.span.end - middle, right),
            span: middle..leaf.span.end,
            depth: leaf.depth + 1,
            parent: Some((node, false)),
            cells: Vec::new(),
            best: None,
        };
        leaf.standing = self.standing(split.left, left_rows, left);
        leaf.span.end = middle;
        leaf.depth += 1;
        leaf.parent = Some((node, true));
        leaf.best = None;
        right
    }

    /// A split on a monotone feature keeps everything below its sides apart: neither may cross the middle.
    fn side_bounds(&self, judge: &Judge<'_>, leaf: &Open, split: &Split) -> (Bounds, Bounds) {
        let bounds = leaf.standing.bounds;
        let Some(monotone) = self.monotone[split.feature] else { return (bounds, bounds) };
        let middle = 0.5 * (judge.value(split.left, bounds) + judge.value(split.right, bounds));
        let (below, above) = (Bounds { high: middle, ..bounds }, Bounds { low: middle, ..bounds });
        match monotone {
            Monotone::Rising => (below, above),
            Monotone::Falling => (above, below),
        }
    }

    /// Histograms of the two new leaves: the smaller side is counted, the larger is the parent less that.
    fn fill_cells(&mut self, source: &Source<'_>, order: &[u32], leaves: &mut [Open], left: usize) {
        let right = leaves.len() - 1;
        let can_split = |leaf: &Open| leaf.depth < self.params.depth_max && leaf.span.len() >= 2 * self.params.min_child_rows;
        let needed = [left, right].map(|at| can_split(&leaves[at]));
        let (small, large) = if leaves[left].span.len() <= leaves[right].span.len() { (left, right) } else { (right, left) };
        let mut parent = std::mem::take(&mut leaves[left].cells);
        if needed == [false, false] {
            self.spare_cells.push(parent);
            return;
        }
        let mut cells = self.cells();
        source.build(&order[leaves[small].span.clone()], &mut self.scratch, &mut cells);
        source.subtract(&mut parent, &cells);
        for (at, cells) in [(small, cells), (large, parent)] {
            if needed[usize::from(at == right)] {
                leaves[at].cells = cells;
            } else {
                self.spare_cells.push(cells);
            }
        }
    }

    fn close(&mut self, judge: &Judge<'_>, leaves: Vec<Open>, (mut nodes, splits): (Vec<Node>, Vec<(usize, Split)>)) -> Grown {
        let tree = Tree { nodes: Vec::new(), leaves: Vec::new() };
        let mut grown = Grown { tree, spans: Vec::new(), bounds: Vec::new(), splits };
        for (at, leaf) in leaves.into_iter().enumerate() {
            let Standing { sums, bounds, rows, .. } = leaf.standing;
            grown.tree.leaves.push(Leaf { value: judge.value(sums, bounds), rows: rows as u64 });
            grown.spans.push(leaf.span);
            grown.bounds.push(bounds);
            if let Some((node, is_left)) = leaf.parent {
                *side(&mut nodes[node], is_left) = Side::Leaf(at as u32);
            }
            if !leaf.cells.is_empty() {
                self.spare_cells.push(leaf.cells);
            }
        }
        grown.tree.nodes = nodes;
        grown
    }
}

fn side(node: &mut Node, is_left: bool) -> &mut Side {
    if is_left { &mut node.left } else { &mut node.right }
}

/// The open leaf whose split saves most; of equals the oldest.
fn next(leaves: &[Open]) -> Option<(usize, Split)> {
    let mut best: Option<(usize, Split)> = None;
    for (at, leaf) in leaves.iter().enumerate() {
        if let Some(split) = leaf.best
            && best.is_none_or(|(_, best)| split.gain > best.gain)
        {
            best = Some((at, split));
        }
    }
    best
}
