//! Why this margin? Splits a row's margin into one exact contribution per feature.
//!
//! Assumes  an absent feature is averaged over the training rows of each node ("path-dependent"); features are a team sharing the margin (Shapley).
//! Input    rows under the booster's schema.
//! Output   contributions [rows × features] in units of the margin; with the bias they add up to it.
//! Cost     per leaf and row one mask and one look-up per feature on the leaf's path; O(d^2) once per mask that occurs.
//! Ref      Lundberg et al. (2020), Nature Machine Intelligence 2, algorithm 2 (the same values). Here each leaf is a product game:
//!          phi_i = v (o_i - z_i) ∫_0^1 Π_{j≠i} (t o_j + (1-t) z_j) dt, a polynomial that Gauss–Legendre quadrature integrates exactly.

use perennial_contract::estimator::{Contributions, ScoreError};

use super::matrix::{Column, Matrix};
use super::model::Booster;
use super::params::DEPTH_MAX;
use super::quadrature::unit_interval;
use super::tree::{Side, Tree};
use crate::parallel;

/// Rows that go through all trees together.
const BLOCK_ROWS: usize = 1024;
/// Up to so many features on a path the answers of all masks fit a table.
const TABLE_FEATURES_MAX: usize = 11;
/// With fewer rows most of a table would be read once: not worth it.
const TABLE_ROWS_MIN: usize = 64;

/// One feature on the way to a leaf.
struct Step {
    feature: usize,
    /// Share of the training rows that pass all of this feature's questions on the path, each among the rows that reach it.
    z: f64,
    /// Nodes that ask this feature, and the answer that leads to the leaf.
    asks: Vec<(usize, bool)>,
}

/// The way to one leaf.
struct Path {
    value: f64,
    steps: Vec<Step>,
}

/// A booster taken apart into paths, ready to explain rows.
pub struct Explainer<'a> {
    booster: &'a Booster,
    /// Per tree, one path per leaf.
    trees: Vec<Vec<Path>>,
    bias: f64,
    /// `nodes[n]`: quadrature for paths of up to `2n` features.
    nodes: Vec<Vec<(f64, f64)>>,
}

impl<'a> Explainer<'a> {
    #[must_use]
    pub fn of(booster: &'a Booster) -> Self {
        let trees: Vec<Vec<Path>> = booster.trees.iter().map(paths).collect();
        // The mean margin of the training rows, as far as the trees know it.
        let mean = |path: &Path| path.value * path.steps.iter().map(|step| step.z).product::<f64>();
        let bias = booster.start + trees.iter().flatten().map(mean).sum::<f64>();
        let longest = trees.iter().flatten().map(|path| path.steps.len()).max().unwrap_or(0);
        let nodes = (0..=longest.div_ceil(2)).map(unit_interval).collect();
        Self { booster, trees, bias, nodes }
    }

    /// Contributions of every row; a row's bits do not depend on the rows around it.
    pub fn explain(&self, matrix: &Matrix, threads: usize) -> Result<Contributions, ScoreError> {
        self.booster.accepts(matrix)?;
        let features = self.booster.schema.features.len();
        let mut values = vec![0.0; matrix.rows() * features];
        let tasks: Vec<_> = values.chunks_mut(BLOCK_ROWS * features).enumerate().collect();
        parallel::each(threads, tasks, |(part, values)| {
            let rows = values.len() / features;
            let block = Block { matrix, first: part * BLOCK_ROWS, rows };
            self.explain_block(&block, values);
        });
        let names = self.booster.schema.features.iter().map(|feature| feature.name.clone()).collect();
        Ok(Contributions { features: names, bias: self.bias, values })
    }

    fn explain_block(&self, block: &Block<'_>, values: &mut [f64]) {
        let features = self.booster.schema.features.len();
        // By feature while summing, so that a path adds to few, contiguous runs.
        let mut sums = vec![0.0; features * block.rows];
        let mut table = Table::default();
        for (tree, paths) in self.booster.trees.iter().zip(&self.trees) {
            let answers = block.answers(tree);
            for path in paths {
                let words: Vec<Vec<u64>> = path.steps.iter().map(|step| block.passes(step, &answers)).collect();
                let game = Game::of(path, &self.nodes[path.steps.len().div_ceil(2)]);
                if path.steps.len() <= TABLE_FEATURES_MAX && block.rows >= TABLE_ROWS_MIN {
                    table.add(&game, &words, &mut sums, block.rows);
                } else {
                    add_each(&game, &words, &mut sums, block.rows);
                }
            }
        }
        for (row, values) in values.chunks_mut(features).enumerate() {
            values.iter_mut().enumerate().for_each(|(feature, value)| *value = sums[feature * block.rows + row]);
        }
    }
}

/// The paths of a tree, by leaf.
fn paths(tree: &Tree) -> Vec<Path> {
    let node_rows = tree.rows();
    let mut above: Vec<Vec<(usize, bool, f64)>> = vec![Vec::new(); tree.nodes.len()];
    let mut paths: Vec<Path> = tree.leaves.iter().map(|leaf| Path { value: leaf.value, steps: Vec::new() }).collect();
    for (at, node) in tree.nodes.iter().enumerate() {
        for (side, is_left) in [(node.left, true), (node.right, false)] {
            let share = tree.side_rows(&node_rows, side) as f64 / node_rows[at] as f64;
            let mut way = above[at].clone();
            way.push((at, is_left, share));
            match side {
                Side::Node(next) => above[next as usize] = way,
                Side::Leaf(leaf) => paths[leaf as usize].steps = steps(tree, &way),
            }
        }
    }
    paths
}

/// Questions to the same feature become one step.
fn steps(tree: &Tree, way: &[(usize, bool, f64)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, is_left, share) in way {
        let feature = tree.nodes[*at].feature as usize;
        match steps.iter_mut().find(|step| step.feature == feature) {
            Some(step) => {
                step.z *= share;
                step.asks.push((*at, *is_left));
            }
            None => steps.push(Step { feature, z: *share, asks: vec![(*at, *is_left)] }),
        }
    }
    steps
}

/// Some rows of a matrix; answers are kept 64 rows to a word.
struct Block<'a> {
    matrix: &'a Matrix,
    first: usize,
    rows: usize,
}

impl Block<'_> {
    /// For every node, which rows go left.
    fn answers(&self, tree: &Tree) -> Vec<Vec<u64>> {
        let columns: &[Column] = self.matrix.columns();
        let word = |node: &super::tree::Node, start: usize| {
            (start..self.rows.min(start + 64))
                .fold(0, |word, row| word | u64::from(node.asks(columns, self.first + row)) << (row - start))
        };
        tree.nodes.iter().map(|node| (0..self.rows).step_by(64).map(|start| word(node, start)).collect()).collect()
    }

    /// Which rows pass all questions of a step.
    fn passes(&self, step: &Step, answers: &[Vec<u64>]) -> Vec<u64> {
        let mut words = vec![u64::MAX; self.rows.div_ceil(64)];
        for (node, is_left) in &step.asks {
            let flip = if *is_left { 0 } else { u64::MAX };
            words.iter_mut().zip(&answers[*node]).for_each(|(word, answer)| *word &= answer ^ flip);
        }
        words
    }
}

const NODES_MAX: usize = DEPTH_MAX.div_ceil(2);

/// A path with everything that does not depend on the row worked out.
struct Game<'a> {
    path: &'a Path,
    /// `value × weight` per quadrature node.
    start: Vec<f64>,
    /// Per step, for "fails" and "passes", per node: `t o + (1 - t) z`, and one over it.
    factors: Vec<f64>,
    inverses: Vec<f64>,
}

impl<'a> Game<'a> {
    fn of(path: &'a Path, nodes: &[(f64, f64)]) -> Self {
        let start = nodes.iter().map(|(_, weight)| weight * path.value).collect();
        let factor = |step: &Step, o: f64, t: f64| t * o + (1.0 - t) * step.z;
        let mut factors = Vec::with_capacity(path.steps.len() * 2 * nodes.len());
        for step in &path.steps {
            for o in [0.0, 1.0] {
                factors.extend(nodes.iter().map(|(t, _)| factor(step, o, *t)));
            }
        }
        let inverses = factors.iter().map(|factor| 1.0 / factor).collect();
        Self { path, start, factors, inverses }
    }

    /// The contribution of each step for a row that passes the steps in `mask`.
    fn share(&self, mask: u64, mut give: impl FnMut(usize, f64)) {
        let n = self.start.len();
        let mut products = [0.0; NODES_MAX];
        let products = &mut products[..n];
        products.copy_from_slice(&self.start);
        let place = |at: usize| (2 * at + usize::from(mask >> at & 1 == 1)) * n;
        for at in 0..self.path.steps.len() {
            products.iter_mut().zip(&self.factors[place(at)..]).for_each(|(product, factor)| *product *= factor);
        }
        for (at, step) in self.path.steps.iter().enumerate() {
            let others: f64 = products.iter().zip(&self.inverses[place(at)..]).map(|(product, inverse)| product * inverse).sum();
            let o = if mask >> at & 1 == 1 { 1.0 } else { 0.0 };
            give(at, (o - step.z) * others);
        }
    }
}

/// Row by row, for long paths and few rows.
fn add_each(game: &Game<'_>, words: &[Vec<u64>], sums: &mut [f64], rows: usize) {
    for row in 0..rows {
        let bit = |words: &Vec<u64>| words[row / 64] >> (row % 64) & 1;
        let mask = words.iter().enumerate().fold(0, |mask, (at, words)| mask | bit(words) << at);
        game.share(mask, |at, value| sums[game.path.steps[at].feature * rows + row] += value);
    }
}

/// Answers by mask, filled in as masks occur.
#[derive(Default)]
struct Table {
    /// Step after step, `2^steps` values each.
    values: Vec<f64>,
    known: Vec<bool>,
    masks: Vec<u16>,
}

impl Table {
    fn add(&mut self, game: &Game<'_>, words: &[Vec<u64>], sums: &mut [f64], rows: usize) {
        let size = 1 << words.len();
        self.known.clear();
        self.known.resize(size, false);
        self.values.resize(self.values.len().max(size * words.len()), 0.0);
        self.read_masks(words, rows);
        for mask in &self.masks {
            let mask = usize::from(*mask);
            if !self.known[mask] {
                self.known[mask] = true;
                game.share(mask as u64, |at, value| self.values[at * size + mask] = value);
            }
        }
        for (at, step) in game.path.steps.iter().enumerate() {
            let values = &self.values[at * size..][..size];
            let sums = &mut sums[step.feature * rows..][..rows];
            sums.iter_mut().zip(&self.masks).for_each(|(sum, mask)| *sum += values[usize::from(*mask)]);
        }
    }

    /// Turns a word of 64 rows per step into a mask of all steps per row, eight rows at a time.
    fn read_masks(&mut self, words: &[Vec<u64>], rows: usize) {
        self.masks.clear();
        for group in 0..rows.div_ceil(8) {
            let (mut low, mut high) = (0_u64, 0_u64);
            for (at, words) in words.iter().enumerate() {
                let spread = SPREAD[(words[group / 8] >> (group % 8 * 8) & 255) as usize];
                if at < 8 { low |= spread << at } else { high |= spread << (at - 8) }
            }
            let pairs = low.to_le_bytes().into_iter().zip(high.to_le_bytes());
            self.masks.extend(pairs.map(|(low, high)| u16::from_le_bytes([low, high])).take(rows - group * 8));
        }
    }
}

/// Bit `k` of the index becomes the lowest bit of byte `k`.
const SPREAD: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte] |= ((byte >> bit & 1) as u64) << (8 * bit);
            bit += 1;
        }
        byte += 1;
    }
    table
};
