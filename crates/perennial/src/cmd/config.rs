//! `perennial config`.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Context, Exit};
use crate::config::{Settings, reference_page};
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
        rows.push(json!({
            "setting": setting, "value": value, "default": key.default, "is_default": value == key.default,
            "origin": origin.to_string(), "help": key.help.trim(),
        }));
    }
    let language = context.language(&loaded.settings.shop.language);
    context.print(&rows, || {
        // `init` writes every default into the file, so that where a value stands does not say that anybody chose it.
        let legend =
            language.of("* is not the default; behind a value stands where it was read", "* 表示非默认值；值之后为其出处");
        let mut text = format!("{legend}\n");
        for row in &rows {
            let field = |name: &str| row[name].as_str().unwrap_or_default();
            let mark = if row["is_default"] == Value::Bool(true) { " " } else { "*" };
            text.push_str(&format!("{mark} {:<34} {:<28} {}\n", field("setting"), field("value"), field("origin")));
        }
        text
    })
}
