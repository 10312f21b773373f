//! A training run: every candidate is fitted on the past, judged on the last closed window, fitted again one window later, and filed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use perennial_contract::Day;
use perennial_contract::estimator::{Model, Run, Task};
use perennial_learn::catalog::{self, Entry, Role};
use perennial_learn::parallel;
use perennial_learn::words::Words;
use serde_json::{Value, json};

use super::calibration;
use super::card;
use super::contest::{Contest, Turn, judge};
use super::dataset::Rows;
use super::evaluate::Judged;
use super::gate::{self, Reigning, Rivals};
use super::history::History;
use super::leak::Leak;
use super::leaving::{self, Leaving};
use super::material::{Material, Source};
use super::outlook::{self, Learned, Lessons};
use super::own;
use super::plan::{self, Plan, as_of_or_default, looks_ahead};
use super::score::Champion;
use crate::cmd::{Context, complain};
use crate::registry::{Filing, Row, Status};
use crate::report::CalibrationPoint;
use crate::shop::{Shop, now};

/// Where a model's metrics say whether it was set right by the season of a year ago.
pub const SEASONAL: &str = "seasonal";

/// Where a model's metrics hold what was forecast and what came, by day.
const DRIFT: &str = "drift";

/// What a training run left in the registry.
pub struct Trained {
    pub rows: Vec<Row>,
    pub plan: Plan,
    pub plan_text: String,
    /// Everybody's features as of the plan's day.
    pub today: Rows,
    /// What came before the plan's day.
    pub history: History,
}

/// Train the candidates of these tasks and file them.
pub fn train(shop: &Shop, context: &Context, tasks: &[Task], as_of: Option<Day>) -> Result<Trained> {
    let at = shop.lake.snapshot()?;
    let as_of = as_of_or_default(shop, &at, as_of)?;
    let progress = context.progress();
    let mut step = progress.spinner("reading the shop's past");
    let history = History::read(&shop.lake, &at, Some(as_of))?;
    let mut plan = Plan::make(shop, &history, as_of);
    step.turn_to("features as of past days and today");
    let material = Material::gather(shop, &at, Source { plan: &plan, history: &history }, tasks)?;
    let learned = match tasks.contains(&Task::Outlook) {
        true => {
            step.turn_to("what every customer will do next");
            let lessons =
                Lessons { shop, at: &at, plan: &plan, history: &history, today: &material.today.table, test: &material.test };
            Some(lessons.learn()?)
        }
        false => None,
    };
    drop(step);
    if plan.refusal.is_none() && tasks.iter().any(|&task| looks_ahead(task)) {
        plan.refusal = material.too_few_events(shop.settings.gate.test_events_min);
    }
    let mut entries: Vec<&'static Entry> = Vec::new();
    for &task in tasks {
        entries.extend(wanted(shop, task)?);
    }
    let is_held = |entry: &&Entry| entry.task != Task::Outlook && (plan.refusal.is_none() || !looks_ahead(entry.task));
    let held: Vec<&'static Entry> = entries.iter().copied().filter(is_held).collect();
    let files = Files { shop, plan: &plan, material: &material };
    let turns = Contest { material: &material, run: files.run(), progress }.hold(&held)?;
    let step = progress.spinner("comparing the candidates");
    let mut filings = files.filings(held.into_iter().zip(turns).collect())?;
    drop(step);
    if let (Some(Learned { model, metrics, reasons }), Some(entry)) = (learned, outlook::entry()) {
        let model = model.ok().map(|model| Filed::of(&model));
        filings.push(files.filing(entry, &Found { metrics, reasons, judged: None, model })?);
    }
    if let Some(refusal) = &plan.refusal {
        let refused = entries.iter().filter(|entry| looks_ahead(entry.task));
        filings.extend(refused.map(|entry| files.refused(entry, refusal)));
    }
    filings.sort_by_key(|filing| entries.iter().position(|entry| entry.name == filing.name));
    let rows = shop.registry.file(&filings, &now())?;
    let speaks_zh = context.speaks_zh(&shop.settings.shop.language);
    let mut plan_text = plan.text(speaks_zh);
    if let Some(Words { en, zh }) = material.asked_and_left() {
        plan_text.push_str(&format!("\n{}", if speaks_zh { zh } else { en }));
    }
    for leak in &material.leaks {
        let Words { en, zh } = leak.words();
        plan_text.push_str(&if speaks_zh { format!("\n警告：{zh}") } else { format!("\nwarning: {en}") });
    }
    Ok(Trained { rows, plan, plan_text, today: material.today, history })
}

/// The candidates that the settings name for a task.
fn wanted(shop: &Shop, task: Task) -> Result<Vec<&'static Entry>> {
    let learn = &shop.settings.learn;
    let names = match task {
        Task::Churn if learn.churn_definition == "survival" => &learn.churn_survival,
        Task::Churn => &learn.churn,
        Task::Value => &learn.value,
        Task::Segment => &learn.segment,
        Task::Outlook => return Ok(outlook::entry().into_iter().collect()),
    };
    let entry = |name: &String| {
        let found = catalog::find(name).filter(|entry| entry.task == task);
        found.with_context(|| format!("setting learn.{task}: no model {name:?} in the catalogue"))
    };
    names.iter().map(entry).collect()
}

struct Files<'a> {
    shop: &'a Shop,
    plan: &'a Plan,
    material: &'a Material,
}

impl Files<'_> {
    /// Judge every candidate by the gate and write what is filed of it.
    fn filings(&self, turns: Vec<(&'static Entry, Turn)>) -> Result<Vec<Filing>> {
        let mut reigning = BTreeMap::new();
        for &task in Task::ALL.iter().filter(|&&task| looks_ahead(task)) {
            if turns.iter().any(|(entry, _)| entry.task == task) {
                reigning.insert(task, self.reigning(task)?);
            }
        }
        let baseline = |task: Task| {
            turns.iter().find_map(|(entry, turn)| match turn {
                Turn::Forecaster { judged, .. } if entry.task == task && entry.role == Role::Baseline => {
                    Some((entry.name, judged))
                }
                _ => None,
            })
        };
        let settings = &self.shop.settings;
        let verdict = |(entry, turn): &(&'static Entry, Turn)| {
            let Turn::Forecaster { judged, .. } = turn else { return None };
            let champion = reigning.get(&entry.task).and_then(Option::as_ref);
            let rivals = Rivals {
                baseline: baseline(entry.task).filter(|_| entry.role != Role::Baseline),
                champion: champion.map(|(name, judged)| Reigning { name, judged, is_same_recipe: name == entry.name }),
            };
            Some((gate::judge(&settings.gate, judged, &rivals, settings.run.seed), judged.metrics()))
        };
        let verdicts = parallel::map(self.shop.threads(), turns.iter().collect(), verdict);
        let kinds = calibration::kinds(&self.material.test, named_groups(&turns))?;
        let mut filings = Vec::new();
        for ((entry, turn), verdict) in turns.into_iter().zip(verdicts) {
            filings.push(match (turn, verdict) {
                (Turn::Forecaster { judged, served }, Some((verdict, mut metrics))) => {
                    let (model, failed) = match served {
                        Ok(served) => (Some(served), None),
                        Err(Words { en, zh }) => (
                            None,
                            Some(Words::of(
                                format!("fitted on the older windows but not on the newest: {en}"),
                                format!("较早窗口可拟合，但最新窗口不行：{zh}"),
                            )),
                        ),
                    };
                    metrics["compared"] = verdict.comparisons;
                    metrics["baseline"] = json!(entry.role == Role::Baseline);
                    metrics[SEASONAL] = json!(self.material.season.is_some());
                    metrics[leaving::FACT] = json!(self.plan.leaving.definition);
                    metrics["leaks"] = self.material.leaks.iter().map(Leak::facts).collect();
                    metrics[DRIFT] = json!(self.plan.test.map(|test| [calibration::compared_on(test, &judged)]));
                    metrics["slices"] = json!(calibration::slices(&judged, &kinds));
                    if let Some(served) = &model {
                        metrics["importance"] = json!(served.importance);
                        metrics["own_features"] = own::facts(self.shop, served.model.as_ref())?;
                    }
                    let leaks = self.material.leaks.iter().filter_map(|leak| leak.refusal(model.as_ref()?.model.as_ref()));
                    let reasons: Vec<Words> = verdict.reasons.into_iter().chain(leaks).chain(failed).collect();
                    // A refused model is kept too, so that the refusal can be overridden; it answers only then.
                    let model = model.map(|served| Filed::of(served.model.as_ref()));
                    self.filing(entry, &Found { metrics, reasons, judged: Some(&judged), model })?
                }
                (Turn::Grouping { model, measured }, _) => {
                    let reasons = unstable(&measured, self.shop.settings.gate.stability_min).into_iter().collect();
                    let metrics = json!({ "test": measured, "customers": self.material.today.table.rows() });
                    self.filing(entry, &Found { metrics, reasons, judged: None, model: Some(Filed::of(model.as_ref())) })?
                }
                (Turn::Refused(reason), _) => self.refused(entry, &reason),
                (Turn::Forecaster { .. }, None) => bail!("{}: a candidate without a verdict; this is a bug", entry.name),
            });
        }
        self.look_back_at(&mut filings)?;
        Ok(filings)
    }

    /// How right the best candidate of each task would have been at earlier days.
    fn look_back_at(&self, filings: &mut [Filing]) -> Result<()> {
        for &task in Task::ALL.iter().filter(|&&task| looks_ahead(task)) {
            let passed = filings.iter_mut().filter(|filing| filing.task == task && !filing.refused);
            let best = passed.min_by(|a, b| deciding(task, &a.metrics).total_cmp(&deciding(task, &b.metrics)));
            let Some((filing, entry)) = best.and_then(|filing| catalog::find(&filing.name).map(|entry| (filing, entry))) else {
                continue;
            };
            // The test window is told as it was judged: by more lessons, on more customers.
            let last: Vec<CalibrationPoint> = serde_json::from_value(filing.metrics[DRIFT].take()).unwrap_or_default();
            let earlier = calibration::drift(entry, &self.material.origins, (&self.run(), self.plan.test))?;
            filing.metrics[DRIFT] = json!(earlier.into_iter().chain(last).collect::<Vec<_>>());
        }
        Ok(())
    }

    fn run(&self) -> Run {
        let season = self.material.season.clone();
        Run { seed: self.shop.settings.run.seed, threads: self.shop.threads(), horizon_days: self.plan.horizon_days, season }
    }

    /// Who answers now, judged on this window, unless it has learned from it.
    fn reigning(&self, task: Task) -> Result<Option<(String, Judged)>> {
        let Some(row) = self.shop.registry.champion(task)? else { return Ok(None) };
        let model = match self.shop.registry.load(&row) {
            Ok(model) => model,
            Err(error) => {
                // Training anew is how a lost model is mended.
                complain(&format!("warning: {error}; new candidates are not compared with it"));
                return Ok(None);
            }
        };
        let champion = Champion::new(row, model);
        let knows_until: Day = champion.row.as_of.parse()?;
        let is_same_question = champion.row.horizon_days == self.plan.horizon_days
            && (task != Task::Churn || Leaving::of_row(&champion.row) == self.plan.leaving);
        let is_blind = self.plan.test.is_some_and(|test| knows_until <= test);
        let has_columns = champion.model.needs().iter().all(|name| self.material.test.has(name));
        if !is_blind || !has_columns || !is_same_question {
            return Ok(None);
        }
        let judged = judge(task, champion.model.as_ref(), &self.material.test, self.shop.threads())?;
        Ok(Some((champion.row.name.clone(), judged)))
    }

    fn filing(&self, entry: &'static Entry, found: &Found<'_>) -> Result<Filing> {
        let Found { metrics, reasons, judged, model } = found;
        let en: Vec<String> = reasons.iter().map(|reason| reason.en.clone()).collect();
        let zh: Vec<&str> = reasons.iter().map(|reason| reason.zh.as_str()).collect();
        let subject =
            card::Subject { entry, metrics, reasons: &en, judged: *judged, needs: model.as_ref().map(|model| &model.needs[..]) };
        let card = card::write(self.shop, self.plan, self.material, &subject)?;
        let mut metrics = metrics.clone();
        metrics[plan::FACT] = json!(self.plan.windows());
        if !zh.is_empty() {
            metrics["reason_zh"] = json!(zh.join("；"));
        }
        Ok(Filing {
            refused: !reasons.is_empty(),
            reason: en.join("; "),
            metrics,
            model: model.as_ref().map(|model| model.json.clone()),
            card,
            ..self.blank(entry)
        })
    }

    fn refused(&self, entry: &Entry, reason: &Words) -> Filing {
        let metrics = json!({ "reason_zh": reason.zh, plan::FACT: self.plan.windows() });
        Filing { refused: true, reason: reason.en.clone(), metrics, ..self.blank(entry) }
    }

    fn blank(&self, entry: &Entry) -> Filing {
        Filing {
            task: entry.task,
            name: entry.name.to_owned(),
            refused: false,
            reason: String::new(),
            metrics: Value::Null,
            model: None,
            card: String::new(),
            as_of: self.plan.as_of.to_string(),
            horizon_days: self.plan.horizon_days,
            look_back_days: self.plan.look_back_days,
        }
    }
}

/// The model that gives everybody one of the usual names, where it has had its turn.
fn named_groups<'turns>(turns: &'turns [(&'static Entry, Turn)]) -> Option<&'turns dyn Model> {
    turns.iter().find_map(|(entry, turn)| match turn {
        Turn::Grouping { model, .. } if entry.name == "rfm" => Some(model.as_ref()),
        _ => None,
    })
}

/// Groups that other draws of the same customers would not give.
fn unstable(measured: &BTreeMap<&'static str, f64>, needed: f64) -> Option<Words> {
    let stability = measured.get("stability").filter(|&&stability| stability < needed)?;
    Some(Words::of(
        format!("groups change too much between resamples: stability {stability:.3}, needed {needed} (gate.stability_min)"),
        format!("重抽样之间分群变化过大：稳定度 {stability:.3}，要求 {needed}（gate.stability_min）"),
    ))
}

/// What is filed of a candidate.
struct Found<'a> {
    metrics: Value,
    reasons: Vec<Words>,
    judged: Option<&'a Judged>,
    model: Option<Filed>,
}

/// A model as the registry stores it, and the columns it reads.
struct Filed {
    json: Value,
    needs: Vec<String>,
}

impl Filed {
    fn of(model: &dyn Model) -> Self {
        Self { json: model.to_json(), needs: model.needs().to_vec() }
    }
}

/// The candidate that should answer each task: not refused, and best on the metric that decides. Segments: the first that passed.
#[must_use]
pub fn best(rows: &[Row], task: Task) -> Option<&Row> {
    let passed = rows.iter().filter(|row| row.task == task && row.status != Status::Refused);
    passed.min_by(|a, b| deciding(task, &a.metrics).total_cmp(&deciding(task, &b.metrics)))
}

/// Whose refusal tells most about a task: that of the best judged candidate, else of the first that could not be fitted.
#[must_use]
pub fn best_refused(rows: &[Row], task: Task) -> Option<&Row> {
    let refused = rows.iter().filter(|row| row.task == task && row.status == Status::Refused);
    refused.min_by(|a, b| deciding(task, &a.metrics).total_cmp(&deciding(task, &b.metrics)))
}

/// What decides between candidates, less is better; of equals the first is taken.
fn deciding(task: Task, metrics: &Value) -> f64 {
    let metric = |name: &str| metrics["test"][name].as_f64();
    match task {
        Task::Segment | Task::Outlook => 0.0,
        Task::Churn => metric("log_loss").unwrap_or(f64::INFINITY),
        Task::Value => metric("gini").map_or(f64::INFINITY, |gini| -gini),
    }
}
