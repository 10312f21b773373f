//! Segments by k-means on logged, standardised behaviour, as many as stand apart and stay the same in another sample.
//!
//! Assumes  what a shop calls a group shows in recency, frequency, spend, age and basket size.
//! Input    whichever of those columns the table has, at least two.
//! Output   `segment` [rows]: `k1` is the group with the highest mean spend.
//! Cost     a search over k on at most 4,000 customers, then a few passes over all.
//! Ref      see `partition`; choice of k: Rousseeuw (1987) silhouette among the k whose bootstrap stability (Hennig 2007) is 0.8 or more.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::StringArray;
use perennial_contract::estimator::{Estimator, FitError, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::partition::{Pace, Partition, Search, descend, nearest};
use super::profile::{Profile, profiles};
use super::traits::TRAITS;
use crate::learner::encode::{Encoder, Skew};
use crate::learner::windows;
use crate::metric::cluster::{self, Points};

/// Customers k is chosen on, at most.
const CHOICE_ROWS_MAX: usize = 3000;
const STABLE: f64 = 0.8;
const STARTS: usize = 4;
const DRAWS: usize = 6;
/// Of a resample, which only has to find the same groups again.
const STARTS_DRAWN: usize = 2;
/// While numbers of groups are compared, a descent may end when it lowers the inertia by no more than this share: the labels hardly change after.
const TOLERANCE: f64 = 1e-4;
/// Standard deviations beyond which a customer is no further away: a wholesaler must not be a segment.
const FAR: f64 = 4.0;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeans {
    pub k: usize,
    pub k_min: usize,
    pub k_max: usize,
}

impl Default for KMeans {
    fn default() -> Self {
        Self { k: 0, k_min: 3, k_max: 8 }
    }
}

/// How one number of groups did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub k: usize,
    pub silhouette: f64,
    pub stability: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KMeansModel {
    encoder: Encoder,
    /// Row-major, one row a segment, highest spend first.
    centres: Vec<f64>,
    inertia: f64,
    /// Every k that was tried.
    choices: Vec<Choice>,
    profiles: Vec<Profile>,
    #[serde(skip)]
    needs: Vec<String>,
}

impl Estimator for KMeans {
    const NAME: &'static str = "kmeans";
    const TASK: Task = Task::Segment;
    const PARAMS: &'static [Param] = &[
        Param { name: "k", default: 0.0, min: 0.0, max: 30.0, help: "number of segments; 0 chooses between k_min and k_max" },
        Param { name: "k_min", default: 3.0, min: 2.0, max: 30.0, help: "fewest segments to try" },
        Param { name: "k_max", default: 8.0, min: 2.0, max: 30.0, help: "most segments to try" },
    ];
    type Model = KMeansModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<KMeansModel, FitError> {
        let last = windows::by_time(train, run.horizon_days)?.last;
        let names: Vec<String> =
            TRAITS.iter().filter(|t| t.measures && last.has(t.column)).map(|t| t.column.to_owned()).collect();
        let encoder = Encoder::fit(&last, &names, Skew::Log)?;
        if encoder.columns.len() < 2 {
            return Err(FitError::Refused(format!(
                "{} of the columns {} differ between customers, at least 2 must",
                encoder.columns.len(),
                names.join(", ")
            )));
        }
        let points = encoded(&encoder, &last)?;
        let sample = points.take(&cluster::sample(points.rows(), CHOICE_ROWS_MAX.min(points.rows()), run.seed));
        let range = if self.k > 0 { self.k..=self.k } else { self.k_min..=self.k_max.max(self.k_min) };
        let choices: Vec<Choice> = range.filter_map(|k| judge(&sample, k, run)).collect();
        let k = pick(&choices).ok_or_else(|| {
            FitError::Refused(format!("{} customers do not form {} distinct groups", points.rows(), self.k.max(self.k_min)))
        })?;
        let search = Search { k, seed: run.seed, starts: STARTS, threads: run.threads, tolerance: 0.0 };
        let Some(start) = Partition::search(&sample, search) else {
            return Err(FitError::Refused(format!("no {k} distinct groups among {} customers", points.rows())));
        };
        let found = descend(&points, start.centres, Pace { threads: run.threads, tolerance: 0.0 });
        let centres = by_spend(&found, &points, &last)?;
        let mut model = KMeansModel {
            needs: encoder.names(),
            encoder,
            centres: centres.values,
            inertia: found.inertia,
            choices,
            profiles: Vec::new(),
        };
        model.profiles = profiles(&last, &model.assign(&last)?, |_| None)?;
        Ok(model)
    }
}

fn judge(sample: &Points, k: usize, run: &Run) -> Option<Choice> {
    let search = Search { k, seed: run.seed, starts: STARTS, threads: run.threads, tolerance: TOLERANCE };
    let labels = Partition::search(sample, search)?.assign(sample);
    let silhouette = cluster::silhouette(sample, &labels, run.seed)?;
    let stability = cluster::stability(sample.rows(), DRAWS, run.seed, |rows| {
        let drawn = sample.take(rows);
        let search = Search { starts: STARTS_DRAWN, ..search };
        Partition::search(&drawn, search).map_or_else(|| vec![0; sample.rows()], |found| found.assign(sample))
    })?;
    Some(Choice { k, silhouette, stability })
}

/// The best silhouette among the stable; where none is stable, the most stable.
fn pick(choices: &[Choice]) -> Option<usize> {
    let stable = choices.iter().filter(|choice| choice.stability >= STABLE);
    let best = stable.max_by(|a, b| a.silhouette.total_cmp(&b.silhouette).then(b.k.cmp(&a.k)));
    let steadiest = || choices.iter().max_by(|a, b| a.stability.total_cmp(&b.stability).then(b.k.cmp(&a.k)));
    best.or_else(steadiest).map(|choice| choice.k)
}

/// Centres ordered by their customers' mean spend, so that keys mean the same from fit to fit.
fn by_spend(found: &Partition, points: &Points, rows: &Table) -> Result<Points, TableError> {
    let spend = if rows.has(column::SPEND_CENTS) { rows.f64s(column::SPEND_CENTS)? } else { vec![0.0; rows.rows()] };
    let k = found.centres.rows();
    let mut sums = vec![(0.0, 0.0); k];
    for (label, spend) in found.assign(points).into_iter().zip(spend) {
        let known = if spend.is_finite() { spend } else { 0.0 };
        sums[label as usize].0 += known;
        sums[label as usize].1 += 1.0;
    }
    let mean = |i: usize| if sums[i].1 > 0.0 { sums[i].0 / sums[i].1 } else { f64::NEG_INFINITY };
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|&a, &b| mean(b).total_cmp(&mean(a)).then(a.cmp(&b)));
    Ok(found.centres.take(&order))
}

fn encoded(encoder: &Encoder, rows: &Table) -> Result<Points, TableError> {
    let mut points = encoder.encode(rows)?;
    points.values.iter_mut().for_each(|value| *value = value.clamp(-FAR, FAR));
    Ok(points)
}

impl KMeansModel {
    #[must_use]
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    fn centres(&self) -> Points {
        Points { values: self.centres.clone(), width: self.encoder.width() }
    }

    fn assign(&self, rows: &Table) -> Result<Vec<String>, TableError> {
        let (points, centres) = (encoded(&self.encoder, rows)?, self.centres());
        Ok((0..rows.rows()).map(|row| format!("k{}", nearest(&centres, points.row(row)).0 + 1)).collect())
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let mut model = Self::deserialize(json).map_err(|error| LoadError(error.to_string()))?;
        model.encoder.check().map_err(LoadError)?;
        let width = model.encoder.width();
        if width == 0 || model.centres.is_empty() || !model.centres.len().is_multiple_of(width) {
            return Err(LoadError(format!("{} numbers are no rows of {width} for centres", model.centres.len())));
        }
        if model.centres.iter().any(|value| !value.is_finite()) {
            return Err(LoadError("a centre is not finite".to_owned()));
        }
        model.needs = model.encoder.names();
        Ok(model)
    }
}

impl Model for KMeansModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(KMeansScorer { model: self })
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

struct KMeansScorer<'model> {
    model: &'model KMeansModel,
}

impl Scorer for KMeansScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let segments = StringArray::from(self.model.assign(rows)?);
        Ok(Table::from_columns(vec![(column::SEGMENT, Arc::new(segments))])?)
    }
}
