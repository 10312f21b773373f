//! Plain words for features, from the headers of their SQL files.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use anyhow::Result;
use perennial_contract::estimator::column;
use perennial_lake::features::GROUPS;
use perennial_learn::learner::lifetime_features::{ORDERS_EXPECTED, P_ORDER, SPEND_EXPECTED};

use super::labels::LABELS;
use crate::report::{FeatureWords, Unit};

fn label(name: &str) -> Option<&'static str> {
    LABELS.iter().find(|known| known.0 == name).map(|known| known.1)
}

/// What every built-in feature means, in both languages, by name.
pub fn feature_words() -> Result<&'static BTreeMap<String, FeatureWords>> {
    static WORDS: OnceLock<BTreeMap<String, FeatureWords>> = OnceLock::new();
    if let Some(words) = WORDS.get() {
        return Ok(words);
    }
    let read = read_words()?;
    Ok(WORDS.get_or_init(|| read))
}

fn read_words() -> Result<BTreeMap<String, FeatureWords>> {
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
                FeatureWords {
                    en: label(feature.name).unwrap_or(feature.meaning).to_owned(),
                    zh: feature.label_zh.to_owned(),
                    unit,
                },
            );
        }
    }
    // What the models make themselves of a customer's history (docs/models/boosting.md).
    for (name, en, zh, unit) in [
        (P_ORDER, "chance of another order, by purchase days alone", "仅凭购买日推算的再次下单概率", Unit::Share),
        (ORDERS_EXPECTED, "orders to expect, by purchase days alone", "仅凭购买日推算的预期订单数", Unit::Count),
        (SPEND_EXPECTED, "spend to expect, by purchase days and amounts alone", "仅凭购买日与金额推算的预期消费", Unit::Cents),
        ("bgnbd_p_order", "chance of another order, by BG/NBD", "按 BG/NBD 推算的再次下单概率", Unit::Share),
        ("pareto_nbd_p_order", "chance of another order, by Pareto/NBD", "按 Pareto/NBD 推算的再次下单概率", Unit::Share),
        (column::CHURN_WINDOW_DAYS, "time the customer has for another order", "客户再次下单的时限", Unit::Days),
    ] {
        words.insert(name.to_owned(), FeatureWords { en: en.to_owned(), zh: zh.to_owned(), unit });
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_named_for_people_and_not_by_their_definitions() {
        let words = feature_words().expect("the built-in groups parse");
        for (name, label) in LABELS {
            assert_eq!(words.get(*name).map(|words| words.en.as_str()), Some(*label), "{name} is no built-in feature");
        }
        for (name, words) in words {
            let is_definition = words.en.contains("as-of day") || words.en.contains('`') || words.en.contains(" less the ");
            assert!(!is_definition, "{name} is shown by its definition: {}", words.en);
        }
    }
}
