//! The boosting loop: each tree learns what the trees before it still get wrong.
//!
//! Assumes  rows independent given the features.
//! Input    a `Matrix`, labels, optional weights; optional validation rows for early stopping.
//! Output   a `Booster`; same input and seed give the same bytes at any number of threads.
//! Cost     per tree about rows × features × log2(leaves) / 2 additions.
//! Ref      Friedman (2001), Annals of Statistics 29(5), algorithm 1, with Newton leaf values as in Chen & Guestrin (2016), KDD.

use perennial_contract::estimator::{FitError, Run};

use super::bins::Binned;
use super::grow::{Grower, Grown};
use super::histogram::{Packed, Source};
use super::matrix::{Kind, Matrix};
use super::model::Booster;
use super::objective::{Objective, Slope, Target, quantile};
use super::params::{BoostParams, Ensemble, Monotone};
use super::partition;
use super::seed::Seed;
use super::tree::Tree;
use crate::parallel;

/// Rows a thread takes at a time where each row stands for itself.
const CHUNK_ROWS: usize = 1 << 14;

/// Rows to learn from, or to validate on.
#[derive(Clone, Copy, Debug)]
pub struct Examples<'a> {
    pub matrix: &'a Matrix,
    pub label: &'a [f32],
    /// Positive or zero; all 1 if absent.
    pub weight: Option<&'a [f32]>,
}

impl Examples<'_> {
    fn targets(&self, objective: Objective) -> Result<Vec<Target>, FitError> {
        let rows = self.matrix.rows();
        let lengths = [Some(self.label.len()), self.weight.map(<[f32]>::len)];
        if let Some(other) = lengths.into_iter().flatten().find(|len| *len != rows) {
            return Err(FitError::Refused(format!(
                "{rows} rows of features but {other} labels or weights; give one for each row"
            )));
        }
        let target = |row: usize| {
            let label = f64::from(self.label[row]);
            let weight = self.weight.map_or(1.0, |weights| f64::from(weights[row]));
            if !objective.accepts(label) {
                return Err(FitError::Refused(format!("row {row} has label {label}, allowed is {}", objective.label_range())));
            }
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(FitError::Refused(format!("row {row} has weight {weight}, allowed is 0 and above")));
            }
            Ok(Target { label, weight })
        };
        let targets: Vec<Target> = (0..rows).map(target).collect::<Result<_, _>>()?;
        if targets.iter().all(|target| target.weight == 0.0) {
            return Err(FitError::Refused("no row with a positive weight to learn from".to_owned()));
        }
        Ok(targets)
    }
}

/// Validation rows while trees are added.
struct Watch<'a> {
    matrix: &'a Matrix,
    targets: Vec<Target>,
    margins: Vec<f64>,
    best: f64,
    best_trees: usize,
}

impl Watch<'_> {
    /// Adds a tree; says whether the loss has stopped improving.
    fn is_over(&mut self, tree: &Tree, trees: usize, params: &BoostParams, threads: usize) -> bool {
        add_tree(tree, self.matrix, &mut self.margins, threads);
        let loss = mean_loss(params.objective, &self.margins, &self.targets);
        if loss < self.best {
            (self.best, self.best_trees) = (loss, trees);
        }
        trees - self.best_trees >= params.early_stopping_trees
    }
}

/// Everything one tree changes.
struct State<'a> {
    train: &'a Matrix,
    params: &'a BoostParams,
    targets: Vec<Target>,
    margins: Vec<f64>,
    slopes: Vec<Slope>,
    packed: Packed,
    /// Rows this tree learns from, and the others.
    bag: Vec<u32>,
    rest: Vec<u32>,
    seed: Seed,
    threads: usize,
}

pub(super) fn fit(
    train: &Examples<'_>,
    valid: Option<&Examples<'_>>,
    params: &BoostParams,
    run: &Run,
) -> Result<Booster, FitError> {
    params.check()?;
    let monotone = monotone(train.matrix, params)?;
    let targets = train.targets(params.objective)?;
    if train.matrix.rows() > u32::MAX as usize {
        return Err(FitError::Refused(format!(
            "{} rows are more than {} to learn from; sample them",
            train.matrix.rows(),
            u32::MAX
        )));
    }
    let start = params.objective.start(&targets);
    let mut watch = None;
    if let Some(valid) = valid.filter(|_| params.early_stopping_trees > 0) {
        if valid.matrix.schema() != train.matrix.schema() {
            return Err(FitError::Refused("validation rows have other features than the training rows".to_owned()));
        }
        let targets = valid.targets(params.objective)?;
        let margins = vec![start; targets.len()];
        watch = Some(Watch {
            matrix: valid.matrix,
            best: mean_loss(params.objective, &margins, &targets),
            targets,
            margins,
            best_trees: 0,
        });
    }
    let (rows, seed, threads) = (train.matrix.rows(), Seed::of(run.seed), run.threads.max(1));
    let binned = Binned::learn(train.matrix, params.bins, seed.child(0), threads);
    let mut grower = Grower::of(&binned, params, monotone, threads);
    let mut state = State {
        train: train.matrix,
        params,
        targets,
        margins: vec![start; rows],
        slopes: vec![(0.0, 0.0); rows],
        packed: Packed::with_rows(rows),
        bag: Vec::new(),
        rest: Vec::new(),
        seed,
        threads,
    };
    let mut trees = Vec::new();
    for round in 0..params.trees {
        let tree = state.add(&mut grower, round)?;
        let grew = !tree.nodes.is_empty();
        if grew {
            trees.push(tree);
        }
        let is_over = match (&mut watch, trees.last()) {
            (Some(watch), Some(tree)) if grew => watch.is_over(tree, trees.len(), params, threads),
            _ => false,
        };
        // Without sampling, a tree that found nothing would find nothing again.
        if is_over || (!grew && params.draws_nothing()) {
            break;
        }
    }
    if let Some(watch) = watch {
        trees.truncate(watch.best_trees);
    }
    Ok(Booster::of(train.matrix.schema(), params.objective, start, trees))
}

fn monotone(matrix: &Matrix, params: &BoostParams) -> Result<Vec<Option<Monotone>>, FitError> {
    let features = &matrix.schema().features;
    if features.is_empty() || matrix.rows() == 0 {
        return Err(FitError::Refused(format!("{} features and {} rows: nothing to learn from", features.len(), matrix.rows())));
    }
    for name in params.monotone.keys() {
        if !features.iter().any(|feature| feature.name == *name && feature.kind == Kind::Number) {
            return Err(FitError::Refused(format!("monotone feature {name:?} is not a number among the features; remove it")));
        }
    }
    Ok(features.iter().map(|feature| params.monotone.get(&feature.name).copied()).collect())
}

impl State<'_> {
    /// Grows one tree and moves the margins by it. A tree without nodes has changed nothing.
    fn add(&mut self, grower: &mut Grower<'_>, round: usize) -> Result<Tree, FitError> {
        let seed = self.seed.child(round as u64 + 1);
        self.derive();
        self.packed.round(&self.slopes, seed.child(0), self.threads);
        self.draw(seed.child(1));
        let all: Vec<usize> = (0..self.train.schema().features.len()).collect();
        let features = seed.child(2).sample(&all, self.params.feature_fraction);
        grower.split_seed = seed.child(3);
        let source = Source { data: grower.data, packed: &self.packed, features: &features };
        let mut grown = grower.grow(&source, &mut self.bag);
        if grown.tree.nodes.is_empty() {
            return Ok(grown.tree);
        }
        self.renew(&mut grown);
        grown.tree.leaves.iter_mut().for_each(|leaf| leaf.value *= self.params.tree_share());
        if grown.tree.leaves.iter().any(|leaf| !leaf.value.is_finite()) {
            return Err(FitError::Refused("a leaf value overflowed; scale the label or lower the learning rate".to_owned()));
        }
        if self.params.ensemble == Ensemble::Averaged {
            // The next tree starts where this one did.
            return Ok(grown.tree);
        }
        let rest_spans = partition::follow(grower.data, &grown.splits, (&mut self.rest, &mut grower.spare_rows), self.threads);
        for (rows, spans) in [(&self.bag, &grown.spans), (&self.rest, &rest_spans)] {
            for (leaf, span) in grown.tree.leaves.iter().zip(spans) {
                rows[span.clone()].iter().for_each(|row| self.margins[*row as usize] += leaf.value);
            }
        }
        Ok(grown.tree)
    }

    fn derive(&mut self) {
        let objective = self.params.objective;
        let tasks: Vec<_> = self
            .slopes
            .chunks_mut(CHUNK_ROWS)
            .zip(self.margins.chunks(CHUNK_ROWS).zip(self.targets.chunks(CHUNK_ROWS)))
            .collect();
        parallel::each(self.threads, tasks, |(slopes, (margins, targets))| {
            for ((slope, margin), target) in slopes.iter_mut().zip(margins).zip(targets) {
                *slope = objective.slope(*margin, *target);
            }
        });
    }

    /// Draws the rows this tree learns from.
    fn draw(&mut self, seed: Seed) {
        let share = self.params.bagging_fraction;
        self.bag.clear();
        self.rest.clear();
        for row in 0..self.targets.len() as u32 {
            let is_in = share >= 1.0 || seed.share(u64::from(row)) < share;
            if is_in { self.bag.push(row) } else { self.rest.push(row) }
        }
    }

    /// A quantile's best leaf value is the quantile of what is left to explain, not a Newton step.
    fn renew(&self, grown: &mut Grown) {
        let Objective::Quantile { level } = self.params.objective else { return };
        let tasks: Vec<_> = grown.tree.leaves.iter_mut().zip(&grown.spans).zip(&grown.bounds).collect();
        parallel::each(self.threads, tasks, |((leaf, span), bounds)| {
            let left = |row: &u32| {
                let (target, margin) = (self.targets[*row as usize], self.margins[*row as usize]);
                (target.label - margin, target.weight)
            };
            let mut pairs: Vec<(f64, f64)> = self.bag[span.clone()].iter().map(left).collect();
            leaf.value = quantile(&mut pairs, level).clamp(bounds.low, bounds.high);
        });
    }
}

/// Moves every row's margin by its leaf.
fn add_tree(tree: &Tree, matrix: &Matrix, margins: &mut [f64], threads: usize) {
    let tasks: Vec<_> = margins.chunks_mut(CHUNK_ROWS).enumerate().collect();
    parallel::each(threads, tasks, |(part, margins)| {
        for (place, margin) in margins.iter_mut().enumerate() {
            *margin += tree.leaves[tree.leaf(matrix.columns(), part * CHUNK_ROWS + place)].value;
        }
    });
}

fn mean_loss(objective: Objective, margins: &[f64], targets: &[Target]) -> f64 {
    let weight: f64 = targets.iter().map(|target| target.weight).sum();
    let loss: f64 =
        margins.iter().zip(targets).map(|(margin, target)| target.weight * objective.loss(*margin, target.label)).sum();
    loss / weight
}
