//! Churn, value, whom to call first, and every model that was tried.

use anyhow::Result;
use perennial_contract::estimator::{Task, column};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::Facts;
use crate::pipeline::card::Importance as Weight;
use crate::pipeline::evaluate::{Decile, Gain, Reliability};
use crate::pipeline::picture::explain_rows;
use crate::pipeline::train::best_refused;
use crate::registry::{Row, Status};
use crate::report::{
    AtRisk, Churn, ChurnToday, Estimate, GainPoint, Importance, MetricRow, ModelMetric, ModelRow, ModelStatus, Phrase,
    ReliabilityBin, RiskCustomer, Section, SpendRange, Value, ValueDecile,
};

/// Customers in the list of those to call first.
const AT_RISK_MAX: usize = 20;
const SCORE_BINS: usize = 20;

/// A list the registry keeps in a row's metrics.
fn kept<T: DeserializeOwned>(metrics: &Json, name: &str) -> Vec<T> {
    serde_json::from_value(metrics[name].clone()).unwrap_or_default()
}

fn point(value: f64) -> Estimate {
    Estimate { value, interval: None }
}

/// What so many repeats at so much each come to; nothing where there has been none, and never below 0.
fn usual_cents(repeat_cents: f64, repeats: f64) -> f64 {
    if repeats > 0.0 && repeat_cents.is_finite() { (repeat_cents * repeats).max(0.0) } else { 0.0 }
}

/// The report's name of a task's metric. The total of churn is of those who order again, as in its tables.
fn shown_name(task: Task, metric: &str) -> &str {
    match (task, metric) {
        (_, "mae") => "mae_cents",
        (Task::Churn, "total_ratio") => "buyers_ratio",
        _ => metric,
    }
}

impl Facts<'_> {
    /// Why nobody answers a task.
    pub fn refusal(&self, task: Task) -> Phrase {
        match best_refused(&self.rows, task) {
            Some(row) => reason(row),
            None => Phrase::both("nothing was trained yet", "尚未训练"),
        }
    }

    fn baseline(&self, task: Task) -> Option<&Row> {
        self.rows.iter().find(|row| row.task == task && row.metrics["baseline"] == Json::Bool(true))
    }

    fn metric_rows(&self, champion: &Row, names: &[&str]) -> Vec<MetricRow> {
        let baseline = self.baseline(champion.task).filter(|row| row.name != champion.name);
        let compared = champion.metrics["compared"].as_object();
        let against_baseline =
            compared.and_then(|all| all.iter().find(|(rival, _)| rival.starts_with("the baseline"))).map(|(_, facts)| facts);
        let row = |name: &&str| {
            let value = champion.metrics["test"][*name].as_f64()?;
            let difference = against_baseline.and_then(|facts| {
                let number = |key: &str| facts[*name][key].as_f64();
                // The gate's gains are oriented so that more is better; the report shows champion less baseline.
                let sign = if matches!(*name, "log_loss" | "mae") { -1.0 } else { 1.0 };
                let (low, high) = (sign * number("lo95")?, sign * number("hi95")?);
                Some(Estimate { value: sign * number("gain")?, interval: Some((low.min(high), low.max(high))) })
            });
            Some(MetricRow {
                metric: shown_name(champion.task, name).to_owned(),
                champion: point(value),
                baseline: baseline.and_then(|row| row.metrics["test"][*name].as_f64()).map(point),
                difference,
            })
        };
        names.iter().filter_map(row).collect()
    }

    pub fn churn(&self) -> Result<Section<Churn>> {
        let Some(champion) = self.champions.get(&Task::Churn) else { return Ok(Section::Refused(self.refusal(Task::Churn))) };
        let metrics = &champion.row.metrics;
        let gain = |metrics: &Json| -> Vec<GainPoint> {
            kept::<Gain>(metrics, "gain").iter().map(|g| GainPoint { contacted: g.contacted, captured: g.captured }).collect()
        };
        let baseline = self.baseline(Task::Churn);
        let reliability = kept::<Reliability>(metrics, "reliability");
        Ok(Section::Shown(Churn {
            champion: champion.row.name.clone(),
            baseline: baseline.map_or_else(String::new, |row| row.name.clone()),
            test_customers: metrics["customers"].as_u64().unwrap_or(0),
            base_rate: metrics["base_rate"].as_f64().unwrap_or(f64::NAN),
            metrics: self.metric_rows(&champion.row, &["auroc", "pr_auc", "log_loss", "brier", "ece", "lift_10", "total_ratio"]),
            reliability: reliability
                .iter()
                .map(|bin| ReliabilityBin { predicted: bin.predicted, observed: bin.observed, customers: bin.customers })
                .collect(),
            gain: gain(metrics),
            gain_baseline: baseline.filter(|row| row.name != champion.row.name).map(|row| gain(&row.metrics)).unwrap_or_default(),
            slices: kept(metrics, "slices"),
            drift: kept(metrics, "drift"),
            scores: self.score_histogram()?,
            importance: kept::<Weight>(metrics, "importance")
                .into_iter()
                .map(|weight| Importance { feature: weight.feature, mean_abs: weight.mean_abs })
                .collect(),
            today: self.today()?,
        }))
    }

    fn eligible_rows(&self) -> Result<Vec<usize>> {
        let eligible = self.eligible()?;
        Ok((0..eligible.len()).filter(|&row| eligible[row]).collect())
    }

    fn score_histogram(&self) -> Result<Vec<u64>> {
        let p = self.scored.table.f64s(column::P_CHURN)?;
        let mut bins = vec![0; SCORE_BINS];
        for row in self.eligible_rows()? {
            bins[((p[row] * SCORE_BINS as f64) as usize).min(SCORE_BINS - 1)] += 1;
        }
        Ok(bins)
    }

    /// Mean net spend of a repeat purchase day × repeats a day since the first order × horizon, not below 0. Without a repeat nothing is
    /// usual: one order says neither how much nor how often.
    fn usual_spend(&self) -> Result<Vec<f64>> {
        let features = &self.scored.features;
        let (spend, repeats) = (features.f64s(column::REPEAT_SPEND_CENTS_MEAN)?, features.f64s(column::X)?);
        let horizon = f64::from(self.plan.horizon_days);
        let usual = |((cents, repeats), age)| usual_cents(cents, repeats / f64::max(age, horizon) * horizon);
        Ok(spend.into_iter().zip(repeats).zip(features.f64s(column::T)?).map(usual).collect())
    }

    fn today(&self) -> Result<ChurnToday> {
        let (p, usual) = (self.scored.table.f64s(column::P_CHURN)?, self.usual_spend()?);
        let rows = self.eligible_rows()?;
        Ok(ChurnToday {
            customers: rows.len() as u64,
            leavers_expected: rows.iter().map(|&row| p[row]).sum(),
            usual_spend_cents: rows.iter().map(|&row| usual[row]).sum(),
            at_risk_cents: rows.iter().map(|&row| p[row] * usual[row]).sum(),
        })
    }

    pub fn value(&self) -> Result<Section<Value>> {
        let Some(champion) = self.champions.get(&Task::Value) else { return Ok(Section::Refused(self.refusal(Task::Value))) };
        let metrics = &champion.row.metrics;
        // Of those the model has learned about and was judged on; of the others it says little.
        let (spend, eligible) = (self.scored.table.f64s(column::SPEND)?, self.eligible()?);
        let expected = spend.iter().zip(eligible).filter(|(cents, is)| *is && cents.is_finite()).map(|(cents, _)| cents).sum();
        Ok(Section::Shown(Value {
            champion: champion.row.name.clone(),
            horizon_days: champion.row.horizon_days,
            baseline: self.baseline(Task::Value).map_or_else(String::new, |row| row.name.clone()),
            test_customers: metrics["customers"].as_u64().unwrap_or(0),
            metrics: self.metric_rows(&champion.row, &["mae", "total_ratio", "gini", "spearman", "coverage_80"]),
            deciles: kept::<Decile>(metrics, "deciles")
                .iter()
                .map(|d| ValueDecile {
                    customers: d.customers,
                    predicted_cents: d.predicted_cents,
                    actual_cents: d.actual_cents,
                    lo80_cents: d.lo80_cents,
                    hi80_cents: d.hi80_cents,
                })
                .collect(),
            slices: kept(metrics, "slices"),
            drift: kept(metrics, "drift"),
            predicted_total_cents: metrics["predicted_total_cents"].as_f64().unwrap_or(0.0),
            actual_total_cents: metrics["actual_total_cents"].as_f64().unwrap_or(0.0) as i64,
            coverage_80: metrics["test"]["coverage_80"].as_f64(),
            expected_total_cents: Some(expected),
        }))
    }

    pub fn at_risk(&self) -> Result<Section<AtRisk>> {
        let Some(champion) = self.champions.get(&Task::Churn) else { return Ok(Section::Refused(self.refusal(Task::Churn))) };
        let (p, usual) = (self.scored.table.f64s(column::P_CHURN)?, self.usual_spend()?);
        let mut rows = self.eligible_rows()?;
        let p_mean = rows.iter().map(|&row| p[row]).sum::<f64>() / rows.len().max(1) as f64;
        rows.retain(|&row| p[row] > p_mean && usual[row] > 0.0);
        rows.sort_by(|&a, &b| (p[b] * usual[b]).total_cmp(&(p[a] * usual[a])).then(a.cmp(&b)));
        rows.truncate(AT_RISK_MAX);
        let picked: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
        let features = self.scored.features.take(&picked)?;
        let scores = self.scored.table.take(&picked)?;
        let (ids, segments) = (features.texts(column::CUSTOMER_ID)?, scores.texts(column::SEGMENT)?);
        let (since, orders) = (features.f64s(column::DAYS_SINCE_LAST_ORDER)?, features.f64s(column::ORDERS)?);
        let spend = [scores.f64s(column::SPEND)?, scores.f64s(column::SPEND_LO80)?, scores.f64s(column::SPEND_HI80)?];
        let explained = explain_rows(champion, &features)?;
        let explains = explained.is_some();
        let mut explained = explained.unwrap_or_default().into_iter();
        let customers = rows.iter().enumerate().map(|(position, &row)| RiskCustomer {
            customer_id: ids.value(position).to_owned(),
            segment: segments.iter().nth(position).flatten().map(str::to_owned),
            p_churn: p[row],
            usual_spend_cents: usual[row],
            expected: spend[0][position].is_finite().then(|| SpendRange {
                expected_cents: spend[0][position],
                lo80_cents: spend[1][position],
                hi80_cents: spend[2][position],
            }),
            days_since_last_order: since[position] as i64,
            orders: orders[position] as u64,
            reasons: explained.next().map(|e| e.reasons.into_iter().take(4).collect()).unwrap_or_default(),
        });
        Ok(Section::Shown(AtRisk { model: champion.row.name.clone(), explains, customers: customers.collect() }))
    }

    pub fn models(&self) -> Vec<ModelRow> {
        self.rows.iter().map(model_row).collect()
    }
}

fn model_row(row: &Row) -> ModelRow {
    let names = [
        "auroc",
        "pr_auc",
        "log_loss",
        "brier",
        "ece",
        "lift_10",
        "mae",
        "total_ratio",
        "gini",
        "spearman",
        "coverage_80",
        "silhouette",
        "stability",
    ];
    let metric = |name: &&str| {
        let value = row.metrics["test"][*name].as_f64()?;
        Some(ModelMetric { metric: shown_name(row.task, name).to_owned(), estimate: point(value) })
    };
    ModelRow {
        task: row.task.name().to_owned(),
        name: row.name.clone(),
        version: row.version as u64,
        status: match row.status {
            Status::Champion => ModelStatus::Champion,
            Status::Candidate => ModelStatus::Candidate,
            Status::Refused => ModelStatus::Refused,
        },
        baseline: row.metrics["baseline"] == Json::Bool(true),
        reason: (!row.reason.is_empty()).then(|| reason(row)),
        metrics: names.iter().filter_map(metric).collect(),
    }
}

/// A row's reason, in Chinese too where the refusal came from the plan.
fn reason(row: &Row) -> Phrase {
    match row.metrics["reason_zh"].as_str() {
        Some(zh) => Phrase::both(row.reason.clone(), zh),
        None => Phrase::from(row.reason.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::usual_cents;

    #[test]
    fn one_order_is_no_usual_spend() {
        // Three repeats of 20.00 in 180 days are 30.00 in 90 days; a customer without a repeat has no mean of them.
        assert_eq!(usual_cents(2_000.0, 3.0 / 180.0 * 90.0), 3_000.0);
        assert_eq!((usual_cents(f64::NAN, 0.0), usual_cents(-500.0, 1.0)), (0.0, 0.0));
    }
}
