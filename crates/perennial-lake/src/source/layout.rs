//! Which column of a file is which of a canonical table: by the canonical names, or by a mapping.

use perennial_contract::Entity;

use super::identity::kind_named;
use super::mapping::{MoneyUnit, Style, TableMapping};
use super::plan::{From, Known, Plan};
use super::problem::Problem;
use super::sniff::Sniffed;

/// Columns of stored rows that an export of the lake carries along; they are made anew.
const IGNORED: [&str; 3] = ["ingested_at", "batch_id", "source"];

fn empty_plan(entity: Entity, style: Style) -> Plan {
    Plan {
        entity,
        from: vec![From::Nothing; entity.columns().len()],
        identities: Vec::new(),
        pseudonym: None,
        style,
        known: Known::of(entity),
    }
}

/// A file in the canonical names, called after its table.
pub fn canonical_plan(file: &Sniffed, header: &[String]) -> Result<Plan, Problem> {
    let entity = Entity::from_name(&file.stem).filter(|entity| *entity != Entity::Rejects).ok_or_else(|| {
        Problem::refused("is not named after a canonical table", "name it orders.csv, order_items.csv, customers.csv and so on")
    })?;
    let mut plan = empty_plan(entity, Style { money: MoneyUnit::Minor, ..Style::default() });
    for (cell, name) in header.iter().enumerate() {
        if let Some(column) = entity.columns().iter().position(|c| c.name == name) {
            if plan.has(column) {
                return Err(Problem::refused(format!("has the column {name:?} twice"), "leave one of them out"));
            }
            plan.from[column] = From::Cell(cell);
        } else if let Some(kind) = kind_named(name).filter(|_| entity.has_customer()) {
            plan.identities.push((kind, cell));
        } else if !IGNORED.contains(&name.as_str()) && name != super::json_lines::BROKEN {
            let known: Vec<_> = entity.columns().iter().map(|c| c.name).collect();
            return Err(Problem::refused(
                format!("has a column {name:?} that {entity} does not know"),
                format!("its columns are {}; use a mapping to leave columns out", known.join(", ")),
            ));
        }
    }
    Ok(plan)
}

/// A table of a mapping over a file's header.
pub fn mapped_plan(table: &TableMapping, header: &[String], style: Style) -> Result<Plan, Problem> {
    let entity = table.entity()?;
    let mut plan = empty_plan(entity, style);
    for (canonical, column) in &table.columns {
        let cell = super::sniff::require(header, &[column])?;
        match entity.columns().iter().position(|c| c.name == canonical) {
            Some(index) => plan.from[index] = From::Cell(cell),
            None => plan.identities.extend(kind_named(canonical).map(|kind| (kind, cell))),
        }
    }
    for (canonical, text) in &table.constants {
        if let Some(index) = entity.columns().iter().position(|c| c.name == canonical) {
            plan.from[index] = From::Constant(text.clone());
        }
    }
    plan.pseudonym = table.pseudonym.as_ref().map(|column| super::sniff::require(header, &[column])).transpose()?;
    Ok(plan)
}
