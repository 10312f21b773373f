//! Is there a feature that all but equals the label? Such a thing is nearly always a mistake in the data or the SQL.

use anyhow::Result;
use arrow::datatypes::DataType;
use perennial_contract::Table;
use perennial_contract::estimator::{Model, column};
use perennial_lake::features;
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

/// Features whose value alone ranks the churn label with an AUROC above `auroc_max` (or below its mirror).
pub fn find(labelled: &Table, auroc_max: f64) -> Result<Vec<Leak>> {
    let labels: Vec<bool> = labelled.f64s(column::LABEL_CHURN)?.iter().map(|&label| label > 0.5).collect();
    let mut found = Vec::new();
    let schema = labelled.batch().schema();
    for field in schema.fields() {
        let is_number = field.data_type().is_numeric() || *field.data_type() == DataType::Boolean;
        if column::is_reserved(field.name()) || !is_number {
            continue;
        }
        // A missing value stands below every number: whether it is missing may itself be the leak.
        let values: Vec<f64> = labelled
            .f64s(field.name())?
            .into_iter()
            .map(|value| if value.is_nan() { f64::NEG_INFINITY } else { value })
            .collect();
        let Some(auroc) = classify::auroc(&Ranking::descending(&values), &labels, None) else { continue };
        let strength = auroc.max(1.0 - auroc);
        if strength > auroc_max {
            let is_own = !features::is_built_in(field.name())? && field.name() != column::CHURN_WINDOW_DAYS;
            found.push(Leak { feature: field.name().clone(), auroc: strength, is_own });
        }
    }
    Ok(found)
}
