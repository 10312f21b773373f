//! The outlook of the example report.

use perennial_contract::Day;

use super::data::*;

pub fn outlook() -> Outlook {
    let stage = |en: &str, zh: &str, customers: u64| StageFacts {
        rank: 0,
        name: Phrase::both(en, zh),
        meaning: Phrase::both("orders at the usual pace", "按正常节奏下单"),
        customers,
        spend_cents_expected: 4_000.0 * customers as f64,
    };
    let horizon = |(at, days): (usize, i32)| HorizonTotals {
        days,
        is_extrapolated: days > 200,
        buyers_expected: 2_000.0 * (at + 1) as f64,
        orders_expected: 3_100.0 * (at + 1) as f64,
        spend_cents_expected: 9_000_000.0 * (at + 1) as f64,
        gross_cents_expected: 9_900_000.0 * (at + 1) as f64,
        margin_cents_expected: Some(3_600_000.0 * (at + 1) as f64),
    };
    let coverage = |(of, percent): (Promise, u32)| CoverageRow {
        of,
        percent,
        by_pit: f64::from(percent) / 100.0 + 0.004,
        tenths: (f64::from(percent) / 100.0 - 0.03, f64::from(percent) / 100.0 + 0.02),
        plain: 0.97,
    };
    let row = |repeats: u64| RepeatRow {
        repeats,
        or_more: repeats == 3,
        customers: 900 - 200 * repeats,
        expected: 0.2 + 0.5 * repeats as f64,
        actual: 0.25 + 0.45 * repeats as f64,
    };
    let week = |k: i32| TrackedWeek { days: 7 * k, expected: 410.0 * f64::from(k), actual: 390.0 * f64::from(k) + 20.0 };
    let cohort = |quarter: i32| SecondOrders {
        quarter: Day(14_610 + 91 * quarter),
        customers: 800,
        share: (1..=12 - 2 * quarter as usize).map(|month| 0.3 - 0.3 / (1.0 + month as f64)).collect(),
    };
    Outlook {
        set_right_from: None,
        law: "pareto_nbd".into(),
        stages: vec![stage("New", "新客户", 310), stage("Active", "活跃", 900), stage("Dormant", "沉睡", 0)],
        migration: Some(StageMigration {
            from: Day(15_219),
            to: Day(15_309),
            counts: vec![vec![40, 60, 0], vec![0, 700, 0], vec![0, 0, 0]],
        }),
        horizons: [30, 60, 90, 180, 365].into_iter().enumerate().map(horizon).collect(),
        test: Some(OutlookTest {
            from: Day(15_219),
            days: 90,
            customers: 10_000,
            coverage: [(Promise::Spend, 50), (Promise::Spend, 80), (Promise::NextOrder, 80), (Promise::NextOrder, 95)]
                .map(coverage)
                .to_vec(),
            weeks: (1..=13).map(week).collect(),
            money: Some(MoneyTest { net_ratio: 0.97, gross_ratio: 0.98 }),
            by_repeats: (0..4).map(row).collect(),
        }),
        matrix: OrdersMatrix {
            days_since_last_order: vec![0, 100, 200],
            horizon_days: 90,
            orders_expected: vec![vec![None, None, Some(0.1)], vec![Some(1.2), Some(0.6), None]],
        },
        second_orders: (0..4).map(cohort).collect(),
    }
}
