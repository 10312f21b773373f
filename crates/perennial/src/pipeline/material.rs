//! What a training run learns from, is judged on and describes: one pass over the lake for all of it.

use std::sync::Arc;

use anyhow::Result;
use perennial_contract::engine::Snapshot;
use perennial_contract::estimator::{Task, column};
use perennial_contract::season::SeasonalIndex;
use perennial_contract::{Day, Table};
use perennial_lake::features::{Ask, Sample};
use perennial_learn::words::Words;

use super::dataset::{Chosen, Rows, cleaned, cleaned_store, own_features, without_labels};
use super::history::History;
use super::leak::{self, Leak};
use super::plan::{Plan, looks_ahead};
use super::seasonal;
use crate::shop::Shop;

/// The rows of one run.
pub struct Material {
    pub train: Table,
    pub test: Table,
    pub serve: Table,
    /// Everybody as of the plan's day.
    pub today: Rows,
    /// Every as-of day with known outcomes, ascending, a few customers each.
    pub origins: Vec<Origin>,
    /// How the year goes, where the past reaches.
    pub season: Option<Arc<SeasonalIndex>>,
    /// Single features that all but equal the label.
    pub leaks: Vec<Leak>,
}

/// An as-of day with known outcomes.
pub struct Origin {
    pub day: Day,
    /// Those the question is asked about.
    pub active: Table,
    /// Those and the others, who have no label.
    pub everybody: Table,
}

/// Customers of an origin: a share is then known to a few points.
const ORIGIN_ROWS: usize = 1_000;

/// An as-of day whose outcomes are known, and how many rows of it are wanted.
struct Wanted {
    day: Day,
    rows_max: usize,
    sample: Sample,
}

impl Material {
    pub fn gather(shop: &Shop, at: &Snapshot, from: Source<'_>, tasks: &[Task]) -> Result<Self> {
        let Source { plan, history } = from;
        let learns = plan.refusal.is_none() && plan.test.is_some() && tasks.iter().any(|&task| looks_ahead(task));
        let wanted = if learns { wanted(shop, plan, history) } else { Vec::new() };
        let mut days: Vec<(Day, Sample)> = wanted.iter().map(|wanted| (wanted.day, wanted.sample)).collect();
        days.push((plan.as_of, Sample::EVERYBODY));
        let (store, own) = (cleaned_store(shop), own_features(shop));
        let ask = Ask { horizon_days: Some(plan.horizon_days), ..Ask::new(&store, at, &own) };
        let mut tables = ask.sampled(&days)?;
        let today = tables.pop().map(|table| without_labels(&table)).transpose()?;
        let today = cleaned(shop, &today.unwrap_or(Table::concat(&[])?))?;
        let mut material = Self {
            train: Table::concat(&[])?,
            test: Table::concat(&[])?,
            serve: Table::concat(&[])?,
            today,
            origins: Vec::new(),
            season: seasonal::index(plan, history).map(Arc::new),
            leaks: Vec::new(),
        };
        let (mut train, mut serve) = (Vec::new(), Vec::new());
        for (wanted, table) in wanted.iter().zip(tables) {
            let table = plan.leaving.labelled(&cleaned(shop, &table)?.table)?;
            let rows_max = rows_per_cut(shop, plan);
            let chosen = |rows_max| Chosen { leaving: plan.leaving, rows_max };
            let few = chosen(ORIGIN_ROWS);
            material.origins.push(Origin { day: wanted.day, active: few.active(&table)?, everybody: few.everybody(&table)? });
            if plan.test == Some(wanted.day) {
                material.test = chosen(wanted.rows_max).active(&table)?;
            }
            for (cuts, rows) in [(&plan.train, &mut train), (&plan.serve, &mut serve)] {
                if cuts.contains(&wanted.day) {
                    // Lifetime models learn from everybody as of the last day, also from those the label is not about.
                    let is_last = cuts.last() == Some(&wanted.day);
                    rows.push(if is_last { chosen(rows_max).everybody(&table)? } else { chosen(rows_max).active(&table)? });
                }
            }
        }
        material.train = Table::concat(&train)?;
        material.serve = Table::concat(&serve)?;
        material.leaks = if learns { leak::find(&material.test, shop.settings.gate.leak_auroc_max)? } else { Vec::new() };
        Ok(material)
    }

    /// Who was asked about in the test window, and how many of them left; `None` where there is no such window.
    pub fn asked_and_left(&self) -> Option<Words> {
        let labels = self.test.f64s(column::LABEL_CHURN).ok().filter(|labels| !labels.is_empty())?;
        let (asked, share) = (labels.len(), 100.0 * labels.iter().sum::<f64>() / labels.len() as f64);
        Some(Words::of(
            format!("asked about on the test day: {asked} customers; base rate: {share:.1}% of them left"),
            format!("检验日的预测对象：{asked} 位客户；基础流失率：{share:.1}%"),
        ))
    }

    /// Too few who came back, or who did not, to tell a good model from a lucky one.
    pub fn too_few_events(&self, needed: u32) -> Option<Words> {
        let labels = self.test.f64s(column::LABEL_CHURN).unwrap_or_default();
        let left = labels.iter().filter(|&&label| label > 0.5).count();
        let came = labels.len() - left;
        let trained = self.train.f64s(column::LABEL_CHURN).unwrap_or_default();
        let came_before = trained.iter().filter(|&&label| label < 0.5).count();
        (left.min(came).min(came_before) < needed as usize).then(|| {
            Words::of(
                format!("in the test window {came} customers came back and {left} did not, in the training windows {came_before} came back; at least {needed} of each are needed (gate.test_events_min)"),
                format!("检验窗口内有 {came} 位客户回购、{left} 位未回购，训练窗口内 {came_before} 位回购；每项至少需要 {needed} 位（gate.test_events_min）"),
            )
        })
    }
}

/// What says which rows are wanted.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub plan: &'a Plan,
    pub history: &'a History,
}

fn rows_per_cut(shop: &Shop, plan: &Plan) -> usize {
    (shop.settings.learn.train_rows_max as usize / plan.train.len().max(1)).max(1)
}

/// Every as-of day once, ascending.
fn wanted(shop: &Shop, plan: &Plan, history: &History) -> Vec<Wanted> {
    let mut days: Vec<Day> = plan.train.iter().chain(&plan.serve).copied().chain(plan.test).collect();
    days.sort_unstable();
    days.dedup();
    let of_day = |day: Day| {
        let rows_max = match plan.test == Some(day) {
            true => (shop.settings.learn.test_rows_max as usize).max(rows_per_cut(shop, plan)),
            false => rows_per_cut(shop, plan),
        };
        let active = history.count(day, |days| plan.leaving.is_eligible(days, day.0));
        // A few more than wanted, because a hash draws about so many; the surplus is cut off by rank.
        Wanted { day, rows_max, sample: Sample::of(rows_max + rows_max / 20, active) }
    };
    days.into_iter().map(of_day).collect()
}
