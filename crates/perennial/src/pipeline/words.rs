//! Plain words for features, from the headers of their SQL files.

use std::collections::BTreeMap;

use anyhow::Result;
use perennial_lake::features::GROUPS;
use perennial_learn::learner::lifetime_features::{ORDERS_EXPECTED, P_ORDER, SPEND_EXPECTED};

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
    // What the models make themselves of a customer's history (docs/models/boosting.md).
    for (name, en, zh, unit) in [
        (P_ORDER, "chance of an order in the horizon by BG/NBD", "BG/NBD 预测期内下单概率", Unit::Share),
        (ORDERS_EXPECTED, "orders expected in the horizon by BG/NBD", "BG/NBD 预测期内预期订单数", Unit::Count),
        (
            SPEND_EXPECTED,
            "spend expected in the horizon by BG/NBD and Gamma-Gamma",
            "BG/NBD 与 Gamma-Gamma 预测期内预期消费",
            Unit::Cents,
        ),
    ] {
        words.insert(name.to_owned(), FeatureWords { en: en.to_owned(), zh: zh.to_owned(), unit });
    }
    Ok(words)
}
