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
    (
        "buyers_ratio",
        "Those who order again, predicted by actual",
        "再次下单人数之比（预测 / 实际）",
        Kind::Score,
        Better::Target,
    ),
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
        "outlook" => l.text.task_outlook.to_owned(),
        other => other.to_owned(),
    }
}

/// Lowest and highest.
type Scores = (u64, u64);

/// What the usual RFM names stand for: lowest and highest score of the last order, and of purchase days and spend together. The names
/// themselves are the model's; a test holds the ranges against it.
const SEGMENTS: &[(&str, Scores, Scores)] = &[
    ("champions", (4, 5), (4, 5)),
    ("loyal", (3, 4), (4, 5)),
    ("potential_loyalists", (4, 5), (2, 3)),
    ("new", (5, 5), (1, 1)),
    ("promising", (4, 4), (1, 1)),
    ("need_attention", (3, 3), (2, 3)),
    ("about_to_sleep", (2, 3), (1, 2)),
    ("at_risk", (1, 2), (3, 4)),
    ("cant_lose", (1, 2), (5, 5)),
    ("hibernating", (1, 2), (1, 2)),
    ("lost", (1, 1), (1, 1)),
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

/// What makes a customer one of a segment, as a sentence that is true of all of them.
pub fn segment_description(l: &Locale<'_>, key: &str) -> Option<String> {
    if let Some(group) = l.groups.get(key) {
        return Some(format!("{}{}", capital(l.phrase(&group.description)), l.text.full_stop));
    }
    let (_, recency, worth) = SEGMENTS.iter().find(|known| known.0 == key)?;
    let scores = |(lo, hi): &Scores| {
        let pattern = if lo == hi { l.text.rfm_score } else { l.text.rfm_scores };
        fill(pattern, &[("lo", &l.int(*lo)), ("hi", &l.int(*hi))])
    };
    Some(fill(l.text.rfm_rule, &[("recency", &scores(recency)), ("worth", &scores(worth))]))
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

    /// One customer in each cell of the grid, and a few at its edges: the words must fit whom the model puts there.
    #[test]
    fn what_is_said_of_a_named_group_is_true_of_everybody_in_it() {
        use std::sync::Arc;

        use perennial_contract::Table;
        use perennial_contract::arrow::array::{ArrayRef, Float64Array, StringArray};
        use perennial_contract::estimator::{Run, column};

        let cells: Vec<(usize, usize, usize)> = (0..125).map(|cell| (1 + cell / 25, 1 + cell / 5 % 5, 1 + cell % 5)).collect();
        let numbers = |of: &dyn Fn(&(usize, usize, usize)) -> f64| -> ArrayRef {
            Arc::new(cells.iter().map(|cell| Some(of(cell))).collect::<Float64Array>())
        };
        let ids: ArrayRef = Arc::new((0..125).map(|cell| Some(format!("c{cell}"))).collect::<StringArray>());
        let table = Table::from_columns(vec![
            (column::CUSTOMER_ID, ids),
            (column::DAYS_SINCE_LAST_ORDER, numbers(&|cell| 60.0 - 10.0 * cell.0 as f64)),
            (column::ORDERS, numbers(&|cell| cell.1 as f64)),
            (column::SPEND_CENTS, numbers(&|cell| 1_000.0 * cell.2 as f64)),
        ])
        .expect("columns of one length");
        let entry = catalog::find("rfm").expect("the model");
        let run = Run { seed: 1, threads: 1, horizon_days: 30, season: None };
        let fitted = (entry.fit)(&serde_json::Value::Null, &table, &run).expect("it fits");
        let groups = fitted.model.scorer().score(&table).expect("scores").texts(column::SEGMENT).expect("groups");
        for (group, (recency, orders, spend)) in groups.iter().flatten().zip(&cells) {
            let (_, days, both) = SEGMENTS.iter().find(|known| known.0 == group).expect("a group that is described");
            let worth = (orders + spend).div_ceil(2) as u64;
            assert!((days.0..=days.1).contains(&(*recency as u64)), "{group}: last order {recency}");
            assert!((both.0..=both.1).contains(&worth), "{group}: purchase days and spend {worth}");
        }
        // And no wider than it must be.
        for (key, days, both) in SEGMENTS {
            let members = || groups.iter().flatten().zip(&cells).filter(|(group, _)| group == key).map(|(_, cell)| cell);
            let recency = || members().map(|cell| cell.0 as u64);
            let worth = || members().map(|cell| (cell.1 + cell.2).div_ceil(2) as u64);
            assert_eq!((recency().min(), recency().max()), (Some(days.0), Some(days.1)), "{key}");
            assert_eq!((worth().min(), worth().max()), (Some(both.0), Some(both.1)), "{key}");
        }
    }
}
