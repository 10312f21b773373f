//! The evaluation gate: may this candidate answer anybody? Every refusal has a reason with its number.

use std::collections::BTreeMap;

use perennial_learn::metric::bootstrap::{self, Difference, Draws, Pair};
use perennial_learn::metric::classify;
use perennial_learn::words::Words;
use serde_json::{Value, json};

use super::evaluate::Judged;
use crate::config::Gate;

/// What the gate says of a candidate.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub reasons: Vec<Words>,
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
        Judged::Churn { churned, p_churn } => {
            let measured = candidate.measured();
            let by_chance = classify::ece_by_chance(churned, p_churn, classify::ECE_BINS).unwrap_or(0.0);
            verdict.churn_limits(settings, &measured, by_chance);
            verdict.must_rank(churned, &measured, settings.better_probability_min);
        }
        Judged::Value { .. } => verdict.value_limits(settings, candidate),
    }
    let draws = Draws { count: settings.bootstrap_replicates as usize, seed };
    if let Some((name, baseline)) = rivals.baseline {
        verdict.must_beat(
            &Words::of(format!("the baseline row {name}"), format!("基线 {name}")),
            differences(candidate, baseline, draws),
            settings.better_probability_min,
        );
    }
    if let Some(reigning) = &rivals.champion {
        let differences = differences(candidate, reigning.judged, draws);
        let needed =
            if reigning.is_same_recipe { 1.0 - settings.better_probability_min } else { settings.better_probability_min };
        let rival = Words::of(format!("the champion {}", reigning.name), format!("现任模型 {}", reigning.name));
        verdict.must_beat(&rival, differences, needed);
    }
    verdict
}

/// Of the normal law: chance stays below it in 95 of 100 cases.
const DEVIATIONS: f64 = 1.645;

/// Whether a share of so many customers lies beyond the limits further than chance alone would put it.
pub fn is_outside(share: f64, customers: usize, settings: &Gate) -> bool {
    let error = |limit: f64| DEVIATIONS * (limit * (1.0 - limit) / customers.max(1) as f64).sqrt();
    let (min, max) = (settings.coverage_min, settings.coverage_max);
    share < min - error(min) || share > max + error(max)
}

/// Percent rounded down to a tenth, so that what falls short never reads as if it reached.
fn percent(share: f64) -> f64 {
    (1000.0 * share + 1e-6).floor() / 10.0
}

/// Every row is a customer of its own.
fn customers(rows: usize) -> Vec<u32> {
    (0..rows as u32).collect()
}

/// The metrics a rival is beaten on: a proper score and the ranking.
fn differences(candidate: &Judged, rival: &Judged, draws: Draws) -> Vec<(&'static str, Option<Difference>)> {
    match (candidate, rival) {
        (Judged::Churn { churned, p_churn: candidate }, Judged::Churn { p_churn: rival, .. }) => {
            let (pair, rows) = (Pair { candidate, rival }, customers(churned.len()));
            vec![
                ("log_loss", bootstrap::log_loss(churned, pair, &rows, draws)),
                ("auroc", bootstrap::auroc(churned, pair, &rows, draws)),
            ]
        }
        (Judged::Value { actual, spend: candidate, .. }, Judged::Value { spend: rival, .. }) => {
            let (pair, rows) = (Pair { candidate, rival }, customers(actual.len()));
            vec![("gini", bootstrap::gini(actual, pair, &rows, draws)), ("mae", bootstrap::mae(actual, pair, &rows, draws))]
        }
        _ => Vec::new(),
    }
}

impl Verdict {
    fn refuse(&mut self, en: impl Into<String>, zh: impl Into<String>) {
        self.reasons.push(Words::of(en, zh));
    }

    /// `by_chance`: the ECE that a model which is right may show on so few customers.
    fn churn_limits(&mut self, settings: &Gate, measured: &Measured, by_chance: f64) {
        match measured.get("ece").copied() {
            Some(ece) if ece <= settings.ece_max.max(by_chance) => {}
            Some(ece) => self.refuse(
                format!("miscalibrated: ECE {ece:.4}, allowed is {} (gate.ece_max), and chance alone stays below {by_chance:.4} in 95% of such windows", settings.ece_max),
                format!("校准不足：ECE {ece:.4}，允许上限 {}（gate.ece_max），而纯随机在 95% 的同类窗口中低于 {by_chance:.4}", settings.ece_max),
            ),
            None => self.refuse("calibration cannot be measured on the test window", "检验窗口内无法衡量校准"),
        }
        self.total(settings, measured, ("buyers", "购买人数"));
    }

    fn value_limits(&mut self, settings: &Gate, candidate: &Judged) {
        let measured = &candidate.measured();
        self.total(settings, measured, ("spend", "消费额"));
        if let Some(share) = measured.get("coverage_80").copied()
            && is_outside(share, candidate.rows(), settings)
        {
            let (share, min, max) = (100.0 * share, 100.0 * settings.coverage_min, 100.0 * settings.coverage_max);
            self.refuse(
                format!("80% intervals hold {share:.1}% of the customers, allowed are {min:.0}% to {max:.0}% (gate.coverage_min, gate.coverage_max)"),
                format!("80% 区间覆盖了 {share:.1}% 的客户，允许范围 {min:.0}% 至 {max:.0}%（gate.coverage_min, gate.coverage_max）"),
            );
        }
    }

    fn total(&mut self, settings: &Gate, measured: &Measured, (what, what_zh): (&str, &str)) {
        let Some(ratio) = measured.get("total_ratio").copied() else {
            self.refuse(format!("no {what} in the test window to compare with"), format!("检验窗口内没有{what_zh}可供比较"));
            return;
        };
        if (ratio - 1.0).abs() > settings.total_error_max {
            let allowed = settings.total_error_max;
            self.refuse(
                format!(
                    "predicted {what} in all are {ratio:.3} times the actual, allowed is 1 ± {allowed} (gate.total_error_max)"
                ),
                format!("预测{what_zh}合计为实际的 {ratio:.3} 倍，允许 1 ± {allowed}（gate.total_error_max）"),
            );
        }
    }

    /// A ranking that cannot be told from one by chance is none, whoever else does worse.
    fn must_rank(&mut self, churned: &[bool], measured: &Measured, needed: f64) {
        let Some(auroc) = measured.get("auroc").copied() else {
            self.refuse(
                "everybody stayed or everybody left in the test window, so nothing can be ranked",
                "检验窗口内所有客户都留下或都流失，无法排序",
            );
            return;
        };
        let leavers = churned.iter().filter(|&&left| left).count();
        let p = classify::p_above_chance(auroc, leavers, churned.len() - leavers);
        if p < needed {
            let (p, needed) = (percent(p), percent(needed));
            self.refuse(
                format!("ranks no better than chance: AUROC {auroc:.4}; chance alone stays below that in {p}% of cases, needed {needed}% (gate.better_probability_min)"),
                format!("排序不优于随机：AUROC {auroc:.4}；纯随机低于该值的概率为 {p}%，要求 {needed}%（gate.better_probability_min）"),
            );
        }
    }

    /// The first metric decides; the second must not be clearly worse.
    fn must_beat(&mut self, rival: &Words, differences: Vec<(&'static str, Option<Difference>)>, needed: f64) {
        let mut kept = serde_json::Map::new();
        for (position, (metric, difference)) in differences.into_iter().enumerate() {
            let Some(difference) = difference else { continue };
            let threshold = if position == 0 { needed } else { (1.0 - needed).min(needed) };
            if difference.p_better < threshold {
                let (verb, verb_zh) = if position == 0 { ("does not beat", "未能优于") } else { ("is worse than", "劣于") };
                let Difference { gain, lo95, hi95, p_better, draws } = difference;
                let (better, needed) = (percent(p_better), percent(threshold));
                let Words { en, zh } = rival;
                let metric = if metric == "mae" { "mae (minor units)" } else { metric };
                self.refuse(
                    format!("{verb} {en} on {metric}: gain {gain:.4} [{lo95:.4}, {hi95:.4}], better in {better}% of {draws} paired resamples, needed {needed}%"),
                    format!("{metric} {verb_zh}{zh}：增益 {gain:.4} [{lo95:.4}, {hi95:.4}]，{draws} 次配对重抽样中 {better}% 更优，要求 {needed}%"),
                );
            }
            let facts = json!({ "gain": difference.gain, "lo95": difference.lo95, "hi95": difference.hi95, "p_better": difference.p_better });
            kept.insert(metric.to_owned(), facts);
        }
        self.comparisons[&rival.en] = Value::Object(kept);
    }
}
