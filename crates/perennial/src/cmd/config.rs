//! `perennial config`.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Context, Exit};
use crate::config::{Origin, Settings, reference_page};
use crate::shop::load_settings;

/// Show the settings in force and where each came from.
///
/// Example: perennial config explain --shop shop
#[derive(clap::Args, Debug)]
pub struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Every setting: its value and who said so (default, file, environment, --set).
    Explain,
    /// The reference page of all settings, as Markdown.
    Reference,
}

impl Config {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        match self.what {
            What::Explain => explain(context)?,
            What::Reference => context.print(&Value::String(reference_page()), reference_page)?,
        }
        Ok(Exit::Done)
    }
}

fn explain(context: &Context) -> Result<()> {
    let loaded = load_settings(context)?;
    let mut rows = Vec::new();
    for key in Settings::keys() {
        let setting = format!("{}.{}", key.section, key.name);
        let value = loaded.settings.get(key.section, key.name).unwrap_or_default();
        let origin = loaded.origin(&setting);
        rows.push(json!({ "setting": setting, "value": value, "default": key.default, "origin": origin.to_string(), "help": key.help.trim() }));
    }
    context.print(&rows, || {
        let mut text = String::new();
        for row in &rows {
            let field = |name: &str| row[name].as_str().unwrap_or_default();
            let mark = if field("origin") == Origin::Default.to_string() { " " } else { "*" };
            text.push_str(&format!("{mark} {:<34} {:<28} {}\n", field("setting"), field("value"), field("origin")));
        }
        text
    })
}
