//! `perennial check`.

use anyhow::Result;

use super::{Context, Exit};
use crate::pipeline;
use crate::shop::Shop;

/// The quality gate: profile of every table, rules, reconciliation to the cent, verdict. Exit code 3 when the gate is shut.
///
/// Example: perennial check --shop shop --json
#[derive(clap::Args, Debug)]
pub struct Check {
    /// Open a shut gate for the state the lake is in now; the reason is recorded.
    #[arg(long = "override", value_name = "WHY", value_parser = super::reason)]
    why: Option<String>,
}

impl Check {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let shop = Shop::open(context)?;
        let mut gate = pipeline::gate_of_quality(&shop, context, self.why.as_deref())?;
        gate.effect = pipeline::FeatureCleaning::today(&shop)?;
        context.print(&gate.json()?, || gate.text())?;
        Ok(if gate.is_open() { Exit::Done } else { Exit::Refused })
    }
}
