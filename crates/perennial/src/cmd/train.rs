//! `perennial train`.

use anyhow::Result;
use perennial_contract::Day;
use perennial_contract::estimator::Task;

use super::{Context, Exit, models};
use crate::pipeline;
use crate::registry::Status;
use crate::shop::Shop;

/// Fit candidates, compare them on a window of time none has seen, and file them; they answer nobody until promoted.
///
/// Example: perennial train churn value --shop shop
#[derive(clap::Args, Debug)]
pub struct Train {
    /// Tasks to train, all by default: churn, value, segment, outlook.
    #[arg(value_parser = models::task)]
    tasks: Vec<Task>,
    /// State of the shop when this day begins: the models know nothing of the day itself and later. The day after the last sale by default.
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
    /// Train although the quality gate is shut; the reason is recorded.
    #[arg(long = "override", value_name = "WHY", value_parser = super::reason)]
    why: Option<String>,
}

impl Train {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let shop = Shop::open(context)?;
        let tasks = if self.tasks.is_empty() { Task::ALL } else { &self.tasks };
        if let Some(refused) = pipeline::gate_of_quality(&shop, context, self.why.as_deref())?.refused() {
            context.print(&refused.json, || refused.text.clone())?;
            return Ok(Exit::Refused);
        }
        let trained = pipeline::train(&shop, context, tasks, self.as_of)?;
        let language = context.language(&shop.settings.shop.language);
        context.print(&trained.rows, || format!("{}\n{}", trained.plan_text, models::table(&trained.rows, language)))?;
        let is_refused = |task: &Task| !trained.rows.iter().any(|row| row.task == *task && row.status != Status::Refused);
        Ok(if tasks.iter().any(is_refused) { Exit::Refused } else { Exit::Done })
    }
}
