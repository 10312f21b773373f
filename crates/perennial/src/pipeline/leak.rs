//! Is there a feature that all but equals the label? Such a thing is nearly always a mistake in the data or the SQL.

use std::collections::BTreeMap;

use anyhow::Result;
use arrow::datatypes::DataType;
use perennial_contract::Table;
use perennial_contract::estimator::{Model, column};
use perennial_lake::features;
use perennial_learn::learner::windows;
use perennial_learn::metric::classify;
use perennial_learn::metric::rank::Ranking;
use perennial_learn::words::Words;
use serde_json::{Value, json};

/// A feature that alone ranks the churn label nearly without a mistake.
pub struct Leak {
    feature: String,
    /// Of the feature or of its negative, whichever ranks.
    auroc: f64,
    /// From a file of the shop. A built-in feature knows nothing of the future, so it may rank so well by right, as where subscriptions end.
    is_own: bool,
}

impl Leak {
    pub fn words(&self) -> Words {
        let Self { feature, auroc, .. } = self;
        Words::of(
            format!(
                "feature {feature} alone ranks the label with AUROC {auroc:.4}: it all but equals the label; find out how it could know the future, or leave it out"
            ),
            format!("单凭特征 {feature} 排序标签，AUROC 即达 {auroc:.4}：它几乎等于标签；请查明它为何预知未来，或将其移除"),
        )
    }

    /// As the registry keeps it.
    pub fn facts(&self) -> Value {
        json!({ "feature": self.feature, "auroc": self.auroc, "own": self.is_own, "text": self.words().en, "text_zh": self.words().zh })
    }

    /// Why a model that reads the feature may not answer.
    pub fn refusal(&self, model: &dyn Model) -> Option<Words> {
        let Self { feature, auroc, is_own } = self;
        (*is_own && model.needs().contains(feature)).then(|| {
            Words::of(
                format!("learns from the shop's own feature {feature}, which all but equals the label (AUROC {auroc:.4} alone, allowed is gate.leak_auroc_max); find out how it could know the future, or take its file out of features/"),
                format!("使用了店铺自定义特征 {feature}，它几乎等于标签（单独 AUROC {auroc:.4}，上限为 gate.leak_auroc_max）；请查明它为何预知未来，或从 features/ 中移除"),
            )
        })
    }
}

/// A missing value stands below every number: whether it is missing may itself be the leak.
fn numbers(labelled: &Table, name: &str) -> Result<Vec<f64>> {
    let values = labelled.f64s(name)?;
    Ok(values.into_iter().map(|value| if value.is_nan() { f64::NEG_INFINITY } else { value }).collect())
}

/// A text tells what it tells about other customers: the share of leavers with the same text, a missing one among them, in the half of
/// the customers that this one is not in. A text that nobody else has tells nothing.
fn shares(labelled: &Table, name: &str, labels: &[bool]) -> Result<Vec<f64>> {
    let texts = labelled.texts(name)?;
    let halves: Vec<u64> = windows::customer_hash(labelled)?.into_iter().map(|hash| hash % 2).collect();
    let mut seen: BTreeMap<(u64, Option<&str>), (f64, f64)> = BTreeMap::new();
    for (row, text) in texts.iter().enumerate() {
        let (left, all) = seen.entry((halves[row], text)).or_default();
        *left += f64::from(u8::from(labels[row]));
        *all += 1.0;
    }
    let base = labels.iter().filter(|&&left| left).count() as f64 / labels.len().max(1) as f64;
    let share = |(row, text)| seen.get(&(1 - halves[row], text)).map_or(base, |(left, all)| left / all);
    Ok(texts.iter().enumerate().map(share).collect())
}

/// Features whose value alone ranks the churn label with an AUROC above `auroc_max` (or below its mirror).
pub fn find(labelled: &Table, auroc_max: f64) -> Result<Vec<Leak>> {
    let labels: Vec<bool> = labelled.f64s(column::LABEL_CHURN)?.iter().map(|&label| label > 0.5).collect();
    let mut found = Vec::new();
    let schema = labelled.batch().schema();
    for field in schema.fields() {
        if column::is_reserved(field.name()) {
            continue;
        }
        let values = match field.data_type() {
            kind if kind.is_numeric() || *kind == DataType::Boolean => numbers(labelled, field.name())?,
            DataType::Utf8 => shares(labelled, field.name(), &labels)?,
            _ => continue,
        };
        let Some(auroc) = classify::auroc(&Ranking::descending(&values), &labels, None) else { continue };
        let strength = auroc.max(1.0 - auroc);
        if strength > auroc_max {
            let is_own = !features::is_built_in(field.name())? && field.name() != column::CHURN_WINDOW_DAYS;
            found.push(Leak { feature: field.name().clone(), auroc: strength, is_own });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_text_that_equals_the_label_is_found_and_an_id_is_not() {
        let rows = 400;
        let text = |of: &dyn Fn(usize) -> Option<String>| -> ArrayRef { Arc::new((0..rows).map(of).collect::<StringArray>()) };
        let table = Table::from_columns(vec![
            (column::CUSTOMER_ID, text(&|row| Some(format!("c{row}")))),
            (column::LABEL_CHURN, Arc::new((0..rows as i64).map(|row| Some(row % 3 / 2)).collect::<Int64Array>())),
            ("region", text(&|row| Some(if row % 3 == 2 { "gone" } else { "stay" }.to_owned()))),
            ("note", text(&|row| (row % 3 == 2).then(|| "left".to_owned()))),
            // As many texts as customers rank everybody rightly where they are learned, and say nothing about anybody else.
            ("name", text(&|row| Some(format!("n{row}")))),
            ("country", text(&|row| Some(["DE", "FR"][row % 2].to_owned()))),
        ])
        .expect("columns of one length");
        let found = find(&table, 0.98).expect("an answer");
        let names: Vec<&str> = found.iter().map(|leak| leak.feature.as_str()).collect();
        assert_eq!(names, ["region", "note"]);
    }
}
