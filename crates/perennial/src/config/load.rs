//! Where a setting's value comes from: the default, the file, the environment (`PERENNIAL_SECTION_NAME`), `--set section.name=value`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use perennial_contract::estimator::Task;
use perennial_learn::catalog::MODELS;

use super::Settings;

/// Who said so; the later wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(PathBuf),
    Environment(String),
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("--set"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{}: cannot be read: {cause}", path.display())]
    Read { path: PathBuf, cause: String },
    #[error("{}: {cause}", path.display())]
    Syntax { path: PathBuf, cause: String },
    #[error("{origin}: no setting {setting:?}{hint}")]
    Unknown { origin: Origin, setting: String, hint: String },
    #[error("{origin}: setting {setting} {problem}")]
    Value { origin: Origin, setting: String, problem: String },
}

/// The settings in force and where each came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub settings: Settings,
    pub origins: BTreeMap<String, Origin>,
}

/// Read the settings of the shop in `dir`; a missing file is no error, an unknown setting anywhere is one.
pub fn load(file: &Path, environment: &[(String, String)], flags: &[String]) -> Result<Loaded, SettingsError> {
    let mut loaded = Loaded { settings: Settings::default(), origins: BTreeMap::new() };
    if file.exists() {
        let text = std::fs::read_to_string(file)
            .map_err(|error| SettingsError::Read { path: file.to_owned(), cause: error.to_string() })?;
        loaded.apply_file(&text, file)?;
    }
    loaded.apply_environment(environment)?;
    for flag in flags {
        loaded.apply_flag(flag)?;
    }
    loaded.check()?;
    Ok(loaded)
}

impl Loaded {
    fn apply_file(&mut self, text: &str, path: &Path) -> Result<(), SettingsError> {
        let origin = Origin::File(path.to_owned());
        let document: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| SettingsError::Syntax { path: path.to_owned(), cause: error.to_string() })?;
        for (section, content) in &document {
            let Some(settings) = content.as_table() else { return Err(unknown(origin, section)) };
            if settings.is_empty() && !Settings::SECTIONS.iter().any(|(name, _)| name == section) {
                return Err(unknown(origin, section));
            }
            for (name, value) in settings {
                self.set(section, name, value, origin.clone())?;
            }
        }
        Ok(())
    }

    fn apply_environment(&mut self, environment: &[(String, String)]) -> Result<(), SettingsError> {
        for key in Settings::keys() {
            let variable = format!("PERENNIAL_{}_{}", key.section, key.name).to_uppercase();
            if let Some((_, text)) = environment.iter().find(|(name, _)| *name == variable) {
                self.set(key.section, key.name, &bare_value(text), Origin::Environment(variable))?;
            }
        }
        // A mistyped setting would silently be none. Variables of one word (PERENNIAL_DATA) and keys of vaults are no settings.
        let known = |name: &str| Settings::keys().iter().any(|key| name == format!("{}_{}", key.section, key.name));
        for (variable, text) in environment {
            let Some(name) = variable.strip_prefix("PERENNIAL_").map(str::to_lowercase) else { continue };
            let section = Settings::SECTIONS.iter().find(|(section, _)| name.starts_with(&format!("{section}_")));
            let is_key = self.settings.vault.key.ends_with(&format!(":{variable}"))
                || text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let of_section = section.map(|(section, _)| format!("{section}.{}", &name[section.len() + 1..]));
            let setting = of_section.or_else(|| name.split_once('_').map(|(section, name)| format!("{section}.{name}")));
            if let Some(setting) = setting.filter(|_| !known(&name) && !is_key) {
                return Err(unknown(Origin::Environment(variable.clone()), &setting));
            }
        }
        Ok(())
    }

    fn apply_flag(&mut self, flag: &str) -> Result<(), SettingsError> {
        let parts = flag.split_once('=').and_then(|(setting, text)| Some((setting.split_once('.')?, text)));
        let Some(((section, name), text)) = parts else {
            let problem = "is not of the form section.name=value".to_owned();
            return Err(SettingsError::Value { origin: Origin::Flag, setting: flag.to_owned(), problem });
        };
        self.set(section.trim(), name.trim(), &bare_value(text.trim()), Origin::Flag)
    }

    fn set(&mut self, section: &str, name: &str, value: &toml::Value, origin: Origin) -> Result<(), SettingsError> {
        let setting = format!("{section}.{name}");
        match self.settings.set(section, name, value) {
            Ok(true) => {
                self.origins.insert(setting, origin);
                Ok(())
            }
            Ok(false) => Err(unknown(origin, &setting)),
            Err(problem) => Err(SettingsError::Value { origin, setting, problem }),
        }
    }

    /// What one type cannot say: which words are allowed.
    fn check(&self) -> Result<(), SettingsError> {
        let s = &self.settings;
        let words = [
            ("shop.language", &s.shop.language, &["en", "zh"][..]),
            ("cleaning.duplicate_lines", &s.cleaning.duplicate_lines, &["keep", "drop"]),
            ("cleaning.fill", &s.cleaning.fill, &["native", "zero"]),
            ("learn.churn_definition", &s.learn.churn_definition, &["window", "personal", "survival"]),
        ];
        for (setting, value, allowed) in words {
            if !allowed.contains(&value.as_str()) {
                return Err(self.bad(setting, format!("is {value:?}, allowed are {}", allowed.join(", "))));
            }
        }
        let least = [
            ("learn.churn_gaps", s.learn.churn_gaps, 1),
            ("learn.cuts_max", s.learn.cuts_max, 1),
            ("learn.train_rows_max", s.learn.train_rows_max, 100),
            ("learn.test_rows_max", s.learn.test_rows_max, 100),
            ("gate.bootstrap_replicates", s.gate.bootstrap_replicates, 20),
            ("run.sql_memory_mb", s.run.sql_memory_mb, 16),
            ("import.ids_mb_max", s.import.ids_mb_max, 1),
        ];
        for (setting, value, least) in least {
            if value < least {
                return Err(self.bad(setting, format!("is {value}, allowed are whole numbers from {least}")));
            }
        }
        self.check_bounds()?;
        if s.run.threads > THREADS_MAX {
            return Err(self.bad("run.threads", format!("is {}, allowed are 0 (all) to {THREADS_MAX}", s.run.threads)));
        }
        for (setting, task, names) in [
            ("learn.churn", Task::Churn, &s.learn.churn),
            ("learn.churn_survival", Task::Churn, &s.learn.churn_survival),
            ("learn.value", Task::Value, &s.learn.value),
            ("learn.segment", Task::Segment, &s.learn.segment),
        ] {
            let of_task = || MODELS.iter().filter(|entry| entry.task == task).map(|entry| entry.name);
            if let Some(name) = names.iter().find(|name| !of_task().any(|known| known == name.as_str())) {
                let allowed = of_task().collect::<Vec<_>>().join(", ");
                return Err(self.bad(setting, format!("names {name:?}, which is no model of the catalogue; there are {allowed}")));
            }
            if let Some(twice) = names.iter().enumerate().find_map(|(at, name)| names[..at].contains(name).then_some(name)) {
                return Err(self.bad(setting, format!("names {twice:?} twice")));
            }
        }
        if jiff::tz::TimeZone::get(&s.shop.zone).is_err() {
            let problem = format!("is {:?}, expected an IANA zone such as \"Europe/London\" or \"UTC\"", s.shop.zone);
            return Err(self.bad("shop.zone", problem));
        }
        let currency = &s.shop.currency;
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(self.bad("shop.currency", format!("is {currency:?}, expected three capital letters such as \"EUR\"")));
        }
        Ok(())
    }

    /// What no machine or calendar could follow is a typing error.
    fn check_bounds(&self) -> Result<(), SettingsError> {
        let s = &self.settings;
        let most = [
            ("import.file_gb_max", s.import.file_gb_max, 1 << 20),
            ("import.cell_kb_max", s.import.cell_kb_max, 15 << 10),
            ("import.ids_mb_max", s.import.ids_mb_max, 1 << 20),
            ("run.sql_memory_mb", s.run.sql_memory_mb, 16 << 20),
            ("quality.silent_days_max", s.quality.silent_days_max, 36_500),
            ("learn.horizon_days", s.learn.horizon_days, 3_650),
            ("learn.look_back_days", s.learn.look_back_days, 100_000),
            ("learn.churn_gaps", s.learn.churn_gaps, 1_000),
            ("learn.cuts_max", s.learn.cuts_max, 1_000),
            ("learn.train_rows_max", s.learn.train_rows_max, 100_000_000),
            ("learn.test_rows_max", s.learn.test_rows_max, 100_000_000),
            ("gate.bootstrap_replicates", s.gate.bootstrap_replicates, 10_000),
        ];
        match most.iter().find(|(_, value, most)| value > most) {
            Some((setting, value, most)) => Err(self.bad(setting, format!("is {value}, allowed are whole numbers up to {most}"))),
            None => Ok(()),
        }
    }

    fn bad(&self, setting: &str, problem: String) -> SettingsError {
        SettingsError::Value { origin: self.origin(setting), setting: setting.to_owned(), problem }
    }

    #[must_use]
    pub fn origin(&self, setting: &str) -> Origin {
        self.origins.get(setting).cloned().unwrap_or(Origin::Default)
    }
}

/// A value from a flag or the environment: TOML where it parses as TOML, else the text itself.
fn bare_value(text: &str) -> toml::Value {
    let parsed = format!("value = {text}").parse::<toml::Table>();
    parsed.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn unknown(origin: Origin, setting: &str) -> SettingsError {
    let names = Settings::keys().into_iter().map(|key| format!("{}.{}", key.section, key.name));
    let near = names.map(|name| (distance(&name, setting), name)).min();
    let hint = match near {
        Some((edits, name)) if edits <= 4 => format!("; did you mean {name}?"),
        _ => "; `perennial config explain` lists every setting".to_owned(),
    };
    SettingsError::Unknown { origin, setting: setting.to_owned(), hint }
}

/// More threads than any machine has cores are a typing error.
const THREADS_MAX: u32 = 1_024;

/// Edit distance (Levenshtein), to guess what was meant.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str) -> Result<Loaded, SettingsError> {
        let mut loaded = Loaded { settings: Settings::default(), origins: BTreeMap::new() };
        loaded.apply_file(text, Path::new("perennial.toml"))?;
        loaded.check()?;
        Ok(loaded)
    }

    #[test]
    fn the_generated_file_says_the_defaults() {
        let loaded = from_text(&super::super::settings_file(&Settings::default())).unwrap();
        assert_eq!(loaded.settings, Settings::default());
        assert_eq!(loaded.origins.len(), Settings::keys().len());
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let cases = [
            ("[learn]\nhorizn_days = 30", "perennial.toml: no setting \"learn.horizn_days\"; did you mean learn.horizon_days?"),
            (
                "[learn]\nhorizon_days = -1",
                "perennial.toml: setting learn.horizon_days is -1, expected a whole number, zero or more",
            ),
            (
                "[gate]\nbootstrap_replicates = 0",
                "perennial.toml: setting gate.bootstrap_replicates is 0, allowed are whole numbers from 20",
            ),
            (
                "[learn]\nhorizon_days = 999999999",
                "perennial.toml: setting learn.horizon_days is 999999999, allowed are whole numbers up to 3650",
            ),
            ("[gate]\nece_max = 3", "perennial.toml: setting gate.ece_max is 3, expected a share from 0 to 1"),
            (
                "[shop]\nzone = \"Moon/Base\"",
                "perennial.toml: setting shop.zone is \"Moon/Base\", expected an IANA zone such as \"Europe/London\" or \"UTC\"",
            ),
            (
                "[learn]\nsegment = [\"rfm\", \"kmeens\"]",
                "perennial.toml: setting learn.segment names \"kmeens\", which is no model of the catalogue; there are rfm, kmeans",
            ),
            ("[learn]\nsegment = [\"rfm\", \"rfm\"]", "perennial.toml: setting learn.segment names \"rfm\" twice"),
            ("[shop]\nlanguage = \"fr\"", "perennial.toml: setting shop.language is \"fr\", allowed are en, zh"),
            (
                "[quality]\nrejects = \"loud\"",
                "perennial.toml: setting quality.rejects is \"loud\", expected \"error\", \"warning\" or \"off\"",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(from_text(text).map(|_| ()).map_err(|e| e.to_string()), Err(message.to_owned()));
        }
        assert!(from_text("[plugins]").is_err());
        assert!(from_text("name = \"x\"").is_err());
        assert!(from_text("[shop").is_err());
    }

    #[test]
    fn later_origins_win() {
        let environment = [("PERENNIAL_LEARN_HORIZON_DAYS".to_owned(), "30".to_owned())];
        let file = Path::new("no such file");
        let loaded = load(file, &environment, &[]).unwrap();
        assert_eq!(loaded.settings.learn.horizon_days, 30);
        assert_eq!(loaded.origin("learn.horizon_days").to_string(), "environment variable PERENNIAL_LEARN_HORIZON_DAYS");
        let loaded = load(file, &environment, &["learn.horizon_days=60".to_owned(), "shop.name=Tea & more".to_owned()]).unwrap();
        assert_eq!((loaded.settings.learn.horizon_days, loaded.settings.shop.name.as_str()), (60, "Tea & more"));
        assert_eq!(loaded.origin("learn.horizon_days"), Origin::Flag);
        let mistyped = load(file, &[("PERENNIAL_LEARN_HORIZON".to_owned(), "30".to_owned())], &[]).unwrap_err();
        let message = "environment variable PERENNIAL_LEARN_HORIZON: no setting \"learn.horizon\"";
        assert!(mistyped.to_string().starts_with(message), "{mistyped}");
        let nowhere = load(file, &[("PERENNIAL_NOSUCH_KEY".to_owned(), "30".to_owned())], &[]).unwrap_err();
        assert!(nowhere.to_string().contains("no setting \"nosuch.key\""), "{nowhere}");
        let key = [("PERENNIAL_OTHER_KEY".to_owned(), "0f".repeat(32))];
        assert!(load(file, &key, &[]).is_ok());
        let other = [("PERENNIAL_DATA".to_owned(), "x".to_owned()), ("HOME".to_owned(), "y".to_owned())];
        assert!(load(file, &other, &[]).is_ok());
    }
}
