//! `perennial run`: the main job.

use anyhow::Result;
use perennial_contract::Day;

use super::{Context, Exit};
use crate::pipeline;
use crate::shop::Shop;

/// The whole loop: check, features, train, gate, promote, score, report.
///
/// Exit code 3 says that a gate refused. Where the data are refused nothing is trained and no report is written; where no model may answer
/// a task, the report is written and says why.
///
/// Example: perennial run --shop shop
#[derive(clap::Args, Debug)]
pub struct Run {
    /// State of the shop when this day begins: facts of the day itself and later are not known. The day after the last sale by default.
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
    /// Go on although the quality gate is shut; the reason is recorded.
    #[arg(long = "override", value_name = "WHY", value_parser = super::reason)]
    why: Option<String>,
}

impl Run {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let shop = Shop::open(context)?;
        let done = pipeline::run(&shop, context, &pipeline::RunRequest { as_of: self.as_of, why: self.why.as_deref() })?;
        context.print(&done.json, || done.text.clone())?;
        Ok(done.exit)
    }
}
