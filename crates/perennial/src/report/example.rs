//! A whole report's data with made-up numbers that look like a mid-sized shop: for tests and for looking at the page.

use std::collections::BTreeMap;

use perennial_contract::Day;

use super::data::*;

fn day(year: i32, month: u32, date: u32) -> Day {
    Day::from_ymd(year, month, date).expect("a day of the calendar")
}

fn month(index: i32) -> Day {
    day(2024 + index.div_euclid(12), index.rem_euclid(12) as u32 + 1, 1)
}

/// A wave in 0..1 without a random number: enough to make the drawings uneven.
fn wave(i: usize) -> f64 {
    ((i as f64 * 2.399).sin() + (i as f64 * 0.73).cos() + 2.0) / 4.0
}

impl ReportData {
    pub fn example() -> Self {
        Self {
            shop: Shop {
                name: "Larch & Linen".into(),
                currency: "EUR".into(),
                zone: "Europe/Berlin".into(),
                language: "en".into(),
                simulated: true,
            },
            frame: frame(),
            overview: overview(),
            quality: Section::Shown(quality()),
            cohorts: Section::Shown(cohorts()),
            segments: Section::Shown(segments()),
            churn: Section::Shown(churn()),
            value: Section::Shown(value()),
            at_risk: Section::Shown(at_risk()),
            outlook: Section::Shown(super::example_outlook::outlook()),
            models: models(),
            words: words(),
            groups: groups(),
            provenance: Provenance {
                version: "0.1.0".into(),
                seed: 42,
                produced_at: None,
                batches: vec![BatchFacts {
                    id: "2026-01-03-7f3a".into(),
                    format: "online-retail".into(),
                    imported_at: "2026-01-03 09:12".into(),
                    files: vec![FileFacts {
                        name: "orders.csv.gz".into(),
                        sha256: "24bb5fccf34d11309a5b1462ea4b875ebf120ec76fb38b2df2ddc308656f0623".into(),
                        bytes: 7_560_905,
                    }],
                }],
            },
        }
    }

    /// A shop before its first order: every part missing.
    pub fn nothing() -> Self {
        let absent = || Phrase::both("there are no orders", "没有订单");
        let mut data = Self::example();
        data.shop.simulated = false;
        data.overview = Overview::default();
        data.frame =
            Frame { customers_known: 0, customers_eligible: 0, base_rate: None, gap_days: None, test_cut: None, ..frame() };
        data.frame.train_cuts.clear();
        data.quality = Section::Absent(absent());
        data.cohorts = Section::Absent(absent());
        data.segments = Section::Absent(absent());
        data.churn = Section::Absent(absent());
        data.value = Section::Absent(absent());
        data.at_risk = Section::Absent(absent());
        data.models.clear();
        data.provenance.batches.clear();
        data
    }

    /// A shop whose data carry no model: the gate is shut and everything is refused.
    pub fn refused() -> Self {
        let mut data = Self::example();
        let few = "93 of 14,904 customers bought twice: 50 leavers and 50 stayers are needed in the test window";
        data.churn = Section::Refused(few.into());
        data.value = Section::Refused(few.into());
        data.at_risk = Section::Refused("no churn model answers".into());
        data.segments = Section::Refused("one customer cannot be grouped".into());
        if let Section::Shown(quality) = &mut data.quality {
            quality.open = false;
            quality.rules[0].passed = false;
            quality.rules[0].count = 312;
            quality.rules[0].finding = Phrase::both("312 orders share a key with another", "312 笔订单与其他订单主键相同");
        }
        for model in &mut data.models {
            model.status = ModelStatus::Refused;
            model.reason = Some(few.into());
            model.metrics.clear();
        }
        data
    }
}

fn frame() -> Frame {
    Frame {
        as_of: day(2026, 1, 1),
        horizon_days: 90,
        horizon_reason: Phrase::both(
            "80% of repeat orders come within 74 days of the one before; rounded up to a quarter of a year.",
            "80% 的复购发生在上一单之后 74 天内，向上取整为一个季度。",
        ),
        look_back_days: 180,
        within: Phrase::both("in the next 90 days", "在未来 90 天内"),
        leaving: Phrase::both(
            "no order in the next 90 days, asked of customers with an order in the 180 days before",
            "未来 90 天内无订单；仅针对此前 180 天内下过单的客户",
        ),
        look_back_reason: Phrase::both("Twice the horizon.", "预测期的两倍。"),
        customers_known: 18_204,
        customers_eligible: 7_412,
        base_rate: Some(0.413),
        gap_days: Some(GapDays { q50: 31.0, q80: 74.0, q90: 121.0 }),
        train_cuts: (0..6).map(|k| month(15 + k)).collect(),
        test_cut: Some(day(2025, 10, 3)),
        hindsight: None,
        season: None,
    }
}

fn overview() -> Overview {
    let months: Vec<MonthFacts> = (0..25)
        .map(|i| {
            let season = if i % 12 == 10 || i % 12 == 11 { 1.6 } else { 1.0 };
            let size = (0.7 + wave(i) * 0.3 + i as f64 * 0.016) * season;
            let complete = i < 24;
            let cut = if complete { 1.0 } else { 0.2 };
            MonthFacts {
                month: month(i as i32),
                net_revenue_cents: (size * cut * 11_823_417.0) as i64,
                orders: (size * cut * 1_930.0) as u64,
                customers_active: (size * cut * 1_610.0) as u64,
                customers_first: (size * cut * (760.0 - i as f64 * 9.0)) as u64,
                complete,
            }
        })
        .collect();
    let net: i64 = months.iter().map(|m| m.net_revenue_cents).sum();
    let lorenz = (0..=40).map(|k| f64::from(k) / 40.0).map(|x| LorenzPoint { customers: x, revenue: x.powf(3.4) });
    Overview {
        first_day: Some(day(2024, 1, 1)),
        last_day: Some(day(2025, 12, 31)),
        customers: 18_204,
        customers_repeat: 7_991,
        orders: months.iter().map(|m| m.orders).sum(),
        orders_no_sale: 431,
        orders_guest: 4_870,
        lines: 171_302,
        returns: 6_214,
        sales_cents: net + 13_902_233,
        returned_cents: 13_902_233,
        net_revenue_cents: net,
        guest_revenue_cents: 21_340_981,
        months,
        lorenz: lorenz.collect(),
    }
}

fn quality() -> Quality {
    let rule = |name: &str, table: &str, severity, passed, count, finding: Phrase| RuleResult {
        name: name.into(),
        table: table.into(),
        severity,
        passed,
        count,
        of: 171_302,
        finding,
    };
    Quality {
        open: true,
        overridden: None,
        rules: vec![
            rule("unique_key", "orders", Severity::Error, true, 0, Phrase::both("every key is unique", "主键均唯一")),
            rule(
                "guest_share",
                "orders",
                Severity::Warning,
                false,
                4_870,
                Phrase::both(
                    "one order in ten has no customer; they count in revenue and in nothing else",
                    "约一成订单没有客户，只计入收入",
                ),
            ),
            rule("duplicate_lines", "order_items", Severity::Warning, false, 1_204, "exact copies of an earlier line".into()),
            rule(
                "references",
                "order_items",
                Severity::Error,
                true,
                0,
                Phrase::both("every line has its order", "明细均有对应订单"),
            ),
            rule(
                "future_days",
                "orders",
                Severity::Info,
                false,
                3,
                Phrase::both("ordered after the import", "下单时间晚于导入时间"),
            ),
        ],
        rejects: vec![
            RejectGroup {
                table: "order_items".into(), reason: Phrase::both("unit price is below 0", "单价小于 0"), rows: 41
            },
            RejectGroup { table: "orders".into(), reason: Phrase::both("not a time", "时间无法识别"), rows: 7 },
        ],
        reconciliation: Some(Balance {
            stated: "3126834.71".into(),
            rejected: "-212.50".into(),
            rounding: "0.004".into(),
            loaded: "3127047.206".into(),
            balanced: true,
        }),
        policies: vec![PolicyEffect {
            table: "order_items".into(),
            policy: Phrase::both("drop exact duplicates", "删除完全重复的行"),
            rows_changed: 0,
            rows_dropped: 1_204,
        }],
        tables: ["orders", "order_items", "returns"]
            .iter()
            .enumerate()
            .map(|(i, name)| TableFacts {
                name: (*name).into(),
                rows: 48_102 * (i as u64 + 1),
                rejected: 7,
                duplicates: 12 * i as u64,
                outliers: 180,
                first_day: Some(day(2024, 1, 1)),
                last_day: Some(day(2025, 12, 31)),
                days_without_rows: 4,
                columns: ["order_id", "customer_id", "ordered_at", "total_cents"]
                    .iter()
                    .enumerate()
                    .map(|(k, column)| ColumnFacts {
                        name: (*column).into(),
                        nulls: if k == 1 { 4_870 } else { 0 },
                        distinct: Some(48_102 / (k as u64 + 1)),
                        distinct_approximate: k == 3,
                        min: (k == 3).then(|| "0.95".into()),
                        median: (k == 3).then(|| "52.40".into()),
                        max: (k == 3).then(|| "2,310.00".into()),
                        histogram: if k == 3 { vec![3, 18, 44, 61, 40, 21, 11, 6, 3, 1] } else { vec![] },
                    })
                    .collect(),
            })
            .collect(),
    }
}

fn cohorts() -> Cohorts {
    let rows = (0..23)
        .map(|i| {
            let customers = 820 - i as u64 * 11;
            let rate = |k: usize| 0.09 + 0.19 * (-(k as f64) / 3.0).exp() + 0.02 * wave(i * 7 + k);
            let active = (0..(23 - i)).map(|k| (customers as f64 * rate(k)) as u64).collect();
            Cohort { month: month(i as i32), customers, active }
        })
        .collect();
    Cohorts { rows, note: None }
}

fn segments() -> Segments {
    let names = [
        "champions",
        "loyal",
        "potential_loyalists",
        "new",
        "need_attention",
        "about_to_sleep",
        "at_risk",
        "hibernating",
        "lost",
    ];
    let customers = [1_310, 2_240, 1_905, 1_420, 1_530, 1_610, 2_101, 2_988, 3_100];
    let spend = [98_211_020, 84_300_110, 31_020_005, 9_100_400, 21_800_740, 12_100_930, 34_020_310, 15_110_200, 7_020_400];
    let facts = |i: usize| SegmentFacts {
        name: names[i].into(),
        customers: customers[i],
        spend_cents: spend[i],
        days_since_last_order_median: Some(9.0 + 44.0 * i as f64),
        orders_mean: 11.2 / (i as f64 + 1.0) + 1.0,
        customers_once: customers[i] * i as u64 / 9,
        customers_active: if i < 7 { customers[i] / 2 } else { 0 },
        p_churn_mean: (i < 7).then(|| (0.12 + 0.1 * i as f64).min(0.97)),
        traits: vec![],
    };
    let counts: Vec<Vec<u64>> = (0..9)
        .map(|i: usize| {
            let part = |j: usize| if i == j { 0.62 } else { 0.3 / (1.0 + 2.2 * (j.abs_diff(i)) as f64) * wave(i * 9 + j) };
            (0..9).map(|j| (customers[i] as f64 * part(j) * 0.8) as u64).collect()
        })
        .collect();
    let cluster = |name: &str, customers, spend_cents, feature: &str, value, everybody| SegmentFacts {
        name: name.into(),
        customers,
        spend_cents,
        days_since_last_order_median: Some(60.0),
        orders_mean: 3.1,
        customers_once: customers / 3,
        customers_active: customers / 2,
        p_churn_mean: Some(0.44),
        traits: vec![
            SegmentTrait { feature: feature.into(), value, everybody },
            SegmentTrait { feature: "days_since_last_order".into(), value: 41.0, everybody: 130.0 },
        ],
    };
    Segments {
        rfm: (0..9).map(facts).collect(),
        clusters: Section::Shown(Clusters {
            groups: vec![
                cluster("k1", 9_120, 61_200_000, "orders_all", 1.4, 3.2),
                cluster("k2", 6_010, 120_300_000, "discount_cents_share", 0.31, 0.12),
                cluster("k3", 3_074, 131_182_115, "spend_cents_all", 42_680.0, 17_100.0),
            ],
            silhouette: 0.34,
            stability: Some(0.91),
            chosen_because: Phrase::both(
                "Three groups: the best separation among 2 to 8 that also comes back on bootstrap samples.",
                "分为三组：在 2 至 8 组中分离度最好，且在自助抽样中稳定重现。",
            ),
        }),
        migration: Some(Migration {
            from: day(2025, 10, 3),
            to: day(2026, 1, 1),
            names: names.iter().map(|name| (*name).into()).collect(),
            silent: counts.iter().map(|row| row.iter().map(|n| n / 3).collect()).collect(),
            counts,
            arrivals: vec![20, 60, 240, 1_130, 40, 10, 0, 0, 0],
        }),
    }
}

fn metric(metric: &str, champion: f64, baseline: f64, spread: f64) -> MetricRow {
    let with = |value: f64| Estimate { value, interval: Some((value - spread, value + spread)) };
    MetricRow {
        metric: metric.into(),
        champion: with(champion),
        baseline: Some(with(baseline)),
        difference: Some(with(champion - baseline)),
    }
}

fn churn() -> Churn {
    let gain = |power: f64| {
        (0..=50).map(|k| f64::from(k) / 50.0).map(|x| GainPoint { contacted: x, captured: 1.0 - (1.0 - x).powf(power) }).collect()
    };
    let features = [
        ("days_since_last_order", 0.71),
        ("orders_90d", 0.38),
        ("gap_days_mean", 0.29),
        ("spend_cents_all", 0.17),
        ("sessions_30d", 0.15),
        ("discount_cents_share", 0.09),
        ("category_top", 0.05),
    ];
    Churn {
        champion: "logistic".into(),
        baseline: "logistic_rfm".into(),
        test_customers: 7_020,
        base_rate: 0.413,
        metrics: vec![
            metric("auroc", 0.8124, 0.7911, 0.0086),
            metric("pr_auc", 0.7402, 0.7113, 0.012),
            metric("log_loss", 0.5122, 0.5371, 0.0068),
            metric("brier", 0.1701, 0.1794, 0.003),
            metric("ece", 0.0113, 0.0192, 0.0151),
            metric("lift_10", 2.21, 2.13, 0.03),
        ],
        reliability: (0..10)
            .map(|k| {
                let predicted = 0.05 + 0.09 * f64::from(k);
                ReliabilityBin { predicted, observed: predicted + 0.05 * (wave(k as usize) - 0.5), customers: 702 }
            })
            .collect(),
        gain: gain(2.3),
        gain_baseline: gain(2.0),
        slices: slices(0.41, 0.02),
        drift: drift(0.41),
        scores: (0..20).map(|k| 200 + (f64::from(k) * 0.5).sin().abs().mul_add(520.0, f64::from(k) * 6.0) as u64).collect(),
        importance: features.iter().map(|(f, v)| Importance { feature: (*f).into(), mean_abs: *v }).collect(),
        today: ChurnToday {
            customers: 7_412,
            leavers_expected: 3_011.4,
            usual_spend_cents: 42_191_204.0,
            at_risk_cents: 11_402_381.0,
        },
    }
}

fn slices(mean: f64, error: f64) -> Vec<CalibrationSlice> {
    let kinds = [
        ("segment", "loyal", 0.0),
        ("segment", "new", 0.06),
        ("country", "GB", 0.01),
        ("country", "", -0.05),
        ("orders", "4+", 0.0),
    ];
    let slice = |(by, group, off): &(&str, &str, f64)| CalibrationSlice {
        by: (*by).into(),
        group: (*group).into(),
        customers: 1_404,
        predicted: mean,
        observed: mean * (1.0 - off),
        error: error * mean,
    };
    kinds.iter().map(slice).collect()
}

fn drift(mean: f64) -> Vec<CalibrationPoint> {
    let point = |k: usize| CalibrationPoint {
        from: month(15 + k as i32),
        customers: 1_500,
        predicted: mean,
        observed: mean * (0.9 + 0.2 * wave(k)),
        error: 0.03 * mean,
    };
    (0..4).map(point).collect()
}

fn value() -> Value {
    let deciles = (0..10)
        .map(|k| {
            let predicted = 240.0 * 1.55_f64.powi(k) + 100.0;
            ValueDecile {
                customers: 1_820,
                predicted_cents: predicted,
                actual_cents: predicted * (0.9 + 0.25 * wave(k as usize + 3)),
                lo80_cents: predicted * 0.25,
                hi80_cents: predicted * 2.1,
            }
        })
        .collect();
    Value {
        champion: "bgnbd_gamma_gamma".into(),
        horizon_days: 90,
        baseline: "value_mean".into(),
        test_customers: 18_204,
        metrics: vec![
            metric("mae", 3_120.0, 3_345.0, 61.0),
            metric("total_ratio", 1.031, 1.102, 0.02),
            metric("gini", 0.612, 0.588, 0.011),
            metric("coverage_80", 0.792, 0.846, 0.006),
        ],
        deciles,
        slices: slices(8_000.0, 0.05),
        drift: drift(8_000.0),
        predicted_total_cents: 33_120_400.0,
        actual_total_cents: 32_124_561,
        coverage_80: Some(0.792),
        expected_total_cents: Some(35_904_812.0),
    }
}

fn at_risk() -> AtRisk {
    let customers = (0..12_u32)
        .map(|k| {
            let size = 1.0 / (1.0 + 0.14 * f64::from(k));
            RiskCustomer {
                customer_id: format!("C{:05}", 10_233 + k * 977),
                segment: Some(if k % 3 == 0 { "at_risk" } else { "loyal" }.into()),
                p_churn: 0.52 + 0.4 * wave(k as usize),
                usual_spend_cents: 214_000.0 * size,
                expected: Some(SpendRange { expected_cents: 61_000.0 * size, lo80_cents: 0.0, hi80_cents: 190_400.0 * size }),
                days_since_last_order: 41 + 7 * i64::from(k),
                orders: u64::from(24 - k),
                reasons: vec![
                    reason("days_since_last_order", Some(FeatureValue::Number(f64::from(41 + 7 * k))), 0.92 * size),
                    reason("orders_90d", Some(FeatureValue::Number(0.0)), 0.51),
                    reason("spend_cents_all", Some(FeatureValue::Number(812_340.0 * size)), -0.38),
                    reason("category_top", Some(FeatureValue::Text("Curtains & blinds".into())), 0.11),
                    reason("csat_score_mean", None, 0.05),
                ],
            }
        })
        .collect();
    AtRisk { model: "logistic".into(), explains: true, customers }
}

pub fn reason(feature: &str, value: Option<FeatureValue>, contribution: f64) -> Reason {
    Reason { feature: feature.into(), value, contribution }
}

fn models() -> Vec<ModelRow> {
    let row = |task: &str, name: &str, status, baseline, reason: Option<Phrase>, metrics: &[(&str, f64)]| ModelRow {
        task: task.into(),
        name: name.into(),
        version: 1,
        status,
        baseline,
        reason,
        metrics: metrics
            .iter()
            .map(|(metric, value)| ModelMetric {
                metric: (*metric).into(),
                estimate: Estimate { value: *value, interval: Some((value - 0.009, value + 0.009)) },
            })
            .collect(),
    };
    let churn = |auroc, brier, ece| [("auroc", auroc), ("brier", brier), ("ece", ece)];
    vec![
        row("churn", "logistic_rfm", ModelStatus::Candidate, true, None, &churn(0.7911, 0.1794, 0.0192)),
        row(
            "churn",
            "boost",
            ModelStatus::Candidate,
            false,
            Some(Phrase::both("beats the baseline, not the champion", "优于基线，但不优于冠军")),
            &churn(0.8032, 0.174, 0.0141),
        ),
        row("churn", "logistic", ModelStatus::Champion, false, None, &churn(0.8124, 0.1701, 0.0113)),
        row(
            "churn",
            "bgnbd",
            ModelStatus::Refused,
            false,
            Some(Phrase::both(
                "no finite maximum: b grows without bound, nobody drops out in these data",
                "似然没有有限的最大值：b 趋于无穷，数据中看不到客户流失",
            )),
            &[],
        ),
        row(
            "value",
            "boost",
            ModelStatus::Refused,
            false,
            Some("total 1.26 times the actual spend, allowed is 1.10".into()),
            &[("mae", 3_390.0), ("total_ratio", 1.26), ("gini", 0.601)],
        ),
        row(
            "value",
            "value_mean",
            ModelStatus::Candidate,
            true,
            None,
            &[("mae", 3_345.0), ("total_ratio", 1.102), ("gini", 0.588)],
        ),
        row(
            "value",
            "bgnbd_gamma_gamma",
            ModelStatus::Champion,
            false,
            None,
            &[("mae", 3_120.0), ("total_ratio", 1.031), ("gini", 0.612)],
        ),
        row("segment", "rfm", ModelStatus::Champion, false, None, &[]),
        row("segment", "kmeans", ModelStatus::Candidate, false, None, &[("silhouette", 0.34), ("stability", 0.91)]),
    ]
}

fn words() -> BTreeMap<String, FeatureWords> {
    [
        ("days_since_last_order", "days since the last order", "距上次购买天数", Unit::Days),
        ("orders_90d", "purchase days in the last 90 days", "近 90 天购买天数", Unit::Count),
        ("orders_all", "purchase days so far", "累计购买天数", Unit::Count),
        ("gap_days_mean", "mean days between orders", "平均下单间隔", Unit::Days),
        ("spend_cents_all", "net spend so far", "累计净消费", Unit::Cents),
        ("sessions_30d", "visits in the last 30 days", "近 30 天访问次数", Unit::Count),
        ("discount_cents_share", "share of spend discounted", "折扣占比", Unit::Share),
        ("category_top", "favourite category", "最常买的品类", Unit::Plain),
    ]
    .into_iter()
    .map(|(name, en, zh, unit)| (name.to_owned(), FeatureWords { en: en.to_owned(), zh: zh.to_owned(), unit }))
    .collect()
}

fn groups() -> BTreeMap<String, GroupWords> {
    [
        ("k1", "long gone quiet, ordered seldom", "久未下单、下单很少"),
        ("k2", "buy on discount, ordered lately", "偏好折扣、近期下单"),
        ("k3", "spend much, order often", "消费高、下单频繁"),
    ]
    .into_iter()
    .map(|(key, en, zh)| (key.to_owned(), GroupWords { name: Phrase::both(en, zh), description: Phrase::both(en, zh) }))
    .collect()
}
