//! The quality gate before anything is learned: shut, unless somebody says why it should open.

use anyhow::Result;
use perennial_contract::engine::Who;
use perennial_lake::quality::{self, QualityError, Verdict};
use serde_json::Value;

use super::Refusal;
use super::dataset::{Rows, features_at};
use super::plan::as_of_or_default;
use super::verdict;
use crate::cmd::{Context, Language, UsageError};
use crate::shop::{Shop, now};

/// The gate's verdict and whether somebody overrode it.
pub struct QualityGate {
    pub verdict: Verdict,
    pub override_why: Option<String>,
    /// What the cleaning of customers and features changes today, where it was asked for.
    pub effect: FeatureCleaning,
    language: Language,
}

/// What cleaning policies change between the lake and a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeatureCleaning {
    pub customers_dropped: u64,
    pub cells_filled: u64,
}

/// Check the lake as it is now; `why` opens a shut gate and is recorded.
pub fn gate_of_quality(shop: &Shop, context: &Context, why: Option<&str>) -> Result<QualityGate> {
    let spinner = context.progress().spinner("checking the data");
    let at = shop.lake.snapshot()?;
    let verdict = quality::check(&shop.lake, &at, &shop.quality_settings()).map_err(|error| match error {
        // A rule that cannot be run is a mistake in the settings.
        QualityError::Rule { .. } => anyhow::Error::from(UsageError(error.to_string())),
        other => other.into(),
    })?;
    drop(spinner);
    let mut override_why = None;
    if let (false, Some(why)) = (verdict.is_open(), why) {
        shop.registry.record_override("quality", why, &verdict.reasons().join("; "), &now())?;
        override_why = Some(why.to_owned());
    }
    let language = context.language(&shop.settings.shop.language);
    Ok(QualityGate { verdict, override_why, effect: FeatureCleaning::default(), language })
}

impl FeatureCleaning {
    /// One pass over the features of today, none where no such policy is set.
    pub fn today(shop: &Shop) -> Result<Self> {
        let cleaning = &shop.settings.cleaning;
        if cleaning.drop_customers.is_empty() && cleaning.fill != "zero" {
            return Ok(Self::default());
        }
        let at = shop.lake.snapshot()?;
        // An empty shop has nothing to clean; that it is empty the verdict says.
        if shop.sale_days(&at)?.is_none() {
            return Ok(Self::default());
        }
        let as_of = as_of_or_default(shop, &at, None)?;
        let Rows { customers_dropped, cells_filled, .. } = features_at(shop, &at, as_of, &Who::Everyone)?;
        Ok(Self { customers_dropped, cells_filled })
    }
}

impl QualityGate {
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.verdict.is_open() || self.override_why.is_some()
    }

    /// Why the work stops here, if it does.
    #[must_use]
    pub fn refused(&self) -> Option<Refusal> {
        (!self.is_open()).then(|| Refusal {
            text: match self.language {
                Language::En => format!(
                    "the quality gate is shut: {}\nmend the data, change the rule's severity, or open it with --override \"why\"",
                    self.verdict.reasons().join("; ")
                ),
                Language::Zh => format!(
                    "质量门已关闭：{}\n请修正数据、调整规则的严重程度，或用 --override \"原因\" 打开",
                    self.verdict.reasons_zh().join("；")
                ),
            },
            json: serde_json::json!({ "refused_by": "quality", "reasons": self.verdict.reasons() }),
        })
    }

    /// For machines: the verdict, what cleaning of features changes, and whether somebody opened the gate.
    pub fn json(&self) -> Result<Value> {
        let mut json = serde_json::to_value(&self.verdict)?;
        json["cleaning"]["customers_dropped"] = self.effect.customers_dropped.into();
        json["cleaning"]["cells_filled"] = self.effect.cells_filled.into();
        if let Some(why) = &self.override_why {
            json["overridden"] = why.as_str().into();
        }
        Ok(json)
    }

    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let state = match (self.verdict.is_open(), &self.override_why) {
            (true, _) => self.language.of("open", "已打开").to_owned(),
            (false, None) => self.language.of("SHUT", "已关闭").to_owned(),
            (false, Some(why)) => format!("{}{why}", self.language.of("shut, overridden: ", "已关闭，经人工放行：")),
        };
        format!(
            "{}{state}\n{}",
            self.language.of("quality gate: ", "质量门："),
            verdict::text(&self.verdict, &self.effect, self.language)
        )
    }
}
