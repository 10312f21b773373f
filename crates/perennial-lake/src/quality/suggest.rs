//! Rules that the data keep already and that would tell when the next file breaks them.

use perennial_contract::Entity;
use perennial_contract::entity::Kind;

use super::Tables;

/// Rows below which a habit is no rule.
const ROWS_MIN: u64 = 100;
/// A column with so few values is a list of allowed ones.
const VALUES_MAX: u64 = 1;

/// In the form `quality.own` takes.
#[must_use]
pub fn rules(tables: &Tables) -> Vec<String> {
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
            let is_amount = matches!(declared.kind, Kind::Cents | Kind::Count) && entity == Entity::OrderItems;
            if let (true, Some(q), Some(max)) = (is_amount && column.outliers == 0, column.quantiles, &column.max)
                && q[4] > 0.0
            {
                found.push(rule("usual", format!("{} > 10 * {max}", column.name)));
            }
        }
    }
    found
}
