//! What sets a group apart: its largest standardised deviations from everybody, in words.
//!
//! Assumes  skewed amounts are compared on the log scale.
//! Input    a feature table and each row's segment.
//! Output   one profile per segment: size, deviations, a name and a sentence in English and Chinese.
//! Cost     O(rows × traits).
//! Ref      Cohen (1988), Statistical Power Analysis, §2.2: a difference in standard deviations; 0.2 small, 0.8 large.

use std::collections::BTreeMap;

use perennial_contract::Table;
use perennial_contract::estimator::LoadError;
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::traits::{TRAITS, Trait};
use crate::learner::encode::{Encoder, Skew};
use crate::words::Words;

/// Deviations smaller than this are not worth a word.
const DEVIATION_MIN: f64 = 0.2;
const WORDS_MAX: usize = 3;

/// How a segment differs in one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    pub feature: String,
    /// Mean of the segment less the mean of all, in standard deviations of all, on the log scale.
    pub deviation: f64,
    pub words: Words,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The stable key in the `segment` column.
    pub key: String,
    pub name: Words,
    pub rows: usize,
    pub share: f64,
    pub sentence: Words,
    /// Largest first.
    pub deviations: Vec<Deviation>,
}

/// A profile for every segment that has rows, largest first; `name` gives a segment's fixed name, if it has one.
pub fn profiles(rows: &Table, segments: &[String], name: impl Fn(&str) -> Option<Words>) -> Result<Vec<Profile>, TableError> {
    let traits: Vec<&Trait> = TRAITS.iter().filter(|t| rows.has(t.column) && rows.f64s(t.column).is_ok()).collect();
    let names: Vec<String> = traits.iter().map(|t| t.column.to_owned()).collect();
    let encoder = Encoder::fit(rows, &names, Skew::Log)?;
    let points = encoder.encode(rows)?;
    let sources = encoder.sources();
    let mut groups: BTreeMap<&str, (usize, Vec<f64>)> = BTreeMap::new();
    for (row, segment) in segments.iter().enumerate() {
        let (count, sums) = groups.entry(segment).or_insert_with(|| (0, vec![0.0; points.width]));
        *count += 1;
        for (sum, x) in sums.iter_mut().zip(points.row(row)) {
            *sum += x;
        }
    }
    // A column's number comes before its missing flag; only the number describes.
    let first_output = |column: usize| sources.iter().position(|&source| source == column);
    let mut out: Vec<Profile> = groups
        .into_iter()
        .map(|(key, (count, sums))| {
            let mut deviations: Vec<Deviation> = encoder
                .columns
                .iter()
                .enumerate()
                .filter_map(|(column, encoded)| {
                    let deviation = sums[first_output(column)?] / count as f64;
                    let about = traits.iter().find(|t| t.column == encoded.name)?;
                    let (en, zh) = if deviation > 0.0 { about.more } else { about.less };
                    Some(Deviation { feature: encoded.name.clone(), deviation, words: Words::of(en, zh) })
                })
                .collect();
            deviations.sort_by(|a, b| b.deviation.abs().total_cmp(&a.deviation.abs()).then(a.feature.cmp(&b.feature)));
            profile(key, count, segments.len(), deviations, name(key))
        })
        .collect();
    out.sort_by(|a, b| b.rows.cmp(&a.rows).then(a.key.cmp(&b.key)));
    Ok(out)
}

fn profile(key: &str, rows: usize, all: usize, deviations: Vec<Deviation>, name: Option<Words>) -> Profile {
    let share = rows as f64 / all as f64;
    let told: Vec<&Deviation> = deviations.iter().filter(|d| d.deviation.abs() >= DEVIATION_MIN).take(WORDS_MAX).collect();
    let join =
        |pick: fn(&Words) -> &str, separator: &str| told.iter().map(|d| pick(&d.words)).collect::<Vec<_>>().join(separator);
    let what = if told.is_empty() {
        Words::of("much like everybody", "与整体相近")
    } else {
        Words::of(join(|w| &w.en, ", "), join(|w| &w.zh, "、"))
    };
    let short = told.iter().take(2);
    let name = name.unwrap_or_else(|| {
        if told.is_empty() {
            return Words::of("the middle", "中间群体");
        }
        let en = short.clone().map(|d| d.words.en.as_str()).collect::<Vec<_>>().join(", ");
        Words::of(en, short.map(|d| d.words.zh.as_str()).collect::<Vec<_>>().join("、"))
    });
    let sentence = Words::of(
        format!("{rows} customers ({:.1}%): {}", 100.0 * share, what.en),
        format!("{rows} 位客户（{:.1}%）：{}", 100.0 * share, what.zh),
    );
    Profile { key: key.to_owned(), name, rows, share, sentence, deviations }
}

/// The profiles a segment model's file carries.
pub fn profiles_of(model: &Value) -> Result<Vec<Profile>, LoadError> {
    let profiles = model.get("profiles").ok_or_else(|| LoadError("it has no \"profiles\"; is it a segment model?".to_owned()))?;
    Vec::deserialize(profiles).map_err(|error| LoadError(error.to_string()))
}
