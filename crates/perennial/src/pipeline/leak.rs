//! Is there a feature that all but equals the label? Such a thing is nearly always a mistake in the data or the SQL.

use arrow::datatypes::DataType;
use perennial_contract::Table;
use perennial_contract::estimator::column;
use perennial_contract::table::TableError;
use perennial_learn::metric::classify;
use perennial_learn::metric::rank::Ranking;

/// Features whose value alone ranks the churn label with an AUROC above `auroc_max` (or below its mirror), in words.
pub fn find(labelled: &Table, auroc_max: f64) -> Result<Vec<String>, TableError> {
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
            found.push(format!(
                "feature {} alone ranks the label with AUROC {strength:.4}: it all but equals the label; find out how it could know the future, or leave it out",
                field.name()
            ));
        }
    }
    Ok(found)
}
