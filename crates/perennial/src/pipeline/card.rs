//! The model card of a candidate, and which features it leans on.

use anyhow::Result;
use perennial_contract::Table;
use perennial_contract::estimator::{Model, Task, column};
use perennial_learn::catalog::Entry;
use perennial_learn::metric::{Forecast, measure_churn, measure_value};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evaluate::Judged;
use super::material::Material;
use super::plan::Plan;
use crate::registry::{Card, MetricRow};
use crate::shop::Shop;

/// What a card is about.
pub struct Subject<'a> {
    pub entry: &'static Entry,
    pub metrics: &'a Value,
    pub reasons: &'a [String],
    pub judged: Option<&'a Judged>,
    /// Columns the stored model reads; `None` where nothing could be stored.
    pub needs: Option<&'a [String]>,
}

/// A feature's mean absolute contribution to the margin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Importance {
    pub feature: String,
    pub mean_abs: f64,
}

/// Rows whose contributions are averaged: enough for a stable order of features.
const ROWS_EXPLAINED: usize = 2_000;
const FEATURES_KEPT: usize = 20;

/// Features by mean absolute contribution, largest first; empty for models without exact contributions.
pub fn importance(model: &dyn Model, rows: &Table) -> Result<Vec<Importance>> {
    let rows = rows.slice(0, rows.rows().min(ROWS_EXPLAINED));
    let Some(contributions) = model.scorer().explain(&rows)? else { return Ok(Vec::new()) };
    let width = contributions.features.len();
    let mut found: Vec<Importance> = contributions
        .features
        .iter()
        .enumerate()
        .map(|(position, feature)| {
            let sum: f64 = contributions.values.iter().skip(position).step_by(width.max(1)).map(|value| value.abs()).sum();
            Importance { feature: feature.clone(), mean_abs: sum / rows.rows().max(1) as f64 }
        })
        .collect();
    found.sort_by(|a, b| b.mean_abs.total_cmp(&a.mean_abs).then_with(|| a.feature.cmp(&b.feature)));
    found.truncate(FEATURES_KEPT);
    Ok(found)
}

/// The card as Markdown, with `{version}` where the registry puts the version.
pub fn write(shop: &Shop, plan: &Plan, material: &Material, subject: &Subject<'_>) -> Result<String> {
    let entry = subject.entry;
    let rows = match entry.task {
        Task::Segment | Task::Outlook => Some(&material.today.table),
        Task::Churn | Task::Value => Some(&material.serve),
    };
    let verdict = match subject.reasons {
        [] => "Passed the evaluation gate.".to_owned(),
        reasons => format!("Refused by the evaluation gate: {}.", reasons.join("; ")),
    };
    let card = Card {
        title: entry.name.to_owned(),
        task: entry.task.name().to_owned(),
        question: entry.title.to_owned(),
        period: format!("as of {}, horizon {} days, look-back {} days", plan.as_of, plan.horizon_days, plan.look_back_days),
        cuts: plan.serve.iter().map(ToString::to_string).collect(),
        rows: rows.map_or(0, Table::rows),
        base_rate: subject.metrics["base_rate"].as_f64(),
        features: subject.needs.map(<[String]>::to_vec).unwrap_or_default(),
        metrics: metric_rows(subject, material)?,
        verdict,
        limits: limits(entry.task),
        seed: shop.settings.run.seed,
        data: snapshot_text(shop)?,
    };
    Ok(card.markdown())
}

fn snapshot_text(shop: &Shop) -> Result<String> {
    let snapshot = shop.lake.snapshot()?;
    let versions = snapshot.versions.iter().filter(|(_, version)| **version > 0);
    Ok(versions.map(|(entity, version)| format!("{entity} v{version}")).collect::<Vec<_>>().join(", "))
}

/// Whether a customer with so many orders is in a group.
type IsIn = fn(f64) -> bool;

/// Metrics of everybody and of customers by how often they ordered.
fn metric_rows(subject: &Subject<'_>, material: &Material) -> Result<Vec<MetricRow>> {
    let Some(judged) = subject.judged else { return Ok(Vec::new()) };
    let orders = material.test.f64s(column::ORDERS)?;
    let groups: [(&str, IsIn); 4] =
        [("all", |_| true), ("1 order", |n| n <= 1.0), ("2–3 orders", |n| n > 1.0 && n <= 3.0), ("4 or more", |n| n > 3.0)];
    let mut rows = Vec::new();
    for (group, is_in) in groups {
        let members: Vec<usize> = (0..orders.len()).filter(|&row| is_in(orders[row])).collect();
        if members.is_empty() {
            continue;
        }
        let pick = |values: &[f64]| -> Vec<f64> { members.iter().map(|&row| values[row]).collect() };
        let measured = match judged {
            Judged::Churn { churned, p_churn } => {
                let labels: Vec<bool> = members.iter().map(|&row| churned[row]).collect();
                measure_churn(&labels, &pick(p_churn))
            }
            Judged::Value { actual, spend, lo80, hi80 } => {
                measure_value(&pick(actual), Forecast { spend: &pick(spend), lo80: &pick(lo80), hi80: &pick(hi80) })
            }
        };
        let all: &[&str] = match judged {
            Judged::Churn { .. } => &["auroc", "pr_auc", "log_loss", "brier", "ece", "lift_10", "total_ratio"],
            Judged::Value { .. } => &["mae", "total_ratio", "gini", "spearman", "coverage_80"],
        };
        let mut values = vec![("customers".to_owned(), members.len() as f64)];
        values.extend(all.iter().map(|&name| (name.to_owned(), measured.get(name).copied().unwrap_or(f64::NAN))));
        rows.push(MetricRow { group: group.to_owned(), values });
    }
    Ok(rows)
}

fn limits(task: Task) -> Vec<String> {
    let text: &[&str] = match task {
        Task::Churn => &[
            "\"Leaving\" means no order in the horizon among customers active in the look-back; it is not a cancelled contract.",
            "Metrics are of the same recipe fitted one window earlier; the stored model has learned from the newest closed window as well.",
            "Guests have no history and are not scored.",
        ],
        Task::Value => &[
            "Net spend of the horizon, not of a lifetime; returns are taken off, shipping, tax and cost are not.",
            "Metrics are of the same recipe fitted one window earlier; the stored model has learned from the newest closed window as well.",
            "Intervals are for single customers; the total of many is far surer than their sum.",
        ],
        Task::Outlook => &[
            "Reads purchase days and their amounts alone: x, t_x, T and the mean spend of repeat orders.",
            "A horizon longer than any closed window is set right as the longest one was, with widened intervals, and says so.",
            "P(alive) is not a churn score, and a stage is a rule for people to read, not a forecast.",
        ],
        Task::Segment => &["Groups describe today; they predict nothing by themselves."],
    };
    text.iter().map(|line| (*line).to_owned()).collect()
}
