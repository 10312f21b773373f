//! `perennial score`.

use std::path::PathBuf;

use anyhow::Result;
use perennial_contract::Day;
use serde_json::json;

use super::{Context, Exit, Language, complain};
use crate::pipeline;
use crate::shop::Shop;

/// Score every customer as of a day, as Parquet or CSV (by the file's ending).
///
/// Example: perennial score --shop shop --out scores.parquet
#[derive(clap::Args, Debug)]
pub struct Score {
    /// The file to write; ends in .parquet or .csv.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// State of the shop when this day begins: facts of the day itself and later are not known. The day after the last sale by default.
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
}

impl Score {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        pipeline::check_score_file(&self.out)?;
        let shop = Shop::open(context)?;
        let scored = pipeline::score(&shop, context, self.as_of)?;
        pipeline::write_scores(&scored, &self.out)?;
        let language = context.language(&shop.settings.shop.language);
        if let Some(warning) = pipeline::hindsight_warning(&scored.trained_as_of, scored.as_of, language) {
            complain(&warning);
        }
        let facts = json!({
            "out": self.out, "as_of": scored.as_of, "customers": scored.table.rows(), "models": scored.models,
            "trained_as_of": scored.trained_as_of, "hindsight": scored.hindsight(),
        });
        context.print(&facts, || {
            let (customers, as_of, out) = (scored.table.rows(), scored.as_of, self.out.display());
            match language {
                Language::En => format!("{customers} customers as of {as_of} in {out}"),
                Language::Zh => format!("截至 {as_of} 的 {customers} 位客户：{out}"),
            }
        })?;
        Ok(Exit::Done)
    }
}
