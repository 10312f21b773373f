//! Names that come out of the data, in both languages: metrics, models, segments, tasks.

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

const MODELS: &[(&str, &str, &str)] = &[
    ("baseline", "Recency, spend and count", "近度、金额与频次"),
    ("baseline_rfm", "Recency, spend and count", "近度、金额与频次"),
    ("logistic_rfm", "Logistic regression on recency, spend and count", "逻辑回归：近度、金额与频次"),
    ("logistic", "Elastic-net logistic regression", "弹性网络逻辑回归"),
    ("elastic_net", "Elastic-net logistic regression", "弹性网络逻辑回归"),
    ("boost", "Gradient boosting", "梯度提升树"),
    ("bgnbd", "BG/NBD", "BG/NBD"),
    ("gamma_gamma", "Gamma-Gamma", "Gamma-Gamma"),
    ("bgnbd_gamma_gamma", "BG/NBD with Gamma-Gamma", "BG/NBD + Gamma-Gamma"),
    ("pareto_nbd", "Pareto/NBD", "Pareto/NBD"),
    ("rfm", "RFM groups", "RFM 分群"),
    ("kmeans", "k-means", "k-means 聚类"),
];

pub fn model(l: &Locale<'_>, slug: &str) -> String {
    MODELS.iter().find(|known| known.0 == slug).map_or_else(|| slug.to_owned(), |(_, en, zh)| pick(l, en, zh).to_owned())
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

type SegmentWords = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// The usual RFM names: slug, name and description in English and Chinese.
const SEGMENTS: &[SegmentWords] = &[
    (
        "champions",
        "Champions",
        "重要价值客户",
        "Bought recently, buy often and spend the most.",
        "最近买过，买得勤，花得也最多。",
    ),
    ("loyal", "Loyal", "忠诚客户", "Come back again and again and spend well.", "一次次回来，消费稳定。"),
    (
        "potential_loyalists",
        "Potential loyalists",
        "潜在忠诚客户",
        "Recent, with more than one order: the next champions.",
        "最近买过且不止一次，有望成为下一批重要客户。",
    ),
    ("new", "New", "新客户", "Placed their first order only recently.", "不久前才下了第一单。"),
    ("promising", "Promising", "有望客户", "Recent, small spend so far.", "最近买过，消费尚小。"),
    (
        "need_attention",
        "Need attention",
        "需关注客户",
        "Middling in everything, and drifting away.",
        "各方面都居中，正在渐渐疏远。",
    ),
    (
        "about_to_sleep",
        "About to sleep",
        "即将沉睡客户",
        "Few orders, and the last is a while ago.",
        "下单不多，上次购买已有一阵子。",
    ),
    ("at_risk", "At risk", "流失风险客户", "Bought often and well, but not for long now.", "曾经常买、花得不少，却已许久未来。"),
    (
        "cannot_lose",
        "Cannot lose",
        "不可失去的客户",
        "Were among the very best, and have fallen silent.",
        "曾是最好的客户，如今已沉默。",
    ),
    ("hibernating", "Hibernating", "休眠客户", "Few orders, long ago, little spend.", "很久以前买过几次，花得不多。"),
    ("lost", "Lost", "已流失客户", "Silent for longest, with least to begin with.", "沉默最久，原本消费也最少。"),
    ("one_time", "One-time buyers", "一次性客户", "Ordered once and not again.", "只买过一次。"),
];

const SEGMENT_ALIASES: &[(&str, &str)] = &[
    ("champion", "champions"),
    ("loyal_customers", "loyal"),
    ("potential_loyalist", "potential_loyalists"),
    ("new_customers", "new"),
    ("needs_attention", "need_attention"),
    ("need_attention_customers", "need_attention"),
    ("cannot_lose_them", "cannot_lose"),
    ("cant_lose_them", "cannot_lose"),
    ("can_not_lose", "cannot_lose"),
    ("cant_lose", "cannot_lose"),
    ("sleeping", "hibernating"),
];

fn segment_words(slug: &str) -> Option<&'static SegmentWords> {
    let folded = slug.trim().to_lowercase().replace([' ', '-'], "_").replace(['\'', '’'], "");
    let name = SEGMENT_ALIASES.iter().find(|(alias, _)| *alias == folded).map_or(folded.as_str(), |(_, name)| name);
    SEGMENTS.iter().find(|known| known.0 == name)
}

/// A segment's name; one that is nobody's usual name is shown as it is.
pub fn segment(l: &Locale<'_>, slug: &str) -> String {
    segment_words(slug).map_or_else(|| slug.to_owned(), |known| pick(l, known.1, known.2).to_owned())
}

pub fn segment_description(l: &Locale<'_>, slug: &str) -> Option<&'static str> {
    segment_words(slug).map(|known| pick(l, known.3, known.4))
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
