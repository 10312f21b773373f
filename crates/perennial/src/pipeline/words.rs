//! Plain words for features, from the headers of their SQL files.

use std::collections::BTreeMap;

use anyhow::Result;
use perennial_lake::features::GROUPS;

use crate::report::{FeatureWords, Unit};

/// What every built-in feature means, in both languages, by name.
pub fn feature_words() -> Result<BTreeMap<String, FeatureWords>> {
    let mut words = BTreeMap::new();
    for group in GROUPS {
        for feature in group.features()? {
            let unit = match feature.unit {
                "days" => Unit::Days,
                "cents" => Unit::Cents,
                "share" | "rate" => Unit::Share,
                "count" => Unit::Count,
                _ => Unit::Plain,
            };
            words.insert(
                feature.name.to_owned(),
                FeatureWords { en: feature.meaning.to_owned(), zh: feature.label_zh.to_owned(), unit },
            );
        }
    }
    Ok(words)
}
