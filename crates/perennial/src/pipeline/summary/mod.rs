//! The report's data, from what the run found.

mod learned;
mod outlook;
mod quality;
mod season;
mod segments;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use perennial_contract::estimator::{Task, column};
use perennial_contract::{Day, Table};

use super::dataset::orders_at;
use super::history::History;
use super::leaving::Leaving;
use super::plan::{Plan, as_of_or_default, looks_ahead};
use super::quality::{QualityGate, gate_of_quality};
use super::score::{Champion, Scored, champions, hindsight_warning, score};
use super::train::SEASONAL;
use super::words::feature_words;
use crate::cmd::{Context, complain};
use crate::registry::Row;
use crate::report::{
    BatchFacts, FileFacts, Frame, GapDays, Hindsight, LorenzPoint, Phrase, Provenance, ReportData, Season, Section,
    Shop as ShopFacts, render,
};
use crate::shop::Shop;

/// What a report is made from.
pub struct Inputs<'a> {
    pub scored: &'a Scored,
    pub gate: &'a QualityGate,
    /// What came before the report's day.
    pub history: History,
}

/// All of it in one place while sections are filled.
struct Facts<'a> {
    shop: &'a Shop,
    plan: Plan,
    history: History,
    scored: &'a Scored,
    /// Customers as of one horizon ago, by the features of their orders.
    earlier: Table,
    champions: BTreeMap<Task, Champion>,
    /// The newest version of every candidate.
    rows: Vec<Row>,
}

/// Check, score and write the report of a day.
pub fn report(shop: &Shop, context: &Context, as_of: Option<Day>, out: &Path) -> Result<u64> {
    let at = shop.lake.snapshot()?;
    let as_of = as_of_or_default(shop, &at, as_of)?;
    let gate = gate_of_quality(shop, context, None)?;
    let scored = score(shop, context, Some(as_of))?;
    let language = context.language(&shop.settings.shop.language);
    if let Some(warning) = hindsight_warning(&scored.trained_as_of, as_of, language) {
        complain(&warning);
    }
    let history = History::read(&shop.lake, &at, Some(as_of))?;
    write(shop, context, Inputs { scored: &scored, gate: &gate, history }, out)
}

/// Write the report; returns its size in bytes.
pub fn write(shop: &Shop, context: &Context, inputs: Inputs<'_>, out: &Path) -> Result<u64> {
    let spinner = context.progress().spinner("writing the report");
    let mut data = data(shop, inputs)?;
    let speaks_zh = context.speaks_zh(&shop.settings.shop.language);
    data.shop.language = if speaks_zh { "zh-Hans" } else { "en" }.to_owned();
    let html = render(&data)?;
    let unfinished = out.with_extension("unfinished");
    std::fs::write(&unfinished, &html).with_context(|| format!("cannot write {}", unfinished.display()))?;
    std::fs::rename(&unfinished, out).with_context(|| format!("cannot write {}", out.display()))?;
    drop(spinner);
    Ok(html.len() as u64)
}

/// Months told one by one, the newest; a shop of fifty years must fit on the page.
const MONTHS_MAX: usize = 60;

fn data(shop: &Shop, inputs: Inputs<'_>) -> Result<ReportData> {
    let at = shop.lake.snapshot()?;
    let as_of = inputs.scored.as_of;
    let mut history = inputs.history;
    if let Some((_, last_sale)) = shop.sale_days(&at)? {
        history.end_with_sales(last_sale.min(as_of.plus(-1)));
    }
    let (champions, rows) = (champions(shop)?, newest(shop.registry.list()?));
    let plan = Plan::make(shop, &history, as_of);
    let plan = match foremost(&champions, &rows) {
        Some(row) => plan.trained_by(row),
        None => plan,
    };
    let facts = Facts {
        earlier: orders_at(shop, &at, as_of.plus(-plan.horizon_days))?,
        plan,
        champions,
        rows,
        shop,
        history,
        scored: inputs.scored,
    };
    let mut overview = facts.history.overview.clone();
    overview.lorenz = facts.lorenz()?;
    overview.months.drain(..overview.months.len().saturating_sub(MONTHS_MAX));
    let shop_facts = facts.shop_facts()?;
    let mut cohorts = facts.history.cohort_table();
    if let Some(cohorts) = cohorts.as_mut().filter(|_| shop_facts.simulated) {
        // A simulated shop opens on the first day of its data, so nobody was a customer before.
        cohorts.note = None;
    }
    Ok(ReportData {
        shop: shop_facts,
        frame: facts.frame()?,
        overview,
        quality: Section::Shown(quality::section(inputs.gate, shop, inputs.scored)),
        cohorts: cohorts
            .map_or_else(|| Section::Absent(Phrase::both("no customer has ordered yet", "尚无客户下单")), Section::Shown),
        segments: facts.segments()?,
        churn: facts.churn()?,
        value: facts.value()?,
        at_risk: facts.at_risk()?,
        outlook: facts.outlook()?,
        models: facts.models(),
        words: feature_words()?.clone(),
        groups: facts.group_words()?,
        provenance: facts.provenance()?,
    })
}

/// Whose windows the report tells: of who answers churn, else value; where nobody does, of the newest candidate that looked ahead.
fn foremost<'a>(champions: &'a BTreeMap<Task, Champion>, rows: &'a [Row]) -> Option<&'a Row> {
    let answers = [Task::Churn, Task::Value].iter().find_map(|task| champions.get(task)).map(|champion| &champion.row);
    answers.or_else(|| rows.iter().filter(|row| looks_ahead(row.task)).max_by_key(|row| row.created_at.as_str()))
}

/// The newest version of every model, champions first within a task.
fn newest(rows: Vec<Row>) -> Vec<Row> {
    let mut kept: Vec<Row> = Vec::new();
    for row in rows {
        let is_champion = row.status == crate::registry::Status::Champion;
        match kept.iter_mut().find(|known| known.task == row.task && known.name == row.name) {
            Some(known) if is_champion => *known = row,
            Some(_) => {}
            None => kept.push(row),
        }
    }
    kept.sort_by_key(|row| (row.task, row.status != crate::registry::Status::Champion));
    kept
}

impl Facts<'_> {
    fn shop_facts(&self) -> Result<ShopFacts> {
        let settings = &self.shop.settings.shop;
        // Nobody should take a simulated shop for a real one.
        let simulated = self.shop.dir.join(crate::shop::SIMULATED_MARK).exists()
            || self.shop.dir.parent().is_some_and(|dir| dir.join(".made-by-perennial-demo").exists());
        Ok(ShopFacts {
            name: settings.name.clone(),
            currency: settings.currency.clone(),
            zone: settings.zone.clone(),
            language: String::new(),
            simulated,
        })
    }

    fn frame(&self) -> Result<Frame> {
        let plan = &self.plan;
        let eligible = self.eligible()?;
        let gap = |q: f64| self.history.gap_quantile(q).map(f64::from);
        let gap_days = gap(0.5).zip(gap(0.8)).zip(gap(0.9)).map(|((q50, q80), q90)| GapDays { q50, q80, q90 });
        let phrase = |words: &perennial_learn::words::Words| Phrase::both(words.en.clone(), words.zh.clone());
        let base_rate = self.champions.get(&Task::Churn).and_then(|champion| champion.row.metrics["base_rate"].as_f64());
        Ok(Frame {
            as_of: plan.as_of,
            horizon_days: plan.horizon_days,
            horizon_reason: phrase(&plan.horizon_reason),
            look_back_days: plan.look_back_days,
            look_back_reason: phrase(&plan.look_back_reason),
            leaving: phrase(&self.leaving().words()),
            within: phrase(&self.leaving().within()),
            customers_known: eligible.len() as u64,
            customers_eligible: eligible.iter().filter(|&&is| is).count() as u64,
            base_rate,
            gap_days,
            train_cuts: plan.train.clone(),
            test_cut: plan.test,
            hindsight: self.hindsight(),
            season: self.season(),
        })
    }

    /// The season, where somebody forecasts, and whether those who do know of it.
    fn season(&self) -> Option<Season> {
        let mut forecasters = [Task::Churn, Task::Value].iter().filter_map(|task| self.champions.get(task)).peekable();
        forecasters.peek()?;
        let is_known = forecasters.all(|champion| champion.row.metrics[SEASONAL] == serde_json::Value::Bool(true));
        season::season(&self.plan, &self.history).map(|season| Season { is_known, ..season })
    }

    /// Whose models know what came after the report's day.
    fn hindsight(&self) -> Option<Hindsight> {
        let tasks: Vec<String> = self.scored.hindsight().into_iter().map(str::to_owned).collect();
        let trained_as_of = tasks.iter().filter_map(|task| self.scored.trained_as_of.get(task)).max().copied()?;
        Some(Hindsight { tasks, trained_as_of })
    }

    /// The rule of who answers churn, else that of the settings.
    fn leaving(&self) -> Leaving {
        self.champions.get(&Task::Churn).map_or(self.plan.leaving, |champion| Leaving::of_row(&champion.row))
    }

    /// Whom churn is asked about.
    fn eligible(&self) -> Result<Vec<bool>> {
        self.leaving().eligible(&self.scored.features)
    }

    /// Customers by net spend so far, poorest first; spend below nothing counts as nothing.
    fn lorenz(&self) -> Result<Vec<LorenzPoint>> {
        let mut spend: Vec<f64> =
            self.scored.features.f64s(column::SPEND_CENTS)?.into_iter().map(|cents| cents.max(0.0)).collect();
        spend.sort_by(f64::total_cmp);
        let total: f64 = spend.iter().sum();
        if total <= 0.0 {
            return Ok(Vec::new());
        }
        let mut sums = vec![0.0];
        for cents in &spend {
            sums.push(sums[sums.len() - 1] + cents);
        }
        let point = |step: usize| {
            let rows = spend.len() * step / 100;
            LorenzPoint { customers: rows as f64 / spend.len() as f64, revenue: sums[rows] / total }
        };
        Ok((0..=100).map(point).collect())
    }

    fn provenance(&self) -> Result<Provenance> {
        let mut batches = Vec::new();
        for import in self.shop.lake.imports()? {
            let files = import.files.iter().map(|file| FileFacts {
                name: file.name.clone(),
                sha256: file.sha256.clone(),
                bytes: file.bytes,
            });
            let imported_at =
                jiff::Timestamp::from_microsecond(import.imported_at_us).map_or_else(|_| String::new(), |at| at.to_string());
            batches.push(BatchFacts {
                id: import.batch_id.clone(),
                format: import.format.clone(),
                imported_at,
                files: files.collect(),
            });
        }
        Ok(Provenance {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: self.shop.settings.run.seed,
            produced_at: None,
            batches,
        })
    }
}
