//! Coverage on shops whose truth is known.

use perennial_learn::lifetime::outlook::{Coverage, LawName, Outlook, Settings};

use super::shop::{BG, PARETO, Truth, lives, window};

const DAY: f64 = 730.0;
const HORIZON: i32 = 91;

/// Spend at 50, 80 and 95%; the next order at 80%, orders at 80 and 95%. Fitted as of day 730 and calibrated on the quarter before, judged on the quarter after.
fn judged(customers: usize, truth: &Truth, seed: u64) -> Result<(Outlook, Vec<Coverage>, [Coverage; 3]), String> {
    let lives = lives(customers, truth, [700, 900], seed);
    let (before, after) = (window(&lives, DAY - f64::from(HORIZON), HORIZON), window(&lives, DAY, HORIZON));
    // The luck that spreads atoms must differ from shop to shop, or its mean over shops would be that of one.
    let settings = Settings { horizons_days: vec![30, HORIZON, 365], seed, ..Settings::default() };
    let outlook = Outlook::fit(after.customers(), &[before], &settings).map_err(|refusal| refusal.to_string())?;
    let spend = outlook.spend_coverage(&after, &[50, 80, 95], seed + 1000).map_err(|refusal| refusal.to_string())?;
    let next = outlook.next_order_coverage(&after, 80, seed + 1000);
    let mut orders = outlook.orders_coverage(&after, &[80, 95], seed + 1000);
    let (Some(orders95), Some(orders80)) = (orders.pop(), orders.pop()) else { return Err("no orders".to_owned()) };
    Ok((outlook, spend, [next, orders80, orders95]))
}

fn told(coverage: &Coverage) -> String {
    let tenths: Vec<_> = coverage.tenths.iter().map(|tenth| format!("{:.3}", tenth.by_pit)).collect();
    format!("{}%: {:.4} (plain {:.4}) tenths {}", coverage.percent, coverage.by_pit, coverage.plain, tenths.join(" "))
}

#[test]
fn a_large_shop_is_covered_overall_and_by_tenth() {
    for (name, truth) in [("BG/NBD", BG), ("Pareto/NBD", PARETO)] {
        let (outlook, spend, next) = judged(60_000, &truth, 5).expect("a fit");
        println!("{name}: {:?}, buyers {:?}", outlook.orders_law(), outlook.windows()[0].buyers());
        spend.iter().chain(&next).for_each(|coverage| println!("  {}", told(coverage)));
        let expected = if name == "BG/NBD" { LawName::Bgnbd } else { LawName::ParetoNbd };
        assert_eq!(outlook.orders_law().name(), expected);
        for (coverage, within) in spend.iter().chain(&next).zip([0.015, 0.015, 0.01, 0.015, 0.015, 0.01]) {
            assert!((coverage.by_pit - 0.01 * f64::from(coverage.percent)).abs() < within, "{name} {}", told(coverage));
        }
        for coverage in [&spend[1], &next[0], &next[1]] {
            assert!(coverage.tenths.iter().all(|tenth| (tenth.by_pit - 0.8).abs() < 0.04), "{name} {}", told(coverage));
        }
    }
}

/// Mean coverage over many shops; a shop that is refused is counted, not hidden.
#[test]
fn small_shops_are_covered_on_average() {
    for (customers, shops) in [(100, 200), (300, 100), (1000, 40)] {
        for (name, truth) in [("BG/NBD", BG), ("Pareto/NBD", PARETO)] {
            let (mut sums, mut told, mut laws) = ([0.0; 6], 0.0, std::collections::BTreeMap::new());
            for seed in 0..shops {
                let Ok((outlook, spend, next)) = judged(customers, &truth, 100 + seed) else { continue };
                told += 1.0;
                let of = (format!("{:?}", outlook.orders_law().name()), format!("{:?}", outlook.orders_law().basis()));
                *laws.entry(of).or_insert(0) += 1;
                sums.iter_mut().zip(spend.iter().chain(&next)).for_each(|(sum, coverage)| *sum += coverage.by_pit);
            }
            let means = sums.map(|sum| sum / told);
            println!(
                "{customers} customers, {name}: {told} of {shops} told, 50/80/95 {:.3?}, next order 80, orders 80/95 {:.3?} {laws:?}",
                &means[..3],
                &means[3..]
            );
            assert!(told >= 0.95 * f64::from(u32::try_from(shops).unwrap()));
            let aims = [[0.5, 0.025], [0.8, 0.015], [0.95, 0.01], [0.8, 0.015], [0.8, 0.015], [0.95, 0.01]];
            for (mean, [level, within]) in means.into_iter().zip(aims) {
                assert!((mean - level).abs() < within, "{customers} customers, {name}: {mean} instead of {level}");
            }
        }
    }
}
