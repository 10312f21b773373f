//! `perennial models`, `promote` and `rollback`.

use anyhow::Result;
use perennial_contract::estimator::Task;
use serde_json::json;

use super::{Context, Exit};
use crate::registry::{Registry, Row};
use crate::shop::{Shop, now};

/// List every trained model: who answers, who waits, who was refused and why.
///
/// Example: perennial models --shop shop --json
#[derive(clap::Args, Debug)]
pub struct Models {
    /// Show who answered when instead.
    #[arg(long)]
    history: bool,
}

impl Models {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let registry = Registry::open(&Shop::folder(context)?)?;
        if self.history {
            let changes = registry.history()?;
            context.print(&changes, || {
                let lines = changes.iter().map(|c| format!("{}  {:<8} {:<9} {} {}\n", c.at, c.task, c.action, c.model, c.why));
                lines.collect::<String>()
            })?;
        } else {
            let rows = registry.list()?;
            context.print(&rows, || table(&rows))?;
        }
        Ok(Exit::Done)
    }
}

/// Models as lines of text, one task after another.
pub fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no models yet; `perennial train` makes some".to_owned();
    }
    let mut text = String::new();
    for row in rows {
        let metric =
            |name: &str| row.metrics["test"][name].as_f64().map(|value| format!(" {name} {value:.4}")).unwrap_or_default();
        let numbers: String = ["auroc", "brier", "ece", "mae_cents", "total_ratio", "coverage_80", "silhouette", "stability"]
            .iter()
            .map(|name| metric(name))
            .collect();
        text.push_str(&format!("{:<8} {:<14} v{:<3} {:<9}{numbers}\n", row.task, row.name, row.version, row.status.name()));
        if !row.reason.is_empty() {
            text.push_str(&format!("         {}\n", row.reason));
        }
    }
    text
}

/// Let a candidate answer from now on.
///
/// Example: perennial promote churn boost_churn@3 --shop shop
#[derive(clap::Args, Debug)]
pub struct Promote {
    /// churn, value or segment.
    #[arg(value_parser = task)]
    task: Task,
    /// The model: a name (its newest version) or NAME@VERSION.
    model: String,
    /// Promote a refused model all the same; the reason is recorded.
    #[arg(long = "override", value_name = "WHY", value_parser = super::reason)]
    why: Option<String>,
}

impl Promote {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let mut registry = Registry::open(&Shop::folder(context)?)?;
        let row = registry.promote(self.task, &self.model, self.why.as_deref(), &now())?;
        context.print(&row, || format!("{} is answered by {} v{} from now on", row.task, row.name, row.version))?;
        Ok(Exit::Done)
    }
}

/// Go back to the model that answered before.
///
/// Example: perennial rollback churn --shop shop
#[derive(clap::Args, Debug)]
pub struct Rollback {
    /// churn, value or segment.
    #[arg(value_parser = task)]
    task: Task,
}

impl Rollback {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let mut registry = Registry::open(&Shop::folder(context)?)?;
        let champion = registry.rollback(self.task, &now())?;
        context.print(&json!({ "task": self.task, "champion": champion }), || match &champion {
            Some(row) => format!("{} is answered by {} v{} again", row.task, row.name, row.version),
            None => format!("{} is answered by nobody now: there was no model before", self.task),
        })?;
        Ok(Exit::Done)
    }
}

/// A task by its name, for the command line.
pub fn task(text: &str) -> Result<Task, String> {
    let known = Task::ALL.iter().copied().find(|task| task.name() == text);
    known.ok_or_else(|| format!("allowed are {}", Task::ALL.iter().map(|task| task.name()).collect::<Vec<_>>().join(", ")))
}
