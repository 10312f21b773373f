//! A feature group: one SQL file whose header comment declares its columns.

use std::borrow::Cow;

use arrow::datatypes::DataType;
use perennial_contract::Entity;

use super::FeatureError;

/// One SQL file: a query over the canonical tables with `$as_of`, one row per customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: Cow<'static, str>,
    pub sql: Cow<'static, str>,
}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        /// The groups every shop has, in the order of their columns.
        pub const GROUPS: &[Group] = &[$(
            Group { name: Cow::Borrowed($name), sql: Cow::Borrowed(include_str!(concat!($name, ".sql"))) }
        ),*];
    };
}

built_in!(
    "orders",
    "baskets",
    "categories",
    "margins",
    "discounts",
    "returns",
    "sessions",
    "reviews",
    "support",
    "surveys",
    "campaigns",
    "delivery",
    "demographics",
);

/// What a feature column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureKind {
    Whole,
    Float,
    Flag,
    Text,
}

impl FeatureKind {
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Whole => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::Text => DataType::Utf8,
        }
    }
}

/// What a customer has who has no row in the group: nothing counted, or nothing known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    Zero,
    Null,
}

/// One declared column of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature<'a> {
    pub name: &'a str,
    pub kind: FeatureKind,
    /// `days`, `cents`, `count`, `share` …
    pub unit: &'a str,
    pub absent: Absent,
    /// What the number means, English.
    pub meaning: &'a str,
    /// A short name for readers of Chinese.
    pub label_zh: &'a str,
}

impl Group {
    /// The declared columns, in the order of the header.
    pub fn features(&self) -> Result<Vec<Feature<'_>>, FeatureError> {
        self.header().filter_map(|line| line.strip_prefix("column:")).map(|line| self.feature(line)).collect()
    }

    /// The first line of the header: what the group is about. The second is the same in Chinese.
    #[must_use]
    pub fn title(&self) -> &str {
        self.header().next().unwrap_or_default()
    }

    #[must_use]
    pub fn title_zh(&self) -> &str {
        self.header().nth(1).unwrap_or_default()
    }

    /// Sentences of the header between the key and the columns.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.header().skip(2).filter(|line| !line.starts_with("key:") && !line.starts_with("column:") && !line.is_empty())
    }

    /// The canonical tables the header names; empty when it names none.
    #[must_use]
    pub fn tables(&self) -> Vec<Entity> {
        let listed = self.header().find_map(|line| line.strip_prefix("key:")?.split_once("tables:"));
        let Some((_, tables)) = listed else { return Vec::new() };
        tables.split(',').filter_map(|name| Entity::from_name(name.trim())).collect()
    }

    /// The query without comments.
    #[must_use]
    pub fn query(&self) -> String {
        let code = self.sql.lines().filter(|line| !line.trim_start().starts_with("--"));
        code.collect::<Vec<_>>().join("\n").trim().trim_end_matches(';').to_owned()
    }

    fn header(&self) -> impl Iterator<Item = &str> {
        let comment = self.sql.lines().map(str::trim).take_while(|line| line.starts_with("--"));
        comment.map(|line| line.trim_start_matches('-').trim())
    }

    fn feature<'a>(&self, line: &'a str) -> Result<Feature<'a>, FeatureError> {
        let wrong = |problem: &str| FeatureError::Own {
            file: format!("{}.sql", self.name),
            problem: format!("the header line \"column:{line}\" {problem}"),
            advice: "write it as `-- column: name | whole, float, flag or text | unit | 0 or null | meaning | 中文`",
        };
        let parts: Vec<_> = line.split('|').map(str::trim).collect();
        let [name, kind, unit, absent, meaning, label_zh] = parts[..] else {
            return Err(wrong("does not have six parts"));
        };
        let kind = match kind {
            "whole" => FeatureKind::Whole,
            "float" => FeatureKind::Float,
            "flag" => FeatureKind::Flag,
            "text" => FeatureKind::Text,
            _ => return Err(wrong("has an unknown kind")),
        };
        let absent = match (absent, kind) {
            ("0", FeatureKind::Whole | FeatureKind::Float) => Absent::Zero,
            ("null", _) => Absent::Null,
            _ => return Err(wrong("says neither 0 (numbers only) nor null for customers without a row")),
        };
        Ok(Feature { name, kind, unit, absent, meaning, label_zh })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use perennial_contract::estimator::column;

    use super::*;

    #[test]
    fn every_header_is_whole_and_no_two_columns_share_a_name() -> Result<(), FeatureError> {
        let mut seen = BTreeSet::new();
        for group in GROUPS {
            assert!(!group.title().is_empty() && !group.title_zh().is_ascii(), "{}", group.name);
            assert!(!group.tables().is_empty(), "{}", group.name);
            assert!(group.query().contains("$as_of"), "{}", group.name);
            for feature in group.features()? {
                assert!(seen.insert(feature.name.to_owned()), "{} stands twice", feature.name);
                assert!(!column::is_reserved(feature.name), "{}", feature.name);
                assert!(
                    !feature.unit.is_empty() && !feature.meaning.is_empty() && !feature.label_zh.is_ascii(),
                    "{}",
                    feature.name
                );
            }
        }
        for name in [column::X, column::T_X, column::T, column::DAYS_SINCE_LAST_ORDER, column::ORDERS, column::SPEND_CENTS] {
            assert!(seen.contains(name), "{name}");
        }
        assert!(seen.contains(column::REPEAT_SPEND_CENTS_MEAN));
        Ok(())
    }

    #[test]
    fn a_wrong_header_line_names_the_file_and_the_remedy() {
        let group = Group { name: "mine".into(), sql: "-- column: a | whole | count | 1 | b | c\nSELECT 1".into() };
        let message = group.features().map(|_| ()).map_err(|error| error.to_string());
        let message = message.err().unwrap_or_default();
        assert!(message.starts_with("features/mine.sql: the header line") && message.contains("write it as"), "{message}");
    }
}
