//! Rules that the data keep already and that would tell when the next file breaks them.

use perennial_contract::Entity;
use perennial_contract::entity::Kind;

use super::Tables;

/// Rows below which a habit is no rule.
const ROWS_MIN: u64 = 100;
/// A column with so few values is a list of allowed ones.
const VALUES_MAX: u64 = 1;

/// Far beyond what is usual: so many times the value that 99 of 100 rows stay below.
const USUAL_TIMES: f64 = 10.0;

/// In the form `quality.own` takes; those it has by name already are left out.
#[must_use]
pub fn rules(tables: &Tables, own: &[String]) -> Vec<String> {
    let name = |rule: &str| rule.split(':').next().unwrap_or_default().trim().to_owned();
    let known: Vec<String> = own.iter().map(|rule| name(rule)).collect();
    let mut found = Vec::new();
    for (&entity, profile) in tables {
        if profile.rows < ROWS_MIN {
            continue;
        }
        for column in &profile.columns {
            let Some(declared) = entity.column(&column.name) else { continue };
            let rule = |name: &str, condition: String| {
                format!("{entity}_{}_{name}: warning: SELECT count(*) FROM {entity} WHERE {condition}", column.name)
            };
            if declared.nullable && column.nulls == 0 && !column.name.ends_with("_on") {
                found.push(rule("present", format!("{} IS NULL", column.name)));
            }
            let is_word =
                declared.kind == Kind::Text && matches!(column.name.as_str(), "currency" | "status" | "channel" | "kind");
            if let (true, VALUES_MAX, Some(value)) = (is_word, column.distinct, &column.min) {
                found.push(rule("known", format!("{} <> '{}'", column.name, value.replace('\'', "''"))));
            }
            let is_amount = entity == Entity::OrderItems && (declared.kind == Kind::Cents || column.name == "quantity");
            let max = column.max.as_ref().and_then(|max| max.parse::<f64>().ok());
            if let (true, Some(q), Some(max)) = (is_amount && column.outliers == 0, column.quantiles, max) {
                let limit = (USUAL_TIMES * q[4]).ceil();
                // Where half of the values are one value, nothing was looked at for outliers.
                if q[3] > q[1] && max <= limit {
                    found.push(rule("usual", format!("{} > {limit}", column.name)));
                }
            }
        }
    }
    found.retain(|rule| !known.contains(&name(rule)));
    found
}
