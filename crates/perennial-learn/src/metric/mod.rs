//! How good is a model? Every number the gate, the report and the card show, named once.

pub mod bootstrap;
pub mod classify;
pub mod cluster;
pub mod rank;
pub mod value;

use std::collections::BTreeMap;

use perennial_contract::estimator::Task;

/// Which direction is good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Better {
    Higher,
    Lower,
    /// The nearer to this number, the better.
    Near(f64),
}

/// One metric, declared once: name in JSON and tables, what it means, which way is up.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub task: Task,
    pub better: Better,
    pub help: &'static str,
    pub help_zh: &'static str,
}

/// Metric values of one model on one set of rows; a metric that is undefined there (one class only, no spend) is absent.
pub type Measured = BTreeMap<&'static str, f64>;

const fn churn(name: &'static str, better: Better, help: &'static str, help_zh: &'static str) -> Metric {
    Metric { name, task: Task::Churn, better, help, help_zh }
}

const fn spend(name: &'static str, better: Better, help: &'static str, help_zh: &'static str) -> Metric {
    Metric { name, task: Task::Value, better, help, help_zh }
}

const fn segment(name: &'static str, better: Better, help: &'static str, help_zh: &'static str) -> Metric {
    Metric { name, task: Task::Segment, better, help, help_zh }
}

/// Every metric, in the order tables show them.
pub const METRICS: &[Metric] = &[
    churn("auroc", Better::Higher, "chance that a leaver scores above a stayer, ties count half", "流失者得分高于留存者的概率，平分计一半"),
    churn("pr_auc", Better::Higher, "average precision: mean precision over the recall steps of the leavers", "平均精度：流失者召回各步的精度均值"),
    churn("log_loss", Better::Lower, "mean negative log-likelihood of the label, natural logarithm", "标签的平均负对数似然（自然对数）"),
    churn("brier", Better::Lower, "mean squared error of the probability", "概率的均方误差"),
    churn("ece", Better::Lower, "expected calibration error over 15 bins of equal width", "15 个等宽分箱的期望校准误差"),
    churn("lift_10", Better::Higher, "share of leavers among the 10% highest scores over the share among all", "得分最高 10% 中流失占比与整体流失占比之比"),
    churn("total_ratio", Better::Near(1.0), "predicted buyers over actual buyers, Σ(1 − p) / Σ(1 − y)", "预测购买人数与实际购买人数之比"),
    spend("mae", Better::Lower, "mean absolute error, minor units; predicting nobody spends can win it, so never read it alone", "平均绝对误差（分）；全预测为零也可能占优，勿单独解读"),
    spend("total_ratio", Better::Near(1.0), "predicted spend over actual spend", "预测消费总额与实际消费总额之比"),
    spend("gini", Better::Higher, "Gini of spend ordered by prediction over Gini of spend ordered by itself", "按预测排序的消费基尼系数与按自身排序的基尼系数之比"),
    spend("spearman", Better::Higher, "rank correlation of predicted and actual spend, ties share their mean rank", "预测与实际消费的等级相关，并列取平均名次"),
    spend("coverage_80", Better::Near(0.8), "share of customers whose spend lies in their 80% interval", "实际消费落在 80% 区间内的客户占比"),
    segment("silhouette", Better::Higher, "mean silhouette in the model's own feature space, on a seeded sample above 2,000 rows", "模型特征空间中的平均轮廓系数，超过 2,000 行时抽样"),
    segment("stability", Better::Higher, "mean adjusted Rand index of segmentations refitted on bootstrap samples", "自助样本重新拟合后分群的平均调整兰德指数"),
];

/// The metric of this name for this task, if there is one.
#[must_use]
pub fn find(task: Task, name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.task == task && metric.name == name)
}

/// Every churn metric of `p_churn` against the labels (`true` is churned).
#[must_use]
pub fn measure_churn(churned: &[bool], p_churn: &[f64]) -> Measured {
    let ranking = rank::Ranking::descending(p_churn);
    let values = [
        ("auroc", classify::auroc(&ranking, churned, None)),
        ("pr_auc", classify::average_precision(&ranking, churned, None)),
        ("log_loss", classify::log_loss(churned, p_churn)),
        ("brier", classify::brier(churned, p_churn)),
        ("ece", classify::ece(churned, p_churn, classify::ECE_BINS)),
        ("lift_10", classify::lift(&ranking, churned, 0.1)),
        ("total_ratio", classify::stay_ratio(churned, p_churn)),
    ];
    values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Predicted spend with its interval, minor units.
#[derive(Clone, Copy, Debug)]
pub struct Forecast<'a> {
    pub spend: &'a [f64],
    pub lo80: &'a [f64],
    pub hi80: &'a [f64],
}

/// Every value metric of a forecast against what was spent.
#[must_use]
pub fn measure_value(actual: &[f64], forecast: Forecast<'_>) -> Measured {
    let ranking = rank::Ranking::descending(forecast.spend);
    let values = [
        ("mae", value::mae(actual, forecast.spend)),
        ("total_ratio", value::total_ratio(actual, forecast.spend)),
        ("gini", value::gini(&ranking, &rank::Ranking::descending(actual), actual, None)),
        ("spearman", value::spearman(actual, forecast.spend)),
        ("coverage_80", value::coverage(actual, forecast.lo80, forecast.hi80)),
    ];
    values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
