//! From a feature table to numbers of one scale: fitted on training rows only, stored with the model.
//!
//! Assumes  a column is numeric, boolean or text; skewed amounts and counts are closer to symmetric on the log scale.
//! Input    a table; the feature columns to use.
//! Output   [rows × outputs] standardised numbers; a missing number becomes the training median and, where that is not rare, a flag.
//! Cost     O(rows × columns), plus one sort a column to fit.
//! Ref      Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, §3.4 (standardise before a penalty).

use std::collections::BTreeMap;

use perennial_contract::Table;
use perennial_contract::arrow::array::Array;
use perennial_contract::arrow::datatypes::DataType;
use perennial_contract::estimator::column;
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};

use crate::metric::cluster::Points;

/// A text column keeps this many of its most frequent values; the rest are all zeros.
const CATEGORIES_MAX: usize = 20;
/// A category or a gap rarer than this is not worth a coefficient.
const SHARE_MIN: f64 = 0.005;
/// Skewness above which a column goes to the signed log scale.
const SKEWNESS_MAX: f64 = 1.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    Linear,
    /// sign(v) · ln(1 + |v|)
    SignedLog,
}

impl Scale {
    #[must_use]
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::SignedLog => libm::copysign(libm::log1p(value.abs()), value),
        }
    }
}

/// Columns that say where in time a row stands rather than what the customer does. At the next as-of day they lie beyond what
/// was seen in training: a tree can only repeat its last answer there and a line runs on. The lifetime models carry age instead.
const AGE_COLUMNS: &[&str] = &[column::T, column::T_X, "signup_age_days", "month_of_last_order"];

/// How one column becomes outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Encoding {
    /// One output (scaled(v) − mean) / sd, and a second, 1 where the value is missing, if `flags_missing`.
    Number { scale: Scale, fill: f64, mean: f64, sd: f64, flags_missing: bool },
    /// One output per category, 1 where the text equals it.
    OneHot { categories: Vec<String> },
}

impl Encoding {
    fn outputs(&self) -> usize {
        match self {
            Self::Number { flags_missing, .. } => 1 + usize::from(*flags_missing),
            Self::OneHot { categories } => categories.len(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodedColumn {
    pub name: String,
    pub encoding: Encoding,
}

/// Part of every model that needs plain numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    pub columns: Vec<EncodedColumn>,
}

/// What is done with numbers before they are standardised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// Columns with skewness above 1 go to the log scale.
    LogIfSkewed,
    /// Every numeric column goes to the log scale.
    Log,
    Keep,
}

/// The columns of a table that a learner of behaviour reads: not reserved, no place in time, of a type that can be encoded.
#[must_use]
pub fn feature_names(table: &Table) -> Vec<String> {
    let schema = table.batch().schema_ref().clone();
    let usable = |kind: &DataType| {
        kind.is_numeric()
            || *kind == DataType::Boolean
            || kind.is_string()
            || matches!(kind, DataType::Dictionary(_, v) if v.is_string())
    };
    let fields = schema.fields().iter().filter(|field| {
        !column::is_reserved(field.name()) && !AGE_COLUMNS.contains(&field.name().as_str()) && usable(field.data_type())
    });
    fields.map(|field| field.name().clone()).collect()
}

impl Encoder {
    /// Learn from the rows of `train`. A column that is constant or all missing gets no output and is left out.
    pub fn fit(train: &Table, names: &[String], skew: Skew) -> Result<Self, TableError> {
        let mut columns = Vec::new();
        for name in names {
            let kind = train.column(name)?.data_type().clone();
            let encoding = if kind.is_numeric() || kind == DataType::Boolean {
                fit_number(&train.f64s(name)?, skew)
            } else {
                fit_text(train, name)?
            };
            if let Some(encoding) = encoding {
                columns.push(EncodedColumn { name: name.clone(), encoding });
            }
        }
        Ok(Self { columns })
    }

    /// How many numbers a row becomes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.encoding.outputs()).sum()
    }

    /// For each output, the index of the column it comes from.
    #[must_use]
    pub fn sources(&self) -> Vec<usize> {
        self.columns.iter().enumerate().flat_map(|(i, column)| std::iter::repeat_n(i, column.encoding.outputs())).collect()
    }

    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The rows as numbers, row-major. A row's numbers do not depend on the other rows.
    pub fn encode(&self, rows: &Table) -> Result<Points, TableError> {
        let width = self.width();
        let mut points = Points { values: vec![0.0; rows.rows() * width], width };
        let mut at = 0;
        for column in &self.columns {
            match &column.encoding {
                Encoding::Number { scale, fill, mean, sd, flags_missing } => {
                    for (row, value) in rows.f64s(&column.name)?.into_iter().enumerate() {
                        let known = if value.is_finite() { value } else { *fill };
                        points.values[row * width + at] = (scale.apply(known) - mean) / sd;
                        if *flags_missing {
                            points.values[row * width + at + 1] = f64::from(!value.is_finite());
                        }
                    }
                }
                Encoding::OneHot { categories } => {
                    let index: BTreeMap<&str, usize> = categories.iter().enumerate().map(|(i, c)| (c.as_str(), i)).collect();
                    let texts = rows.texts(&column.name)?;
                    for (row, text) in texts.iter().enumerate() {
                        if let Some(&category) = text.and_then(|text| index.get(text)) {
                            points.values[row * width + at + category] = 1.0;
                        }
                    }
                }
            }
            at += column.encoding.outputs();
        }
        Ok(points)
    }

    /// Whether every number in it could have been fitted: a file may hold anything.
    pub fn check(&self) -> Result<(), String> {
        for EncodedColumn { name, encoding } in &self.columns {
            if let Encoding::Number { fill, mean, sd, .. } = encoding
                && !(fill.is_finite() && mean.is_finite() && sd.is_finite() && *sd > 0.0)
            {
                return Err(format!(
                    "column {name:?} has fill {fill}, mean {mean}, sd {sd}; allowed are finite numbers and sd above 0"
                ));
            }
        }
        Ok(())
    }
}

fn fit_number(values: &[f64], skew: Skew) -> Option<Encoding> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if known.is_empty() {
        return None;
    }
    known.sort_by(f64::total_cmp);
    let fill = known[(known.len() - 1) / 2];
    let missing = (values.len() - known.len()) as f64 / values.len() as f64;
    let scale = match skew {
        Skew::Keep => Scale::Linear,
        Skew::Log => Scale::SignedLog,
        Skew::LogIfSkewed if skewness(&known).abs() > SKEWNESS_MAX => Scale::SignedLog,
        Skew::LogIfSkewed => Scale::Linear,
    };
    let (mean, sd) = moments(values.iter().map(|&value| scale.apply(if value.is_finite() { value } else { fill })));
    let flags_missing = missing >= SHARE_MIN;
    // A spread at the rounding error of the mean is a constant; beside a flag the number may be constant.
    let is_constant = sd <= 1e-12 * mean.abs().max(1e-300);
    match (is_constant, flags_missing) {
        (true, false) => None,
        (true, true) => Some(Encoding::Number { scale, fill, mean, sd: 1.0, flags_missing }),
        _ => Some(Encoding::Number { scale, fill, mean, sd, flags_missing }),
    }
}

fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (mean, (values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt())
}

fn skewness(values: &[f64]) -> f64 {
    let (mean, sd) = moments(values.iter().copied());
    if sd == 0.0 { 0.0 } else { values.iter().map(|v| ((v - mean) / sd).powi(3)).sum::<f64>() / values.len() as f64 }
}

fn fit_text(train: &Table, name: &str) -> Result<Option<Encoding>, TableError> {
    let texts = train.texts(name)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts.iter().flatten() {
        *counts.entry(text).or_insert(0) += 1;
    }
    let rows = texts.len() as f64;
    let mut frequent: Vec<(&str, usize)> =
        counts.into_iter().filter(|&(_, n)| n as f64 >= SHARE_MIN * rows && (n as f64) < rows).collect();
    frequent.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    frequent.truncate(CATEGORIES_MAX);
    let categories: Vec<String> = frequent.into_iter().map(|(text, _)| text.to_owned()).collect();
    Ok((!categories.is_empty()).then_some(Encoding::OneHot { categories }))
}
