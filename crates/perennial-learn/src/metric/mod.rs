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
    churn(
        "auroc",
        Better::Higher,
        "chance that a leaver scores above a stayer, ties count half",
        "流失者得分高于留存者的概率，平分计一半",
    ),
    churn(
        "pr_auc",
        Better::Higher,
        "average precision: mean precision over the recall steps of the leavers",
        "平均精度：流失者召回各步的精度均值",
    ),
    churn(
        "log_loss",
        Better::Lower,
        "mean negative log-likelihood of the label, natural logarithm",
        "标签的平均负对数似然（自然对数）",
    ),
    churn("brier", Better::Lower, "mean squared error of the probability", "概率的均方误差"),
    churn("ece", Better::Lower, "expected calibration error over 15 bins of equal width", "15 个等宽分箱的期望校准误差"),
    churn(
        "lift_10",
        Better::Higher,
        "share of leavers among the 10% highest scores over the share among all",
        "得分最高 10% 中流失占比与整体流失占比之比",
    ),
    churn(
        "total_ratio",
        Better::Near(1.0),
        "predicted buyers over actual buyers, Σ(1 − p) / Σ(1 − y)",
        "预测购买人数与实际购买人数之比",
    ),
    spend(
        "mae",
        Better::Lower,
        "mean absolute error, minor units; predicting nobody spends can win it, so never read it alone",
        "平均绝对误差（分）；全预测为零也可能占优，勿单独解读",
    ),
    spend("total_ratio", Better::Near(1.0), "predicted spend over actual spend", "预测消费总额与实际消费总额之比"),
    spend(
        "gini",
        Better::Higher,
        "Gini of spend ordered by prediction over Gini of spend ordered by itself",
        "按预测排序的消费基尼系数与按自身排序的基尼系数之比",
    ),
    spend(
        "spearman",
        Better::Higher,
        "rank correlation of predicted and actual spend, ties share their mean rank",
        "预测与实际消费的等级相关，并列取平均名次",
    ),
    spend(
        "coverage_80",
        Better::Near(0.8),
        "share of customers whose spend lies in their 80% interval",
        "实际消费落在 80% 区间内的客户占比",
    ),
    segment(
        "silhouette",
        Better::Higher,
        "mean silhouette in the model's own feature space, on a seeded sample above 2,000 rows",
        "模型特征空间中的平均轮廓系数，超过 2,000 行时抽样",
    ),
    segment(
        "stability",
        Better::Higher,
        "mean adjusted Rand index of segmentations refitted on bootstrap samples",
        "自助样本重新拟合后分群的平均调整兰德指数",
    ),
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

#[cfg(test)]
mod tests {
    use super::cluster::{Points, adjusted_rand, silhouette};
    use super::rank::Ranking;
    use super::*;

    const P: [f64; 12] = [0.1, 0.4, 0.35, 0.8, 0.4, 0.65, 0.05, 0.9, 0.4, 0.2, 0.75, 0.6];
    const Y: [bool; 12] = [false, false, true, true, true, false, false, true, false, false, true, true];
    const SPENT: [f64; 12] = [0.0, 0.0, 120.0, 0.0, 35.5, 900.0, 0.0, 60.0, 60.0, 15.0, 0.0, -20.0];
    const FORECAST: [f64; 12] = [10.0, 0.0, 80.0, 10.0, 50.0, 300.0, 0.0, 40.0, 90.0, 40.0, 5.0, 10.0];

    #[track_caller]
    fn near(is: Option<f64>, wants: f64) {
        let is = is.unwrap();
        assert!((is - wants).abs() <= 1e-14 * wants.abs().max(1.0), "{is}, expected {wants}");
    }

    /// Numbers of scikit-learn 1.9.1 on the same rows; ECE by NumPy over 15 bins of equal width.
    #[test]
    fn churn_metrics_are_those_of_scikit_learn() {
        let m = measure_churn(&Y, &P);
        near(m.get("auroc").copied(), 0.833_333_333_333_333_3);
        near(m.get("pr_auc").copied(), 0.848_611_111_111_111_1);
        near(m.get("log_loss").copied(), 0.462_032_946_079_407_2);
        near(m.get("brier").copied(), 0.154_166_666_666_666_67);
        near(m.get("ece").copied(), 0.166_666_666_666_666_66);
        near(m.get("lift_10").copied(), 2.0);
        near(m.get("total_ratio").copied(), (12.0 - P.iter().sum::<f64>()) / 6.0);
        let weights = [2.0, 0.0, 1.0, 3.0, 1.0, 0.0, 2.0, 1.0, 1.0, 1.0, 0.0, 4.0];
        let ranking = Ranking::descending(&P);
        near(classify::auroc(&ranking, &Y, Some(&weights)), 0.975);
        near(classify::average_precision(&ranking, &Y, Some(&weights)), 0.980_909_090_909_091);
    }

    /// Numbers of scikit-learn 1.9.1 and SciPy 1.17.1; Gini as 2 cov(spent, rank) / (n mean), normalised, by NumPy.
    #[test]
    fn value_metrics_are_those_of_scipy() {
        let forecast = Forecast { spend: &FORECAST, lo80: &[0.0; 12], hi80: &[100.0; 12] };
        let m = measure_value(&SPENT, forecast);
        near(m.get("mae").copied(), 65.375);
        near(m.get("spearman").copied(), 0.853_534_351_674_184_6);
        near(m.get("total_ratio").copied(), 0.542_503_203_759_077_3);
        near(m.get("gini").copied(), 0.968_940_746_584_727_4);
        near(m.get("coverage_80").copied(), 9.0 / 12.0);
    }

    /// Numbers of scikit-learn 1.9.1.
    #[test]
    fn cluster_metrics_are_those_of_scikit_learn() {
        near(adjusted_rand(&[0, 0, 1, 1, 2, 2, 2, 0], &[1, 1, 1, 0, 0, 2, 2, 1]), 0.363_636_363_636_363_65);
        let values = vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.5, 5.0, 5.0, 6.0, 5.0, 5.5, 7.0, 10.0, 0.0];
        near(silhouette(&Points { values, width: 2 }, &[0, 0, 0, 1, 1, 1, 2], 1), 0.670_028_959_446_615_7);
    }

    #[test]
    fn undefined_metrics_are_absent_not_wrong() {
        let one_class = measure_churn(&[true, true], &[0.2, 0.9]);
        assert!(!one_class.contains_key("auroc") && one_class.contains_key("brier"));
        assert!(measure_churn(&[], &[]).is_empty());
        let nobody = measure_value(&[0.0, 0.0], Forecast { spend: &[1.0, 2.0], lo80: &[0.0; 2], hi80: &[3.0; 2] });
        assert_eq!(nobody.keys().copied().collect::<Vec<_>>(), ["coverage_80", "mae"]);
    }

    #[test]
    fn bootstrap_sees_a_real_gain_and_none_in_a_copy() {
        let customer: Vec<u32> = (0..600).collect();
        let labels: Vec<bool> = (0..600).map(|i| i % 3 == 0).collect();
        let good: Vec<f64> = (0..600).map(|i| if i % 3 == 0 { 0.6 } else { 0.3 } + f64::from(i * 37 % 100) / 250.0).collect();
        let poor: Vec<f64> = (0..600).map(|i| f64::from(i * 61 % 100) / 100.0).collect();
        let draws = bootstrap::Draws { count: 200, seed: 3 };
        let pair = bootstrap::Pair { candidate: &good, rival: &poor };
        let gain = bootstrap::auroc(&labels, pair, &customer, draws).unwrap();
        assert!(gain.lo95 > 0.1 && gain.lo95 < gain.gain && gain.gain < gain.hi95 && gain.p_better == 1.0, "{gain:?}");
        assert_eq!(bootstrap::auroc(&labels, pair, &customer, draws).unwrap(), gain);
        let same = bootstrap::Pair { candidate: &good, rival: &good };
        let none = bootstrap::log_loss(&labels, same, &customer, draws).unwrap();
        assert_eq!((none.gain, none.lo95, none.hi95, none.p_better), (0.0, 0.0, 0.0, 0.5));
    }
}
