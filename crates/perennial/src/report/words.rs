//! Names that come out of the data, in both languages: metrics, models, segments, tasks.

use perennial_learn::catalog::MODELS;
use perennial_learn::segment::rfm;

use super::data::Estimate;
use super::language::{Language, Locale, NONE, fill};

/// Which way a metric points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
    /// Best at a value in the middle: a ratio at 1, a coverage at 80%.
    Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Three decimals.
    Score,
    /// Four decimals: small numbers whose differences matter.
    Fine,
    Percent,
    Times,
    Money,
}

type MetricWords = (&'static str, &'static str, &'static str, Kind, Better);

const METRICS: &[MetricWords] = &[
    ("auroc", "AUROC, ranking", "AUROC（排序能力）", Kind::Score, Better::Higher),
    ("pr_auc", "PR-AUC, precision and recall", "PR-AUC（查准与查全）", Kind::Score, Better::Higher),
    ("log_loss", "Log loss", "对数损失", Kind::Fine, Better::Lower),
    ("brier", "Brier score", "Brier 分数", Kind::Fine, Better::Lower),
    ("ece", "ECE, calibration error", "ECE（校准误差）", Kind::Fine, Better::Lower),
    ("lift_10", "Lift in the top 10%", "前 10% 提升度", Kind::Times, Better::Higher),
    ("mae", "Mean absolute error", "平均绝对误差", Kind::Money, Better::Lower),
    ("mae_cents", "Mean absolute error", "平均绝对误差", Kind::Money, Better::Lower),
    ("total_ratio", "Total, predicted by actual", "总额之比（预测 / 实际）", Kind::Score, Better::Target),
    ("gini", "Gini, ranking by value", "基尼系数（价值排序）", Kind::Score, Better::Higher),
    ("spearman", "Spearman rank correlation", "Spearman 秩相关", Kind::Score, Better::Higher),
    ("coverage_80", "Coverage of the 80% interval", "80% 区间覆盖率", Kind::Percent, Better::Target),
    ("interval_coverage", "Coverage of the 80% interval", "80% 区间覆盖率", Kind::Percent, Better::Target),
    ("silhouette", "Silhouette, separation", "轮廓系数（分离度）", Kind::Score, Better::Higher),
    ("stability", "Stability on bootstrap samples", "自助抽样稳定性", Kind::Score, Better::Higher),
    ("log_likelihood", "Log-likelihood", "对数似然", Kind::Score, Better::Higher),
];

/// A metric's name and how its values are written.
pub struct Metric {
    pub name: String,
    pub better: Better,
    kind: Kind,
}

pub fn metric(l: &Locale<'_>, slug: &str) -> Metric {
    match METRICS.iter().find(|known| known.0 == slug) {
        Some((_, en, zh, kind, better)) => Metric { name: pick(l, en, zh).to_owned(), better: *better, kind: *kind },
        None => Metric { name: slug.replace('_', " "), better: Better::Target, kind: Kind::Score },
    }
}

impl Metric {
    pub fn value(&self, l: &Locale<'_>, value: f64) -> String {
        match self.kind {
            Kind::Score => l.decimal(value, 3),
            Kind::Fine => l.decimal(value, 4),
            Kind::Percent => l.percent(value, 1),
            Kind::Times => format!("{}×", l.decimal(value, 2)),
            Kind::Money => l.money_about(value),
        }
    }

    /// `.839 [.831, .846]`.
    pub fn estimate(&self, l: &Locale<'_>, estimate: Option<Estimate>) -> String {
        match estimate {
            None => NONE.to_owned(),
            Some(Estimate { value, interval: None }) => self.value(l, value),
            Some(Estimate { value, interval: Some((lo, hi)) }) => {
                let end = |v: f64| if self.kind == Kind::Money { l.amount_about(v) } else { self.value(l, v) };
                format!("{} [{}, {}]", self.value(l, value), end(lo), end(hi))
            }
        }
    }
}

/// A model's title in the catalogue; one that is not there is shown under its own name.
pub fn model(l: &Locale<'_>, slug: &str) -> String {
    let entry = MODELS.iter().find(|entry| entry.name == slug);
    entry.map_or_else(|| slug.to_owned(), |entry| capital(pick(l, entry.title, entry.title_zh)))
}

/// `Gradient boosting · champion`.
pub fn with_role(name: &str, role: &str) -> String {
    format!("{name} · {role}")
}

pub fn task(l: &Locale<'_>, slug: &str) -> String {
    match slug {
        "churn" => l.text.task_churn.to_owned(),
        "value" => l.text.task_value.to_owned(),
        "segment" => l.text.task_segment.to_owned(),
        other => other.to_owned(),
    }
}

/// What the usual RFM names mean: key, English, Chinese. The names themselves are the model's.
const SEGMENTS: &[(&str, &str, &str)] = &[
    ("champions", "Bought recently, buy often and spend the most.", "最近买过，买得勤，花得也最多。"),
    ("loyal", "Come back again and again and spend well.", "一次次回来，消费稳定。"),
    (
        "potential_loyalists",
        "Recent, with more than one order: the next champions.",
        "最近买过且不止一次，有望成为下一批重要客户。",
    ),
    ("new", "Placed their first order only recently.", "不久前才下了第一单。"),
    ("promising", "Fairly recent, small spend so far.", "近期买过，消费尚小。"),
    ("need_attention", "Middling in everything, and drifting away.", "各方面都居中，正在渐渐疏远。"),
    ("about_to_sleep", "Few orders, and the last is a while ago.", "下单不多，上次购买已有一阵子。"),
    ("at_risk", "Bought often and well, but not for long now.", "曾经常买、花得不少，却已许久未来。"),
    ("cant_lose", "Were among the very best, and have fallen silent.", "曾是最好的客户，如今已沉默。"),
    ("hibernating", "Few orders, long ago, little spend.", "很久以前买过几次，花得不多。"),
    ("lost", "Silent for longest, with least to begin with.", "沉默最久，原本消费也最少。"),
];

/// A segment's name: what the run calls it, the fixed name of an RFM group, a number for a cluster (`k2`), anything else as it is.
pub fn segment(l: &Locale<'_>, key: &str) -> String {
    if let Some(group) = l.groups.get(key) {
        return capital(l.phrase(&group.name));
    }
    if let Some(name) = rfm::name(key) {
        return pick(l, &name.en, &name.zh).to_owned();
    }
    match key.strip_prefix('k').filter(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())) {
        Some(number) => fill(l.text.cluster_name, &[("n", number)]),
        None => key.to_owned(),
    }
}

/// What a segment's customers have in common, as a sentence.
pub fn segment_description(l: &Locale<'_>, key: &str) -> Option<String> {
    if let Some(group) = l.groups.get(key) {
        return Some(format!("{}{}", capital(l.phrase(&group.description)), l.text.full_stop));
    }
    SEGMENTS.iter().find(|known| known.0 == key).map(|known| pick(l, known.1, known.2).to_owned())
}

/// `orders: 4.2, against 1.9 in the whole shop`.
pub fn trait_sentence(l: &Locale<'_>, found: &super::data::SegmentTrait) -> String {
    let unit = l.unit(&found.feature);
    fill(
        l.text.trait_sentence,
        &[
            ("feature", &l.feature(&found.feature)),
            ("value", &l.measure(unit, found.value)),
            ("everybody", &l.measure(unit, found.everybody)),
        ],
    )
}

fn pick<'t>(l: &Locale<'_>, en: &'t str, zh: &'t str) -> &'t str {
    match l.language {
        Language::En => en,
        Language::Zh => zh,
    }
}

/// The text with a capital letter at its head.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use perennial_learn::catalog::{self, METRICS};

    use super::*;

    #[test]
    fn every_metric_of_the_catalogue_has_words_and_points_the_same_way() {
        let features = BTreeMap::new();
        let l = Locale::new(Language::En, "EUR", &features);
        for known in METRICS {
            let row = super::METRICS.iter().find(|row| row.0 == known.name);
            assert!(row.is_some(), "{} has no words", known.name);
            let better = match known.better {
                catalog::Better::Higher => Better::Higher,
                catalog::Better::Lower => Better::Lower,
                catalog::Better::Near(_) => Better::Target,
            };
            assert_eq!(metric(&l, known.name).better, better, "{}", known.name);
        }
    }

    #[test]
    fn every_named_group_is_described_and_every_model_titled() {
        let features = BTreeMap::new();
        for language in Language::ALL {
            let l = Locale::new(language, "EUR", &features);
            for (key, en, zh) in rfm::GROUPS {
                assert_eq!(segment(&l, key), if language == Language::En { *en } else { *zh });
                assert!(segment_description(&l, key).is_some(), "{key} is not described");
            }
            assert_eq!(SEGMENTS.len(), rfm::GROUPS.len());
            for entry in MODELS {
                assert_ne!(model(&l, entry.name), entry.name);
            }
        }
        let l = Locale::new(Language::Zh, "EUR", &features);
        assert_eq!((segment(&l, "k2"), segment(&l, "kx"), segment(&l, "k")), ("第 2 组".into(), "kx".into(), "k".into()));
    }
}
