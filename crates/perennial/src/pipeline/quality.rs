//! The quality gate before anything is learned: shut, unless somebody says why it should open.

use anyhow::Result;
use perennial_lake::quality::{self, Verdict};

use super::Refusal;
use crate::cmd::Context;
use crate::shop::{Shop, now};

/// The gate's verdict and whether somebody overrode it.
pub struct QualityGate {
    pub verdict: Verdict,
    pub override_why: Option<String>,
}

/// Check the lake as it is now; `why` opens a shut gate and is recorded.
pub fn gate_of_quality(shop: &Shop, context: &Context, why: Option<&str>) -> Result<QualityGate> {
    let spinner = context.progress().spinner("checking the data");
    let at = shop.lake.snapshot()?;
    let verdict = quality::check(&shop.lake, &at, &shop.quality_settings())?;
    drop(spinner);
    let mut override_why = None;
    if let (false, Some(why)) = (verdict.is_open(), why) {
        shop.registry.record_override("quality", why, &verdict.reasons().join("; "), &now())?;
        override_why = Some(why.to_owned());
    }
    Ok(QualityGate { verdict, override_why })
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
            text: format!(
                "the quality gate is shut: {}\nmend the data, change the rule's severity, or open it with --override \"why\"",
                self.verdict.reasons().join("; ")
            ),
            json: serde_json::json!({ "refused_by": "quality", "reasons": self.verdict.reasons() }),
        })
    }

    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.verdict.text();
        if let Some(why) = &self.override_why {
            text.push_str(&format!("\nopened by hand: {why}"));
        }
        text
    }
}
