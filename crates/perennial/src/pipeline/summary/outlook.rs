//! The section of what comes next: stages and totals of today, what the test window showed, the law in pictures.

use anyhow::{Result, anyhow};
use arrow::array::{Array, StringArray};
use perennial_contract::Table;
use perennial_contract::estimator::{Task, column};
use perennial_learn::lifetime::outlook::OutlookModel;
use perennial_learn::lifetime::outlook::stage::Stage;
use serde::de::DeserializeOwned;

use super::Facts;
use crate::pipeline::score::Champion;
use crate::report::{HorizonTotals, Outlook, Phrase, Section, StageFacts, StageMigration};

/// The horizon whose spend stands beside the stages.
const STAGE_SPEND: &str = "spend_cents_90d";

impl Facts<'_> {
    pub fn outlook(&self) -> Result<Section<Outlook>> {
        let Some(champion) = self.champions.get(&Task::Outlook) else { return Ok(Section::Refused(self.refusal(Task::Outlook))) };
        let kept = Kept { champion };
        let windows = kept.part::<Vec<serde_json::Value>>("windows").unwrap_or_default();
        let longest = windows.iter().filter_map(|window| window["horizon_days"].as_i64()).max().unwrap_or(0);
        let stages = self.scored.table.texts(column::STAGE)?;
        let spend = self.scored.table.f64s(STAGE_SPEND)?;
        let stage = |stage: &Stage| {
            let rows = || (0..stages.len()).filter(|&row| stages.is_valid(row) && stages.value(row) == stage.key());
            StageFacts {
                rank: stage.rank(),
                name: phrase(stage.name()),
                meaning: phrase(stage.meaning()),
                customers: rows().count() as u64,
                spend_cents_expected: rows().map(|row| spend[row]).filter(|cents| cents.is_finite()).sum(),
            }
        };
        Ok(Section::Shown(Outlook {
            law: champion.row.metrics["law"].as_str().unwrap_or_default().to_owned(),
            stages: Stage::ALL.iter().map(stage).collect(),
            migration: self.stage_migration(champion)?,
            horizons: self.horizon_totals(longest)?,
            set_right_from: windows
                .iter()
                .find(|window| window["horizon_days"] == self.plan.horizon_days)
                .and_then(|window| serde_json::from_value(window["from"].clone()).ok()),
            test: kept.part("judged"),
            matrix: kept.part("matrix").unwrap_or_default(),
            second_orders: newest(self.history.second_orders(self.scored.as_of)),
        }))
    }

    fn horizon_totals(&self, longest_window_days: i64) -> Result<Vec<HorizonTotals>> {
        let sum = |values: Vec<f64>| values.into_iter().filter(|value| value.is_finite()).sum::<f64>();
        let totals = |days: i32| {
            let column = |name: &str| self.scored.table.f64s(&format!("{name}_{days}d"));
            Ok(HorizonTotals {
                days,
                is_extrapolated: i64::from(days) > longest_window_days,
                buyers_expected: sum(column("p_no_order")?.into_iter().map(|p| 1.0 - p).collect()),
                orders_expected: sum(column("orders_expected")?),
                spend_cents_expected: sum(column("spend_cents")?),
                gross_cents_expected: sum(column("gross_cents")?),
                margin_cents_expected: Some(column("margin_cents")?)
                    .filter(|margins| margins.iter().any(|cents| cents.is_finite()))
                    .map(sum),
            })
        };
        column::OUTLOOK_HORIZONS_DAYS.into_iter().map(totals).collect()
    }

    /// From the stages of one horizon ago to today's, of the customers known then.
    fn stage_migration(&self, champion: &Champion) -> Result<Option<StageMigration>> {
        let from = self.scored.as_of.plus(-self.plan.horizon_days);
        let then = &self.earlier;
        if then.rows() == 0 {
            return Ok(None);
        }
        let model = OutlookModel::load(&champion.model.to_json())?;
        let stages = model.stages_at(then, self.shop.threads()).map_err(|refusal| anyhow!("{refusal}"))?;
        let counts = moves((&then.texts(column::CUSTOMER_ID)?, &stages), &self.scored.table)?;
        Ok(Some(StageMigration { from, to: self.scored.as_of, counts }))
    }
}

/// Quarters told one by one.
const QUARTERS_MAX: usize = 24;

fn newest<T>(mut quarters: Vec<T>) -> Vec<T> {
    quarters.drain(..quarters.len().saturating_sub(QUARTERS_MAX));
    quarters
}

/// What training kept with the model.
struct Kept<'a> {
    champion: &'a Champion,
}

impl Kept<'_> {
    fn part<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.champion.row.metrics[name].clone()).ok()
    }
}

/// Customers and stages before, and the scores of now; both sorted by customer.
fn moves((ids_before, before): (&StringArray, &[Stage]), now: &Table) -> Result<Vec<Vec<u64>>> {
    let (ids, stages) = (now.texts(column::CUSTOMER_ID)?, now.texts(column::STAGE)?);
    let position = |stage: Stage| Stage::ALL.iter().position(|known| *known == stage).unwrap_or(0);
    let by_key = |key: &str| Stage::ALL.iter().position(|stage| stage.key() == key).unwrap_or(0);
    let mut counts = vec![vec![0; Stage::ALL.len()]; Stage::ALL.len()];
    let mut at = 0;
    for row in 0..ids.len() {
        while at < ids_before.len() && ids_before.value(at) < ids.value(row) {
            at += 1;
        }
        if at < ids_before.len() && ids_before.value(at) == ids.value(row) {
            counts[position(before[at])][by_key(stages.value(row))] += 1;
        }
    }
    Ok(counts)
}

fn phrase(words: perennial_learn::words::Words) -> Phrase {
    Phrase::both(words.en, words.zh)
}
