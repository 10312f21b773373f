//! `perennial init`.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::{Context, Exit};
use crate::shop::{SETTINGS_FILE, Shop, load_settings};

/// Make a shop's folder: perennial.toml with every setting explained, and an empty lake.
///
/// Example: perennial init shop --set shop.zone=Europe/London --set shop.currency=GBP
#[derive(clap::Args, Debug)]
pub struct Init {
    /// The folder to make; must be empty or absent.
    dir: PathBuf,
}

impl Init {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let settings = load_settings(&context.on(self.dir.clone()))?.settings;
        Shop::create(&self.dir, &settings)?;
        let dir = self.dir.display();
        let facts = json!({ "shop": self.dir, "settings": self.dir.join(SETTINGS_FILE), "zone": settings.shop.zone, "currency": settings.shop.currency });
        context.print(&facts, || {
            format!(
                "made the shop {dir} (zone {}, currency {})\nsettings: {dir}/{SETTINGS_FILE}\nnext:     perennial import --shop {dir} PATH…",
                settings.shop.zone, settings.shop.currency
            )
        })?;
        Ok(Exit::Done)
    }
}
