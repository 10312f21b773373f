//! `perennial models`, `promote` and `rollback`.

use anyhow::Result;
use perennial_contract::estimator::Task;
use serde_json::json;

use super::{Context, Exit, Language};
use crate::registry::{Registry, Row, Status};
use crate::shop::{Shop, load_settings, now};

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
            let language = context.language(&load_settings(context)?.settings.shop.language);
            context.print(&rows, || table(&rows, language))?;
        }
        Ok(Exit::Done)
    }
}

/// Models as lines of text, one task after another.
pub fn table(rows: &[Row], language: Language) -> String {
    if rows.is_empty() {
        return language.of("no models yet; `perennial train` makes some", "尚无模型；请先运行 `perennial train`").to_owned();
    }
    let mut text = String::new();
    for row in rows {
        let metric =
            |name: &str| row.metrics["test"][name].as_f64().map(|value| format!(" {name} {value:.4}")).unwrap_or_default();
        let numbers: String = ["auroc", "brier", "ece", "mae_cents", "total_ratio", "coverage_80", "silhouette", "stability"]
            .iter()
            .map(|name| metric(name))
            .collect();
        text.push_str(&format!(
            "{:<8} {:<18} v{:<3} {}  {}{numbers}\n",
            row.task.name(),
            row.name,
            row.version,
            row.as_of,
            status(row.status, language)
        ));
        let reason = match row.metrics["reason_zh"].as_str().filter(|_| language == Language::Zh) {
            Some(reason_zh) => reason_zh,
            None => &row.reason,
        };
        if !reason.is_empty() {
            text.push_str(&format!("         {reason}\n"));
        }
        if let Some(why) = &row.override_why {
            text.push_str(&format!("         {}{why}\n", language.of("answers by override: ", "经人工放行而作答：")));
        }
    }
    text
}

/// A status in words, as wide in every row: a Chinese character takes two columns.
fn status(status: Status, language: Language) -> String {
    let zh = match status {
        Status::Champion => "冠军  ",
        Status::Candidate => "候选  ",
        Status::Refused => "已拒绝",
    };
    format!("{:<9}", language.of(status.name(), zh))
}

/// Let a candidate answer from now on.
///
/// Example: perennial promote churn boost_churn@3 --shop shop
#[derive(clap::Args, Debug)]
pub struct Promote {
    /// churn, value, segment or outlook.
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
        let registry = Registry::open(&Shop::folder(context)?)?;
        let row = registry.promote(self.task, &self.model, self.why.as_deref(), &now())?;
        let language = context.language_of_shop()?;
        let Row { task, name, version, .. } = &row;
        context.print(&row, || match language {
            Language::En => format!("{task} is answered by {name} v{version} from now on"),
            Language::Zh => format!("自此 {task} 由 {name} v{version} 作答"),
        })?;
        Ok(Exit::Done)
    }
}

/// Go back to the model that answered before.
///
/// Example: perennial rollback churn --shop shop
#[derive(clap::Args, Debug)]
pub struct Rollback {
    /// churn, value, segment or outlook.
    #[arg(value_parser = task)]
    task: Task,
}

impl Rollback {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let registry = Registry::open(&Shop::folder(context)?)?;
        let champion = registry.rollback(self.task, &now())?;
        let language = context.language_of_shop()?;
        let Row { task, name, version, .. } = &champion;
        context.print(&json!({ "task": self.task, "champion": champion }), || match language {
            Language::En => format!("{task} is answered by {name} v{version} again"),
            Language::Zh => format!("{task} 重新由 {name} v{version} 作答"),
        })?;
        Ok(Exit::Done)
    }
}

/// A task by its name, for the command line.
pub fn task(text: &str) -> Result<Task, String> {
    let known = Task::ALL.iter().copied().find(|task| task.name() == text);
    known.ok_or_else(|| format!("allowed are {}", Task::ALL.iter().map(|task| task.name()).collect::<Vec<_>>().join(", ")))
}
