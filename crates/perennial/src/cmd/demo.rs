//! `perennial demo`: the first five minutes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use perennial_contract::Day;

use super::{Context, Exit, Language, import};
use crate::pipeline;
use crate::progress::Unit;
use crate::shop::{SETTINGS_FILE, Shop, load_settings};
use crate::simulate;

/// Simulate a shop, run the whole loop on it, and leave a report to look at. Offline, a minute at most.
///
/// Example: perennial demo --customers 20000
#[derive(clap::Args, Debug)]
pub struct Demo {
    /// The folder to use; one that an earlier demo made is made again.
    #[arg(long, default_value = "demo-shop", value_name = "DIR")]
    dir: PathBuf,
    /// How many customers the shop has.
    #[arg(long, default_value_t = 8_000)]
    customers: u64,
    /// Seed of the shop.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Marks a folder as made by `demo`, so that only such a folder is ever replaced.
const MARK: &str = ".made-by-perennial-demo";

impl Demo {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        self.clear()?;
        let exports = self.simulate(context)?;
        let mut context = context.on(self.dir.join("shop"));
        context.set.splice(0..0, ["shop.name=Demo shop".to_owned(), "shop.currency=USD".to_owned()]);
        context.set.extend(context.lang.map(|language| format!("shop.language={}", language.of("en", "zh"))));
        Shop::create(&context.shop, &load_settings(&context)?.settings)?;
        let shop = Shop::open(&context)?;
        let request = import::Request { format: Some("perennial"), paths: std::slice::from_ref(&exports), mapping: None };
        let imported = import::import(&shop, &context, &request)?;
        let done = pipeline::run(&shop, &context, &pipeline::RunRequest::default())?;
        let report = self.dir.join("report.html");
        std::fs::copy(shop.dir.join("report.html"), &report)?;
        let facts = serde_json::json!({ "import": imported.json(), "run": done.json, "report": report });
        context.print(&facts, || {
            let language = context.language(&shop.settings.shop.language);
            let (imported, run) = (imported.text(&shop.settings.shop.currency, language), &done.text);
            let (report, exports, dir) = (report.display(), exports.display(), shop.dir.display());
            match language {
                Language::En => format!(
                    "{imported}\n{run}\nopen the report: {report}\nthe simulated exports: {exports}\nthe shop: {dir} (try `perennial models --shop {dir}`)"
                ),
                Language::Zh => format!(
                    "{imported}\n{run}\n请打开报告：{report}\n模拟的导出文件：{exports}\n网店：{dir}（可试 `perennial models --shop {dir}`）"
                ),
            }
        })?;
        Ok(done.exit)
    }

    /// An earlier demo may go; anything else stays and is an error.
    fn clear(&self) -> Result<()> {
        let is_used = self.dir.exists() && self.dir.read_dir().with_context(|| self.dir.display().to_string())?.next().is_some();
        if is_used && !self.dir.join(MARK).exists() {
            bail!("{} is not empty and no demo made it; give another folder with --dir", self.dir.display());
        }
        if self.dir.exists() {
            std::fs::remove_dir_all(&self.dir)?;
        }
        std::fs::create_dir_all(&self.dir)?;
        std::fs::write(
            self.dir.join(MARK),
            format!("A folder with this file is replaced by the next demo.\nThe shop is in shop/{SETTINGS_FILE}.\n"),
        )?;
        Ok(())
    }

    fn simulate(&self, context: &Context) -> Result<PathBuf> {
        let exports = self.dir.join("exports");
        // Two years that end outside the holiday peak: the last closed windows then resemble the future, as gates expect.
        let first_day = Day::from_ymd(2023, 10, 1).unwrap_or_default();
        let size = simulate::Size::Customers(self.customers);
        let settings = simulate::Settings { size, seed: self.seed, first_day, ..Default::default() };
        let bar = context.progress().bar("simulating a shop", self.customers, Unit::Rows);
        simulate::write(&settings, Path::new(&exports), &|done, total| {
            bar.set_position(done, total);
        })?;
        drop(bar);
        Ok(exports)
    }
}
