//! `perennial report`.

use std::path::PathBuf;

use anyhow::Result;
use perennial_contract::Day;
use serde_json::json;

use super::{Context, Exit};
use crate::pipeline;
use crate::shop::Shop;

/// Write the report: one HTML file with pictures, English and Chinese, that needs no network.
///
/// Example: perennial report --shop shop --out report.html
#[derive(clap::Args, Debug)]
pub struct Report {
    /// The file to write; report.html in the shop's folder by default.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// State of the shop when this day begins: facts of the day itself and later are not known. The day after the last sale by default.
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
}

impl Report {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let shop = Shop::open(context)?;
        let out = self.out.clone().unwrap_or_else(|| shop.dir.join("report.html"));
        let bytes = pipeline::report(&shop, context, self.as_of, &out)?;
        context.print(&json!({ "report": out, "bytes": bytes }), || {
            format!("{}{}", context.language(&shop.settings.shop.language).of("report: ", "报告："), out.display())
        })?;
        Ok(Exit::Done)
    }
}
