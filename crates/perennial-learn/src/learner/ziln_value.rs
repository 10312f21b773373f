//! Value in two questions: will the customer buy at all, and if so, how much? Boosted trees under a zero-inflated log-normal law.
//!
//! Assumes  spend is 0 with chance 1 − p(row), else log-normal with mean μ(row) of the logarithm and one variance σ² for all.
//! Input    a feature table with `label_spend_cents`; a net return counts as no spend.
//! Output   `spend_cents` = p e^(μ + σ²/2). No contributions: the mean of a product is no sum of parts.
//! Cost     two boosted models, and two of half the buyers for σ².
//! Ref      Wang, Liu & Miao (2019), A Deep Probabilistic Model for Customer Lifetime Value Prediction, arXiv:1912.07753, eq. (2)–(4): the
//!          likelihood parts into that of p on everybody and that of μ, σ on buyers, which is squared error for μ.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{Estimator, FitError, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::boost::Objective;
use super::boosted::{BoostValue, BoostedModel, Settings, Training};
use super::logistic::CLASS_ROWS_MIN;
use super::windows;

/// As those of Tweedie's trees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ZilnValue(pub Settings);

impl Default for ZilnValue {
    fn default() -> Self {
        Self(BoostValue::default().0)
    }
}

#[derive(Clone, Debug)]
pub struct ZilnModel {
    chance: BoostedModel,
    amount: BoostedModel,
    /// σ²: variance of ln spend around μ.
    variance: f64,
    needs: Vec<String>,
}

impl Estimator for ZilnValue {
    const NAME: &'static str = "ziln_value";
    const TASK: Task = Task::Value;
    const PARAMS: &'static [Param] = BoostValue::PARAMS;
    type Model = ZilnModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<ZilnModel, FitError> {
        let rows = windows::labelled(train, column::LABEL_SPEND_CENTS)?;
        let cents = rows.f64s(column::LABEL_SPEND_CENTS)?;
        let buyers = windows::take(&rows, |row| cents[row] > 0.0)?;
        if buyers.rows() < CLASS_ROWS_MIN || buyers.rows() == rows.rows() {
            return Err(FitError::Refused(format!(
                "{} of {} customers spent anything in the training windows; at least {CLASS_ROWS_MIN}, and not all, are needed",
                buyers.rows(),
                rows.rows()
            )));
        }
        let bought: Vec<f32> = cents.iter().map(|&cents| f32::from(u8::from(cents > 0.0))).collect();
        let chance = Training { everyone: train, rows: &rows, labels: &bought };
        let chance = BoostedModel::fit(chance, &self.0.boosting(Objective::Logistic), run)?;
        let amount = self.amount(train, &buyers, run)?;
        let variance = self.variance(train, &buyers, run)?;
        Ok(ZilnModel::of(chance, amount, variance))
    }
}

/// ln spend of rows of buyers.
fn ln_spend(buyers: &Table) -> Result<Vec<f32>, FitError> {
    Ok(buyers.f64s(column::LABEL_SPEND_CENTS)?.into_iter().map(|cents| libm::log(cents) as f32).collect())
}

impl ZilnValue {
    fn amount(&self, everyone: &Table, buyers: &Table, run: &Run) -> Result<BoostedModel, FitError> {
        let training = Training { everyone, rows: buyers, labels: &ln_spend(buyers)? };
        BoostedModel::fit(training, &self.0.boosting(Objective::SquaredError), run)
    }

    /// Trees are nearer to the rows they have seen than to others, so each half is measured by those that learned from the other.
    fn variance(&self, everyone: &Table, buyers: &Table, run: &Run) -> Result<f64, FitError> {
        let halves = windows::customer_hash(buyers)?;
        let mut squares = 0.0;
        for half in 0..2 {
            let [known, unknown] = [1 - half, half].map(|half| windows::take(buyers, |row| halves[row] % 2 == half));
            let (known, unknown) = (known?, unknown?);
            if known.rows() == 0 || unknown.rows() == 0 {
                continue;
            }
            let mu = self.amount(everyone, &known, run)?.margins(&unknown, run.threads)?;
            squares += mu.iter().zip(ln_spend(&unknown)?).map(|(mu, ln)| (f64::from(ln) - mu).powi(2)).sum::<f64>();
        }
        Ok(squares / buyers.rows() as f64)
    }
}

impl ZilnModel {
    fn of(chance: BoostedModel, amount: BoostedModel, variance: f64) -> Self {
        let mut needs = chance.needs().to_vec();
        needs.extend(amount.needs().iter().filter(|name| !chance.needs().contains(name)).cloned());
        Self { chance, amount, variance, needs }
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let part = |name: &str| json.get(name).ok_or_else(|| LoadError(format!("it lacks {name:?}")));
        let variance = part("variance")?.as_f64().filter(|variance| variance.is_finite() && *variance >= 0.0);
        let variance = variance.ok_or_else(|| LoadError("variance must be a number of at least 0".to_owned()))?;
        Ok(Self::of(BoostedModel::load(part("chance")?)?, BoostedModel::load(part("amount")?)?, variance))
    }
}

impl Model for ZilnModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(ZilnScorer { model: self })
    }

    fn to_json(&self) -> Value {
        json!({ "chance": self.chance.to_json(), "amount": self.amount.to_json(), "variance": self.variance })
    }
}

struct ZilnScorer<'model> {
    model: &'model ZilnModel,
}

impl Scorer for ZilnScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let model = self.model;
        let (odds, mu) = (model.chance.margins(rows, 1)?, model.amount.margins(rows, 1)?);
        let mean = |(odds, mu): (f64, f64)| Some(Objective::Logistic.mean(odds) * libm::exp(mu + 0.5 * model.variance));
        let spend: Float64Array = odds.into_iter().zip(mu).map(mean).collect();
        Ok(Table::from_columns(vec![(column::SPEND, Arc::new(spend))])?)
    }
}
