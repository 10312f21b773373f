//! A mapping file: which of a shop's columns is which column of the canonical tables.

use std::collections::BTreeMap;
use std::path::Path;

use perennial_contract::Entity;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::cell::DecimalMark;
use super::moment::DateFormat;
use super::problem::Problem;
use super::sniff::Given;

/// Whether amounts are written in units of the currency or in its minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MoneyUnit {
    #[default]
    Major,
    Minor,
}

/// A mapping file as it is written (TOML).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// One ASCII character; found out if left out.
    pub delimiter: Option<char>,
    /// A WHATWG label such as `gb18030`; found out if left out.
    pub encoding: Option<String>,
    /// `.` or `,` before the decimals.
    #[serde(default)]
    pub decimal: DecimalMark,
    #[serde(default)]
    pub money: MoneyUnit,
    /// `iso`, `month-first`, `day-first`, `epoch-seconds`, `epoch-milliseconds`, `epoch-microseconds` or a strptime pattern.
    pub dates: Option<String>,
    /// One for each canonical table that is filled.
    #[serde(default, rename = "table")]
    pub tables: Vec<TableMapping>,
    /// SHA-256 of the text it was read from.
    #[serde(skip)]
    digest: String,
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMapping {
    /// Name of the canonical table.
    pub table: String,
    /// Which files it is read from: their name, with `*` for any text; every file with the columns if left out.
    pub file: Option<String>,
    /// Canonical column (or `email`, `name`, `phone`, `address`, `birth_date`) to the file's column.
    pub columns: BTreeMap<String, String>,
    /// Canonical column to a text that holds for every row.
    #[serde(default)]
    pub constants: BTreeMap<String, String>,
    /// The file's column (an e-mail, a phone number) whose keyed pseudonym becomes `customer_id`.
    pub pseudonym: Option<String>,
    pub decimal: Option<DecimalMark>,
    pub money: Option<MoneyUnit>,
    pub dates: Option<String>,
}

/// How the cells of one table are written.
#[derive(Clone, Debug, Default)]
pub struct Style {
    pub dates: DateFormat,
    pub mark: DecimalMark,
    pub money: MoneyUnit,
}

impl Mapping {
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut mapping: Self = toml::from_str(text).map_err(|error| {
            Problem::refused(
                format!("is not a mapping: {}", error.message()),
                "see the import guide for the keys of a mapping file",
            )
        })?;
        mapping.check()?;
        mapping.digest = hex(&Sha256::digest(text.as_bytes()));
        Ok(mapping)
    }

    pub fn read(path: &Path) -> Result<Self, perennial_contract::source::SourceError> {
        let text = std::fs::read_to_string(path).map_err(|error| Problem::Read(error.to_string()).of(path))?;
        Self::parse(&text).map_err(|problem| problem.of_mapping().of(path))
    }

    /// What stands for a file's content when it is read with this mapping: another mapping makes other rows of the same file.
    #[must_use]
    pub fn content_of(&self, file_sha256: &str) -> String {
        hex(&Sha256::digest(format!("{file_sha256}\n{}", self.digest).as_bytes()))
    }

    fn check(&self) -> Result<(), Problem> {
        self.given()?;
        for (at, table) in self.tables.iter().enumerate() {
            let again = self.tables[..at].iter().find(|before| {
                before.table == table.table && (before.file == table.file || before.file.is_none() || table.file.is_none())
            });
            if again.is_some() {
                return Err(Problem::refused(
                    format!("fills table {:?} twice from one file, which would count its rows twice", table.table),
                    "map a table once for each file, with a pattern for `file` that tells the files apart",
                ));
            }
            let entity = table.entity()?;
            self.style(table)?;
            for column in table.columns.keys().chain(table.constants.keys()) {
                let is_identity = super::identity::kind_named(column).is_some() && entity.has_customer();
                if !entity.columns().iter().any(|c| c.name == column) && !is_identity {
                    let known: Vec<_> = entity.columns().iter().map(|c| c.name).collect();
                    return Err(Problem::refused(
                        format!("table {entity} has no column {column:?}"),
                        format!("its columns are {}", known.join(", ")),
                    ));
                }
            }
        }
        Ok(())
    }

    pub fn given(&self) -> Result<Given, Problem> {
        let delimiter = match self.delimiter {
            None => None,
            Some(c) if c.is_ascii() && !matches!(c, '"' | '\n' | '\r') => Some(c as u8),
            Some(c) => {
                return Err(Problem::refused(
                    format!("delimiter {c:?} cannot be used"),
                    "use one ASCII character such as , ; | or \\t",
                ));
            }
        };
        Ok(Given { delimiter, encoding: self.encoding.clone() })
    }

    pub fn style(&self, table: &TableMapping) -> Result<Style, Problem> {
        let dates = table.dates.as_ref().or(self.dates.as_ref());
        Ok(Style {
            dates: dates.map_or(Ok(DateFormat::Iso), |name| DateFormat::named(name))?,
            mark: table.decimal.unwrap_or(self.decimal),
            money: table.money.unwrap_or(self.money),
        })
    }
}

impl TableMapping {
    pub fn entity(&self) -> Result<Entity, Problem> {
        Entity::from_name(&self.table).filter(|entity| *entity != Entity::Rejects).ok_or_else(|| {
            let known: Vec<_> = Entity::ALL.iter().filter(|e| **e != Entity::Rejects).map(|e| e.name()).collect();
            Problem::refused(format!("no canonical table is called {:?}", self.table), format!("use one of {}", known.join(", ")))
        })
    }

    /// Whether this table is read from a file of that name.
    #[must_use]
    pub fn takes(&self, file: &str) -> bool {
        self.file.as_deref().is_none_or(|pattern| matches(pattern, file))
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|&at| rest.is_char_boundary(at)).any(|at| matches(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_checked_when_it_is_read() {
        let good = r#"
            delimiter = ";"
            decimal = ","
            dates = "day-first"
            [[table]]
            table = "order_items"
            file = "lines*.csv"
            columns = { order_id = "Beleg", product_id = "Artikel", quantity = "Menge", unit_price_cents = "Preis" }
            constants = { currency = "EUR" }
        "#;
        let mapping = Mapping::parse(good).expect("good");
        assert!(mapping.tables[0].takes("lines-2024.csv") && !mapping.tables[0].takes("orders.csv"));
        for (bad, part) in [
            (good.replace("order_items", "lines"), "no canonical table"),
            (good.replace("product_id", "sku"), "has no column"),
            (good.replace("day-first", "dmy"), "unknown date format"),
            (good.replace("decimal", "decimals"), "unknown field"),
            (good.replace("\";\"", "\"€\""), "cannot be used"),
        ] {
            let error = Mapping::parse(&bad).expect_err(part);
            assert!(format!("{error:?}").contains(part), "{error:?}");
        }
    }
}
