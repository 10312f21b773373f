//! `perennial init`.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::{Context, Exit, Language};
use crate::shop::{SETTINGS_FILE, Shop, load_settings};

/// Make a shop's folder: perennial.toml with every setting explained, and an empty lake.
///
/// With --lang, that is the language the shop speaks from now on (setting shop.language).
///
/// Example: perennial init shop --set shop.zone=Europe/London --set shop.currency=GBP
#[derive(clap::Args, Debug)]
pub struct Init {
    /// The folder to make; must be empty or absent.
    dir: PathBuf,
}

impl Init {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let mut settings = load_settings(&context.on(self.dir.clone()))?.settings;
        // Who makes a shop in Chinese goes on in Chinese.
        if let Some(language) = context.lang {
            settings.shop.language = language.of("en", "zh").to_owned();
        }
        Shop::create(&self.dir, &settings)?;
        let dir = self.dir.display();
        let facts = json!({ "shop": self.dir, "settings": self.dir.join(SETTINGS_FILE), "zone": settings.shop.zone, "currency": settings.shop.currency });
        context.print(&facts, || {
            let (zone, currency) = (&settings.shop.zone, &settings.shop.currency);
            match context.language(&settings.shop.language) {
                Language::En => format!(
                    "made the shop {dir} (zone {zone}, currency {currency})\nsettings: {dir}/{SETTINGS_FILE}\nnext:     perennial import --shop {dir} PATH…"
                ),
                Language::Zh => format!(
                    "已建立网店 {dir}（时区 {zone}，货币 {currency}）\n设置：{dir}/{SETTINGS_FILE}\n下一步：perennial import --shop {dir} PATH…"
                ),
            }
        })?;
        Ok(Exit::Done)
    }
}
