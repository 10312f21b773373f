//! A shop's folder: settings, lake, registry, and where its outputs go.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow::array::AsArray;
use arrow::datatypes::Date32Type;
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::{Day, Entity};
use perennial_lake::lake::{Lake, ShopFacts};
use perennial_lake::quality::{CleaningPolicy, QualitySettings};
use perennial_lake::vault::KeySource;

use crate::cmd::Context;
use crate::config::{self, Cleaning, Loaded, Origin, Settings, settings_file};
use crate::registry::{REGISTRY_FILE, Registry};

/// Marks a shop that simulated files were brought into: they come with their truth beside them, which no import reads.
pub const SIMULATED_MARK: &str = ".simulated";

/// Statuses of orders that sold nothing.
const NO_SALE: [&str; 2] = ["cancelled", "adjustment"];

pub const SETTINGS_FILE: &str = "perennial.toml";

pub struct Shop {
    pub dir: PathBuf,
    pub settings: Settings,
    /// Where each setting was read; the others are defaults.
    pub origins: BTreeMap<String, Origin>,
    pub lake: Arc<Lake>,
    pub registry: Registry,
}

impl Shop {
    /// Make a new shop in `dir`, which must be empty or absent. The settings file comes last: with it the folder is a shop.
    pub fn create(dir: &Path, settings: &Settings) -> Result<()> {
        let is_used = dir.exists() && std::fs::read_dir(dir).with_context(|| format!("{}", dir.display()))?.next().is_some();
        if is_used {
            bail!("{} is not empty; give a new folder", dir.display());
        }
        std::fs::create_dir_all(dir.join("features")).with_context(|| format!("cannot make {}", dir.display()))?;
        Lake::create(&dir.join("lake"), &facts(settings))?;
        // Opening makes the key where the settings say, so that a shop without one never holds data.
        Lake::open(&dir.join("lake"), &facts(settings), Some(&key_source(dir, settings)?))?;
        Registry::open(dir)?;
        let unfinished = dir.join("perennial.toml.unfinished");
        std::fs::write(&unfinished, settings_file(settings))?;
        std::fs::rename(&unfinished, dir.join(SETTINGS_FILE))?;
        Ok(())
    }

    /// The folder the command line names, if it is a shop.
    pub fn folder(context: &Context) -> Result<PathBuf> {
        let dir = &context.shop;
        if !dir.join(SETTINGS_FILE).exists() {
            bail!(
                "{0} is not a shop: it has no {SETTINGS_FILE}; make one with `perennial init {0}` or name another with --shop",
                dir.display()
            );
        }
        Ok(dir.clone())
    }

    /// Open the shop the command line names.
    pub fn open(context: &Context) -> Result<Self> {
        let dir = Self::folder(context)?;
        let Loaded { settings, origins } = load_settings(context)?;
        let lake = Arc::new(Lake::open(&dir.join("lake"), &facts(&settings), Some(&key_source(&dir, &settings)?))?);
        let path = dir.join(REGISTRY_FILE);
        if !path.exists() {
            // Made anew in silence it would hold no model, and every score would be of nobody.
            bail!(
                "{0}: the registry of the shop's models is gone; put it back from a copy, or move the folder models away, make an empty file of that name and run \
                 `perennial train`",
                path.display()
            );
        }
        let registry = Registry::open(&dir)?;
        Ok(Self { dir, settings, origins, lake, registry })
    }

    /// The first and the last day with a sale: an order that is not cancelled and no adjustment of the books.
    pub fn sale_days(&self, at: &Snapshot) -> Result<Option<(Day, Day)>> {
        let mut found: Option<(i32, i32)> = None;
        for bucket in self.lake.scan(at, Entity::Orders, &["ordered_on", "status"], &Who::Everyone)? {
            for batch in bucket {
                let batch = batch?;
                let (days, statuses) = (batch["ordered_on"].as_primitive::<Date32Type>(), batch["status"].as_string::<i32>());
                for (day, status) in days.iter().zip(statuses) {
                    let Some(day) = day.filter(|_| !status.is_some_and(|status| NO_SALE.contains(&status))) else { continue };
                    found = Some(found.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
                }
            }
        }
        Ok(found.map(|(first, last)| (Day(first), Day(last))))
    }

    /// The quality rules as the settings declare them.
    #[must_use]
    pub fn quality_settings(&self) -> QualitySettings {
        let rules = &self.settings.quality;
        QualitySettings {
            currency: self.settings.shop.currency.clone(),
            reject_share_max: rules.reject_share_max,
            guest_share_max: rules.guest_share_max,
            silent_days_max: rules.silent_days_max,
            rejects: rules.rejects,
            reconciliation: rules.reconciliation,
            duplicate_lines: rules.duplicate_lines,
            duplicate_customers: rules.duplicate_customers,
            guests: rules.guests,
            silent_days: rules.silent_days,
            references: rules.references,
            outliers: rules.outliers,
            partial_month: rules.partial_month,
            future: rules.future,
            own: rules.own.clone(),
            cleaning: cleaning_policy(&self.settings.cleaning),
            drop_customers: self.settings.cleaning.drop_customers.clone(),
        }
    }

    /// Threads to use.
    #[must_use]
    pub fn threads(&self) -> usize {
        match self.settings.run.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads as usize,
        }
    }
}

/// The cleaning of order lines that the settings ask for.
#[must_use]
pub fn cleaning_policy(cleaning: &Cleaning) -> CleaningPolicy {
    CleaningPolicy {
        drop_duplicate_lines: cleaning.duplicate_lines == "drop",
        line_cents_max: i64::try_from(cleaning.line_cents_max).ok().filter(|&cents| cents > 0),
    }
}

pub fn load_settings(context: &Context) -> Result<Loaded> {
    let environment: Vec<(String, String)> = std::env::vars().collect();
    Ok(config::load(&context.shop.join(SETTINGS_FILE), &environment, &context.set)?)
}

fn facts(settings: &Settings) -> ShopFacts {
    ShopFacts { zone: settings.shop.zone.clone(), currency: settings.shop.currency.clone() }
}

fn key_source(dir: &Path, settings: &Settings) -> Result<KeySource> {
    let key = &settings.vault.key;
    Ok(match key.split_once(':') {
        Some(("file", path)) => KeySource::File(dir.join(path)),
        Some(("env", name)) => KeySource::Env(name.to_owned()),
        Some(("passphrase", name)) => {
            let passphrase =
                std::env::var(name).with_context(|| format!("setting vault.key names the environment variable {name}"))?;
            KeySource::Passphrase(passphrase.into())
        }
        _ => bail!("setting vault.key is {key:?}, allowed are file:PATH, env:NAME and passphrase:NAME"),
    })
}

/// Now, as the registry and the lake write it.
#[must_use]
pub fn now() -> String {
    jiff::Timestamp::now().to_string()
}
