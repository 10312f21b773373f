//! The evaluation gate: may this candidate answer anybody? Every refusal has a reason with its number.

use std::collections::BTreeMap;

use perennial_learn::metric::bootstrap::{self, Difference, Draws, Pair};
use serde_json::{Value, json};

use super::evaluate::Judged;
use crate::config::Gate;

/// What the gate says of a candidate.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub reasons: Vec<String>,
    /// Candidate against its rivals, as the registry keeps it.
    pub comparisons: Value,
}

/// Metrics by name.
type Measured = BTreeMap<&'static str, f64>;

/// Who has to be beaten.
pub struct Rivals<'a> {
    /// The baseline row, absent for the baseline itself.
    pub baseline: Option<(&'a str, &'a Judged)>,
    /// Who answers now, on the same window; absent when nobody does or when it has learned from that very window.
    pub champion: Option<Reigning<'a>>,
}

pub struct Reigning<'a> {
    pub name: &'a str,
    pub judged: &'a Judged,
    /// The candidate is the same recipe on newer data: it must not be worse, it need not be better.
    pub is_same_recipe: bool,
}

/// Judge a candidate on the test window.
pub fn judge(settings: &Gate, candidate: &Judged, rivals: &Rivals<'_>, seed: u64) -> Verdict {
    let mut verdict = Verdict { reasons: Vec::new(), comparisons: json!({}) };
    match candidate {
        Judged::Churn { .. } => verdict.churn_limits(settings, &candidate.measured()),
        Judged::Value { .. } => verdict.value_limits(settings, &candidate.measured()),
    }
    let draws = Draws { count: settings.bootstrap_replicates as usize, seed };
    if let Some((name, baseline)) = rivals.baseline {
        verdict.must_beat(
            &format!("the baseline row {name}"),
            differences(candidate, baseline, draws),
            settings.better_probability_min,
        );
    }
    if let Some(reigning) = &rivals.champion {
        let differences = differences(candidate, reigning.judged, draws);
        let needed =
            if reigning.is_same_recipe { 1.0 - settings.better_probability_min } else { settings.better_probability_min };
        verdict.must_beat(&format!("the champion {}", reigning.name), differences, needed);
    }
    verdict
}

/// The metrics a rival is beaten on: a proper score and the ranking.
fn differences(candidate: &Judged, rival: &Judged, draws: Draws) -> Vec<(&'static str, Option<Difference>)> {
    match (candidate, rival) {
        (Judged::Churn { churned, p_churn: candidate }, Judged::Churn { p_churn: rival, .. }) => {
            let (pair, customers) = (Pair { candidate, rival }, (0..churned.len() as u32).collect::<Vec<_>>());
            vec![
                ("log_loss", bootstrap::log_loss(churned, pair, &customers, draws)),
                ("auroc", bootstrap::auroc(churned, pair, &customers, draws)),
            ]
        }
        (Judged::Value { actual, spend: candidate, .. }, Judged::Value { spend: rival, .. }) => {
            let (pair, customers) = (Pair { candidate, rival }, (0..actual.len() as u32).collect::<Vec<_>>());
            vec![
                ("gini", bootstrap::gini(actual, pair, &customers, draws)),
                ("mae", bootstrap::mae(actual, pair, &customers, draws)),
            ]
        }
        _ => Vec::new(),
    }
}

impl Verdict {
    fn churn_limits(&mut self, settings: &Gate, measured: &Measured) {
        match measured.get("ece").copied() {
            Some(ece) if ece <= settings.ece_max => {}
            Some(ece) => {
                self.reasons.push(format!("miscalibrated: ECE {ece:.4}, allowed is {} (gate.ece_max)", settings.ece_max))
            }
            None => self.reasons.push("calibration cannot be measured on the test window".to_owned()),
        }
        match measured.get("auroc").copied() {
            Some(auroc) if auroc > 0.5 => {}
            Some(auroc) => self.reasons.push(format!("ranks no better than chance: AUROC {auroc:.4}")),
            None => {
                self.reasons.push("everybody stayed or everybody left in the test window, so nothing can be ranked".to_owned())
            }
        }
        self.total(settings, measured, "buyers");
    }

    fn value_limits(&mut self, settings: &Gate, measured: &Measured) {
        self.total(settings, measured, "spend");
        if let Some(share) = measured.get("coverage_80").copied()
            && !(settings.coverage_min..=settings.coverage_max).contains(&share)
        {
            self.reasons.push(format!(
                "80% intervals hold {:.1}% of the customers, allowed are {:.0}% to {:.0}% (gate.coverage_min, gate.coverage_max)",
                100.0 * share,
                100.0 * settings.coverage_min,
                100.0 * settings.coverage_max
            ));
        }
    }

    fn total(&mut self, settings: &Gate, measured: &Measured, what: &str) {
        let Some(ratio) = measured.get("total_ratio").copied() else {
            self.reasons.push(format!("no {what} in the test window to compare with"));
            return;
        };
        if (ratio - 1.0).abs() > settings.total_error_max {
            self.reasons.push(format!(
                "predicted {what} in all are {ratio:.3} times the actual, allowed is 1 ± {} (gate.total_error_max)",
                settings.total_error_max
            ));
        }
    }

    /// The first metric decides; the second must not be clearly worse.
    fn must_beat(&mut self, rival: &str, differences: Vec<(&'static str, Option<Difference>)>, needed: f64) {
        let mut kept = serde_json::Map::new();
        for (position, (metric, difference)) in differences.into_iter().enumerate() {
            let Some(difference) = difference else { continue };
            let threshold = if position == 0 { needed } else { (1.0 - needed).min(needed) };
            if difference.p_better < threshold {
                let verb = if position == 0 { "does not beat" } else { "is worse than" };
                self.reasons.push(format!(
                    "{verb} {rival} on {metric}: gain {:.4} [{:.4}, {:.4}], better in {:.0}% of {} paired resamples, needed {:.0}%",
                    difference.gain,
                    difference.lo95,
                    difference.hi95,
                    100.0 * difference.p_better,
                    difference.draws,
                    100.0 * threshold
                ));
            }
            let facts = json!({ "gain": difference.gain, "lo95": difference.lo95, "hi95": difference.hi95, "p_better": difference.p_better });
            kept.insert(metric.to_owned(), facts);
        }
        self.comparisons[rival] = Value::Object(kept);
    }
}
