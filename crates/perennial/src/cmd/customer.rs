//! `perennial customer`.

use anyhow::Result;
use perennial_contract::Day;

use super::{Context, Exit, complain};
use crate::pipeline;
use crate::report::Language;
use crate::shop::Shop;

/// One customer's whole picture: scores with intervals, last orders, and the reasons.
///
/// Example: perennial customer 17850 --shop shop
#[derive(clap::Args, Debug)]
pub struct Customer {
    /// The customer's id.
    id: String,
    /// State of the shop when this day begins: facts of the day itself and later are not known. The day after the last sale by default.
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
}

impl Customer {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let shop = Shop::open(context)?;
        let language = if context.speaks_zh(&shop.settings.shop.language) { Language::Zh } else { Language::En };
        let picture = pipeline::picture(&shop, &self.id, self.as_of)?;
        let spoken = context.language(&shop.settings.shop.language);
        if let Some(warning) = pipeline::hindsight_warning(&picture.trained_as_of, picture.as_of, spoken) {
            complain(&warning);
        }
        context.print(&picture, || picture.lines(language).join("\n"))?;
        Ok(Exit::Done)
    }
}
