//! The stack's answer: a weighted sum of its members' log-odds, and the same sum of their reasons.
//!
//! Assumes  the weights were learned on forecasts (see `fit`); members answer in log-odds.
//! Input    a feature table with the columns of every member that counts.
//! Output   `p_churn` [rows]; contributions that add up to its log-odds: each member's own, times its weight, added by feature.
//! Cost     that of the members.
//! Ref      Wolpert (1992), Neural Networks 5(2); the reasons of a sum are the sum of the reasons (Shapley 1953, linearity).

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{Contributions, LoadError, Model, ScoreError, Scorer, column};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::blend::Blend;
use super::member::{Kind, Member, Reasons};
use crate::learner::linear::sigmoid;

pub struct StackModel {
    members: Vec<(Kind, Arc<Member>)>,
    blend: Blend,
    needs: Vec<String>,
}

/// A member in the model's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seat {
    kind: Kind,
    weight: f64,
    model: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    intercept: f64,
    members: Vec<Seat>,
}

impl StackModel {
    /// One weight a member. A member that counts for nothing is left out: nothing need be known for it.
    pub(super) fn of(members: Vec<(Kind, Arc<Member>)>, blend: &Blend) -> Self {
        let seated = members.into_iter().zip(&blend.weights).filter(|(_, weight)| **weight > 0.0);
        let (members, weights): (Vec<_>, Vec<f64>) = seated.unzip();
        let mut needs = Vec::new();
        for name in members.iter().flat_map(|(_, member)| member.needs()) {
            if !needs.contains(&name) {
                needs.push(name);
            }
        }
        Self { members, blend: Blend { intercept: blend.intercept, weights }, needs }
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let file = File::deserialize(json).map_err(|error| LoadError(error.to_string()))?;
        let weights: Vec<f64> = file.members.iter().map(|seat| seat.weight).collect();
        if weights.contains(&0.0) {
            return Err(LoadError("a member's weight is 0, allowed are numbers above 0".to_owned()));
        }
        let blend = Blend { intercept: file.intercept, weights };
        blend.check().map_err(LoadError)?;
        let mut members: Vec<(Kind, Arc<Member>)> = Vec::with_capacity(file.members.len());
        for seat in &file.members {
            if members.iter().any(|(kind, _)| *kind == seat.kind) {
                return Err(LoadError(format!("{:?} sits in the stack twice", seat.kind)));
            }
            members.push((seat.kind, Arc::new(Member::load(seat.kind, &seat.model)?)));
        }
        Ok(Self::of(members, &blend))
    }

    /// Who counts how much.
    pub fn weights(&self) -> impl Iterator<Item = (Kind, f64)> {
        self.members.iter().map(|(kind, _)| *kind).zip(self.blend.weights.iter().copied())
    }
}

impl Model for StackModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(StackScorer { model: self, reasons: None })
    }

    fn inputs(&self, rows: &Table) -> Result<Table, TableError> {
        let mut table = rows.clone();
        for (_, member) in &self.members {
            table = match &**member {
                Member::Boosting(model) => model.inputs(&table)?,
                Member::Lifetime(model) => {
                    let p: Float64Array = model.log_odds(rows, 1)?.into_iter().map(|z| Some(sigmoid(-z))).collect();
                    table.with(model.feature(), Arc::new(p))?
                }
                Member::Logistic(_) => table,
            };
        }
        Ok(table)
    }

    fn to_json(&self) -> Value {
        let seats = self.members.iter().zip(&self.blend.weights);
        let members = seats.map(|((kind, member), &weight)| Seat { kind: *kind, weight, model: member.to_json() }).collect();
        json!(File { intercept: self.blend.intercept, members })
    }
}

struct StackScorer<'model> {
    model: &'model StackModel,
    /// Members taken apart, on the first question why.
    reasons: Option<Vec<Reasons<'model>>>,
}

impl Scorer for StackScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let Blend { intercept, weights } = &self.model.blend;
        let mut margins = vec![*intercept; rows.rows()];
        for ((_, member), weight) in self.model.members.iter().zip(weights) {
            for (sum, z) in margins.iter_mut().zip(member.log_odds(rows, 1)?) {
                *sum += weight * z;
            }
        }
        let p: Float64Array = margins.into_iter().map(|margin| Some(sigmoid(margin))).collect();
        Ok(Table::from_columns(vec![(column::P_CHURN, Arc::new(p))])?)
    }

    fn explain(&mut self, rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        let members = &self.model.members;
        let reasons = self.reasons.get_or_insert_with(|| members.iter().map(|(_, member)| member.explainer()).collect());
        let mut parts = Vec::with_capacity(reasons.len());
        for reasons in reasons {
            // Every member can tell its reasons; one that could not would leave a gap in the sum.
            let Some(part) = reasons.explain(rows)? else { return Ok(None) };
            parts.push(part);
        }
        Ok(Some(sum(&parts, &self.model.blend, rows.rows())))
    }
}

/// The members' parts, each times its weight, added by feature.
fn sum(parts: &[Contributions], blend: &Blend, rows: usize) -> Contributions {
    let mut features: Vec<String> = Vec::new();
    let mut places: Vec<Vec<usize>> = Vec::with_capacity(parts.len());
    for part in parts {
        let place = |name: &String| {
            features.iter().position(|has| has == name).unwrap_or_else(|| {
                features.push(name.clone());
                features.len() - 1
            })
        };
        places.push(part.features.iter().map(place).collect());
    }
    let mut values = vec![0.0; rows * features.len()];
    for ((part, places), weight) in parts.iter().zip(&places).zip(&blend.weights) {
        let cells = part.values.chunks_exact(places.len().max(1));
        for (to, from) in values.chunks_exact_mut(features.len().max(1)).zip(cells) {
            for (&place, value) in places.iter().zip(from) {
                to[place] += weight * value;
            }
        }
    }
    let bias = blend.intercept + parts.iter().zip(&blend.weights).map(|(part, weight)| weight * part.bias).sum::<f64>();
    Contributions { features, bias, values }
}
