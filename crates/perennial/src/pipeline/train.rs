//! A training run: every candidate is fitted on the past, judged on the last closed window, fitted again one window later, and filed.

use anyhow::{Result, bail};
use perennial_contract::estimator::{Model, Run, Task, column};
use perennial_contract::{Day, Table};
use perennial_learn::catalog::{self, Entry, Role};
use serde_json::{Value, json};

use super::dataset::{self, Window};
use super::evaluate::Judged;
use super::gate::{self, Reigning, Rivals};
use super::history::History;
use super::plan::{Plan, as_of_or_default, looks_ahead};
use super::score::{champions, score_in_parts};
use super::{card, grouping, leak};
use crate::cmd::Context;
use crate::progress::Progress;
use crate::registry::{Filing, Row, Status};
use crate::shop::{Shop, now};

/// What a training run left in the registry.
pub struct Trained {
    pub rows: Vec<Row>,
    pub plan: Plan,
    pub plan_text: String,
}

/// The rows of one run.
pub struct Material {
    pub train: Table,
    pub test: Table,
    pub serve: Table,
    /// Everybody as of the plan's day, for the tasks that describe today.
    pub today: Option<Table>,
    /// Single features that all but equal the label, in words.
    pub leaks: Vec<String>,
}

/// A candidate on the test window.
struct Candidate {
    entry: &'static Entry,
    judged: Judged,
}

/// Train the candidates of these tasks and file them.
pub fn train(shop: &mut Shop, context: &Context, tasks: &[Task], as_of: Option<Day>) -> Result<Trained> {
    let at = shop.lake.snapshot()?;
    let as_of = as_of_or_default(shop, &at, as_of)?;
    let progress = context.progress();
    let spinner = progress.spinner("reading the shop's past");
    let history = History::read(&shop.lake, &at, Some(as_of))?;
    let mut plan = Plan::make(shop, &history, as_of);
    spinner.set_message("features as of past days");
    let material = Material::gather(shop, &at, &plan, tasks)?;
    spinner.finish_and_clear();
    if plan.refusal.is_none() && tasks.iter().any(|&task| looks_ahead(task)) {
        plan.refusal = material.too_few_events(shop.settings.gate.test_events_min);
    }
    let mut filings = Vec::new();
    for &task in tasks {
        filings.extend(Trainer { shop, plan: &plan, material: &material, task, progress }.file_all()?);
    }
    let rows = shop.registry.file(&filings, &now())?;
    let mut plan_text = plan.text(context.speaks_zh(&shop.settings.shop.language));
    for leak in &material.leaks {
        plan_text.push_str(&format!("\nwarning: {leak}"));
    }
    Ok(Trained { rows, plan, plan_text })
}

impl Material {
    fn gather(shop: &Shop, at: &perennial_contract::engine::Snapshot, plan: &Plan, tasks: &[Task]) -> Result<Self> {
        let empty = || Table::concat(&[]).map_err(anyhow::Error::from);
        let mut material = Self { train: empty()?, test: empty()?, serve: empty()?, today: None, leaks: Vec::new() };
        if tasks.contains(&Task::Segment) {
            material.today = Some(dataset::features_at(shop, at, plan.as_of, &perennial_contract::engine::Who::Everyone)?);
        }
        let (Some(test), None) = (plan.test, &plan.refusal) else { return Ok(material) };
        if !tasks.iter().any(|&task| looks_ahead(task)) {
            return Ok(material);
        }
        let mut cuts: Vec<Day> = plan.train.iter().chain(&plan.serve).copied().chain([test]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let rows_max = shop.settings.learn.train_rows_max as usize / plan.train.len().max(1);
        let window = Window { horizon_days: plan.horizon_days, look_back_days: plan.look_back_days, rows_max: rows_max.max(1) };
        let tables = dataset::labelled(shop, at, &cuts, &window)?;
        let pick = |days: &[Day]| -> Vec<Table> {
            cuts.iter().zip(&tables).filter(|(cut, _)| days.contains(cut)).map(|(_, t)| t.clone()).collect()
        };
        material.train = Table::concat(&pick(&plan.train))?;
        material.test = Table::concat(&pick(&[test]))?;
        material.serve = Table::concat(&pick(&plan.serve))?;
        material.leaks = leak::find(&material.test, shop.settings.gate.leak_auroc_max)?;
        Ok(material)
    }

    /// Too few who came back, or who did not, to tell a good model from a lucky one.
    fn too_few_events(&self, needed: u32) -> Option<perennial_learn::words::Words> {
        let labels = self.test.f64s(column::LABEL_CHURN).unwrap_or_default();
        let left = labels.iter().filter(|&&label| label > 0.5).count();
        let came = labels.len() - left;
        let trained = self.train.f64s(column::LABEL_CHURN).unwrap_or_default();
        let came_before = trained.iter().filter(|&&label| label < 0.5).count();
        (left.min(came).min(came_before) < needed as usize).then(|| {
            perennial_learn::words::Words::of(
                format!("in the test window {came} customers came back and {left} did not, in the training windows {came_before} came back; at least {needed} of each are needed (gate.test_events_min)"),
                format!("检验窗口内有 {came} 位客户回购、{left} 位未回购，训练窗口内 {came_before} 位回购；每项至少需要 {needed} 位（gate.test_events_min）"),
            )
        })
    }
}

struct Trainer<'a> {
    shop: &'a Shop,
    plan: &'a Plan,
    material: &'a Material,
    task: Task,
    progress: Progress,
}

impl Trainer<'_> {
    fn file_all(&self) -> Result<Vec<Filing>> {
        let learn = &self.shop.settings.learn;
        let names = match self.task {
            Task::Churn => &learn.churn,
            Task::Value => &learn.value,
            Task::Segment => &learn.segment,
        };
        let mut entries = Vec::new();
        for name in names {
            match catalog::find(name).filter(|entry| entry.task == self.task) {
                Some(entry) => entries.push(entry),
                None => {
                    bail!("setting learn.{}: no model {name:?} in the catalogue; there are {}", self.task, names_of(self.task))
                }
            }
        }
        if self.task == Task::Segment {
            return entries.into_iter().map(|entry| self.segment(entry)).collect();
        }
        if let Some(refusal) = &self.plan.refusal {
            return Ok(entries
                .into_iter()
                .map(|entry| self.refused(entry, &refusal.en, json!({ "reason_zh": refusal.zh })))
                .collect());
        }
        self.candidates(&entries)
    }

    fn run(&self) -> Run {
        Run { seed: self.shop.settings.run.seed, threads: self.shop.threads(), horizon_days: self.plan.horizon_days }
    }

    fn fit(&self, entry: &Entry, rows: &Table, what: &str) -> Result<Box<dyn Model>, String> {
        let spinner = self.progress.spinner(&format!("{} {}: {what}", self.task, entry.name));
        let fitted = (entry.fit)(&Value::Null, rows, &self.run());
        spinner.finish_and_clear();
        fitted.map_err(|error| error.to_string())
    }

    fn judge(&self, model: &dyn Model) -> Result<Judged> {
        let scores = score_in_parts(model, &self.material.test, self.shop.threads())?;
        Ok(match self.task {
            Task::Churn => Judged::churn(&self.material.test, &scores)?,
            _ => Judged::value(&self.material.test, &scores)?,
        })
    }

    /// Candidates that look ahead: fit, judge, compare, fit again on the newest windows.
    fn candidates(&self, entries: &[&'static Entry]) -> Result<Vec<Filing>> {
        let mut candidates = Vec::new();
        let mut filings = Vec::new();
        for &entry in entries {
            match self.fit(entry, &self.material.train, "learning") {
                Ok(model) => candidates.push(Candidate { entry, judged: self.judge(model.as_ref())? }),
                Err(reason) => filings.push(self.refused(entry, &reason, json!({}))),
            }
        }
        let reigning = self.reigning()?;
        let baseline = candidates.iter().find(|candidate| candidate.entry.role == Role::Baseline);
        for candidate in &candidates {
            let rivals = Rivals {
                baseline: baseline.filter(|_| candidate.entry.role != Role::Baseline).map(|b| (b.entry.name, &b.judged)),
                champion: reigning.as_ref().map(|(name, judged)| Reigning {
                    name,
                    judged,
                    is_same_recipe: name == candidate.entry.name,
                }),
            };
            let verdict = gate::judge(&self.shop.settings.gate, &candidate.judged, &rivals, self.shop.settings.run.seed);
            filings.push(self.filing(candidate, &verdict)?);
        }
        let position = |filing: &Filing| entries.iter().position(|entry| entry.name == filing.name);
        filings.sort_by_key(position);
        Ok(filings)
    }

    /// Who answers now, judged on this window, unless it has learned from it.
    fn reigning(&self) -> Result<Option<(String, Judged)>> {
        let Some(champion) = champions(self.shop)?.remove(&self.task) else { return Ok(None) };
        let knows_until: Day = champion.row.as_of.parse()?;
        let is_blind = self.plan.test.is_some_and(|test| knows_until <= test);
        let has_columns = champion.model.needs().iter().all(|name| self.material.test.has(name));
        if !is_blind || !has_columns || champion.row.horizon_days != self.plan.horizon_days {
            return Ok(None);
        }
        Ok(Some((champion.row.name.clone(), self.judge(champion.model.as_ref())?)))
    }

    fn filing(&self, candidate: &Candidate, verdict: &gate::Verdict) -> Result<Filing> {
        let entry = candidate.entry;
        let mut metrics = candidate.judged.metrics();
        metrics["compared"] = verdict.comparisons.clone();
        metrics["baseline"] = json!(entry.role == Role::Baseline);
        metrics["leaks"] = json!(self.material.leaks);
        let mut reasons = verdict.reasons.clone();
        // A refused model is kept too, so that the refusal can be overridden; it answers only then.
        let model = match self.fit(entry, &self.material.serve, "learning from the newest windows") {
            Ok(model) => {
                metrics["importance"] = json!(card::importance(model.as_ref(), &self.material.test)?);
                Some(model)
            }
            Err(reason) => {
                reasons.push(format!("fitted on the older windows but not on the newest: {reason}"));
                None
            }
        };
        let card = card::write(
            self.shop,
            self.plan,
            self.material,
            &card::Subject { entry, metrics: &metrics, reasons: &reasons, judged: Some(&candidate.judged) },
        )?;
        Ok(Filing {
            refused: !reasons.is_empty(),
            reason: reasons.join("; "),
            metrics,
            model: model.map(|m| m.to_json()),
            card,
            ..self.blank(entry)
        })
    }

    /// A segmentation: judged by how well apart and how stable its groups are.
    fn segment(&self, entry: &'static Entry) -> Result<Filing> {
        let Some(today) = &self.material.today else { bail!("segments need everybody's features; this is a bug") };
        let model = match self.fit(entry, today, "grouping") {
            Ok(model) => model,
            Err(reason) => return Ok(self.refused(entry, &reason, json!({}))),
        };
        let spinner = self.progress.spinner(&format!("{}: how stable are the groups", entry.name));
        let measured = grouping::measure(entry, model.as_ref(), today, &self.run());
        spinner.finish_and_clear();
        let measured = measured?;
        let mut reasons = Vec::new();
        let needed = self.shop.settings.gate.stability_min;
        if let Some(&stability) = measured.get("stability").filter(|&&stability| stability < needed) {
            reasons.push(format!(
                "groups change too much between resamples: stability {stability:.3}, needed {needed} (gate.stability_min)"
            ));
        }
        let metrics = json!({ "test": measured, "customers": today.rows() });
        let card = card::write(
            self.shop,
            self.plan,
            self.material,
            &card::Subject { entry, metrics: &metrics, reasons: &reasons, judged: None },
        )?;
        Ok(Filing {
            refused: !reasons.is_empty(),
            reason: reasons.join("; "),
            metrics,
            model: Some(model.to_json()),
            card,
            ..self.blank(entry)
        })
    }

    fn refused(&self, entry: &Entry, reason: &str, metrics: Value) -> Filing {
        Filing { refused: true, reason: reason.to_owned(), metrics, ..self.blank(entry) }
    }

    fn blank(&self, entry: &Entry) -> Filing {
        Filing {
            task: self.task,
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

fn names_of(task: Task) -> String {
    catalog::MODELS.iter().filter(|entry| entry.task == task).map(|entry| entry.name).collect::<Vec<_>>().join(", ")
}

/// The candidate that should answer each task: not refused, and best on the metric that decides. Segments: the first that passed.
#[must_use]
pub fn best(rows: &[Row], task: Task) -> Option<&Row> {
    let passed = rows.iter().filter(|row| row.task == task && row.status != Status::Refused);
    let metric = |row: &Row, name: &str| row.metrics["test"][name].as_f64();
    match task {
        Task::Segment => passed.into_iter().next(),
        Task::Churn => passed.min_by(|a, b| order(metric(a, "log_loss"), metric(b, "log_loss"))),
        Task::Value => passed.min_by(|a, b| order(metric(b, "gini"), metric(a, "gini"))),
    }
}

fn order(a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
    a.unwrap_or(f64::INFINITY).total_cmp(&b.unwrap_or(f64::INFINITY))
}
