//! Every candidate's turn: fitted on the past, judged on the last closed window, fitted again with that window known.
//!
//! Candidates do not know of each other, so their turns run side by side; results come in the order of the candidates.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use perennial_contract::Table;
use perennial_contract::estimator::{FitError, Model, Run, Task};
use perennial_learn::catalog::{Entry, Fitted};
use perennial_learn::parallel;
use perennial_learn::words::Words;
use serde_json::Value;

use super::card::{Importance, importance};
use super::evaluate::Judged;
use super::grouping;
use super::material::Material;
use super::plan::looks_ahead;
use super::score::score_in_parts;
use crate::progress::{Progress, Unit};

/// What came of a candidate's turn.
pub enum Turn {
    /// It could not be fitted.
    Refused(Words),
    Forecaster {
        judged: Judged,
        /// The model that would answer, or why it could not be fitted on the newest windows.
        served: Result<Served, Words>,
    },
    Grouping {
        model: Box<dyn Model>,
        measured: BTreeMap<&'static str, f64>,
    },
}

pub struct Served {
    pub model: Box<dyn Model>,
    pub importance: Vec<Importance>,
}

pub struct Contest<'a> {
    pub material: &'a Material,
    /// `threads` is for all turns together.
    pub run: Run,
    pub progress: Progress,
}

/// Learners of every feature take most of the time. With one of them a thread, a few threads are busy until the end; more threads than
/// that go into the fits themselves.
const LONG_TURNS: usize = 4;

impl Contest<'_> {
    /// Every candidate's turn, in the order of `entries`.
    pub fn hold(&self, entries: &[&'static Entry]) -> Result<Vec<Turn>> {
        let run = Run { threads: (self.run.threads / LONG_TURNS).max(1), ..self.run.clone() };
        // The long ones first, so that the last to end is a short one.
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by_key(|&position| !entries[position].needs.is_empty());
        let (bar, ended) = (self.progress.bar("training candidates", entries.len() as u64, Unit::Rows), AtomicU64::new(0));
        let turns = parallel::map(self.run.threads, order.clone(), |position| {
            let turn = self.turn(entries[position], &run);
            bar.set_position(ended.fetch_add(1, Ordering::Relaxed) + 1, entries.len() as u64);
            turn
        });
        drop(bar);
        let mut placed: Vec<(usize, Result<Turn>)> = order.into_iter().zip(turns).collect();
        placed.sort_by_key(|(position, _)| *position);
        placed.into_iter().map(|(_, turn)| turn).collect()
    }

    fn turn(&self, entry: &Entry, run: &Run) -> Result<Turn> {
        let mut step = self.progress.unseen(&format!("{} {}: learning", entry.task, entry.name));
        let rows = if looks_ahead(entry.task) { &self.material.train } else { &self.material.today.table };
        let fitted = match (entry.fit)(&Value::Null, rows, run) {
            Ok(fitted) => fitted,
            Err(reason) => return Ok(Turn::Refused(in_words(&reason))),
        };
        if !looks_ahead(entry.task) {
            step.turn_to(&format!("{} {}: how stable are the groups", entry.task, entry.name));
            let measured = grouping::measure(entry, fitted.model.as_ref(), rows, run)?;
            return Ok(Turn::Grouping { model: fitted.model, measured });
        }
        step.turn_to(&format!("{} {}: judging", entry.task, entry.name));
        let judged = judge(entry.task, fitted.model.as_ref(), &self.material.test, run.threads)?;
        step.turn_to(&format!("{} {}: learning from the newest windows", entry.task, entry.name));
        Ok(Turn::Forecaster { judged, served: self.serve(&fitted, run)? })
    }

    fn serve(&self, fitted: &Fitted, run: &Run) -> Result<Result<Served, Words>> {
        match fitted.again(&self.material.serve, run) {
            Ok(model) => {
                let importance = importance(model.as_ref(), &self.material.test)?;
                Ok(Ok(Served { model, importance }))
            }
            Err(reason) => Ok(Err(in_words(&reason))),
        }
    }
}

/// Why a fit was refused. What kind of refusal it is is said in both languages; its numbers stand in the learner's own words.
fn in_words(reason: &FitError) -> Words {
    let kind = match reason {
        FitError::NoMaximum(_) => "似然函数在这些数据上没有有限的最大值，因此没有可用的参数",
        FitError::Refused(_) => "这些数据不足以支持该模型",
        FitError::Table(_) => "训练表缺少所需的列或取值有误",
        FitError::Param { .. } => "模型参数超出允许范围",
    };
    Words::of(reason.to_string(), format!("{kind}（{reason}）"))
}

/// A model's answers on the test window.
pub fn judge(task: Task, model: &dyn Model, test: &Table, threads: usize) -> Result<Judged> {
    let scores = score_in_parts(model, test, threads)?;
    Ok(match task {
        Task::Churn => Judged::churn(test, &scores)?,
        _ => Judged::value(test, &scores)?,
    })
}
