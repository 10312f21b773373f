//! The predictive laws against numerical integration at 30 digits (bench/lifetime/outlook.py).

use perennial_contract::estimator::LoadError;
use serde_json::json;

use super::law::Law;
use super::living::{Living, Ways};
use super::spend::{FittedSpend, Kernel};
use crate::lifetime::bgnbd::{BgNbdParameters, History};
use crate::lifetime::forecast::Forecast;
use crate::lifetime::incomplete_beta::beta_cdf;
use crate::lifetime::mbgnbd::MbgNbdParameters;
use crate::lifetime::pareto_nbd::ParetoNbdParameters;

const FIXTURE: &str = include_str!("fixture.csv");

fn cases(name: &str) -> Vec<(Vec<f64>, Vec<f64>)> {
    let numbers = |text: &str| text.split(',').map(|cell| cell.parse().expect("a number")).collect();
    let lines = FIXTURE.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(',')?.split_once(';'));
    lines.map(|(case, values)| (numbers(case), numbers(values))).collect()
}

#[test]
fn chances_of_counts_agree_with_integration() {
    for name in ["never", "order", "time"] {
        let cases = cases(name);
        assert!(cases.len() >= 3, "{name}");
        for (case, expected) in cases {
            let ways = match (name, &case[3..]) {
                ("order", &[a, b]) => Ways::AfterOrder { a, b },
                ("time", &[s, beta]) => Ways::AnyTime { s, beta },
                _ => Ways::Never,
            };
            let living = Living { r: case[1], alpha: case[2], ways };
            let p = living.order_probabilities(case[0]);
            for (n, expected) in expected.iter().enumerate() {
                let is = p.get(n).copied().unwrap_or(0.0);
                assert!((is - expected).abs() < 1e-9, "{name} {case:?} n {n}: {is} {expected}");
            }
            let (total, mean) = p.iter().enumerate().fold((0.0, 0.0), |(all, mean), (n, p)| (all + p, mean + n as f64 * p));
            assert!((total - 1.0).abs() < 2e-9, "{name} {case:?}: {total}");
            assert!((mean / living.orders_expected(case[0]) - 1.0).abs() < 1e-6, "{name} {case:?}: {mean}");
            let wait = living.wait();
            assert!((wait.p_order(case[0]) - (1.0 - expected[0])).abs() < 1e-6, "{name} {case:?}: {}", wait.p_order(case[0]));
            for share in [0.1, 0.5, 0.97] {
                let p = share * wait.p_order(case[0]);
                let days = wait.days_until(p).expect("within the horizon");
                assert!((wait.p_order(days) - p).abs() < 1e-10 && days <= case[0], "{name} {case:?} {share}");
            }
        }
    }
}

#[test]
fn beta_ratios_agree_with_thirty_digits() {
    for (case, expected) in cases("beta") {
        let is = beta_cdf(case[0], case[1], case[2]);
        assert!((is - expected[0]).abs() < 1e-11 * expected[0].max(1e-3), "{case:?}: {is} {}", expected[0]);
    }
}

#[test]
fn spend_of_so_many_orders_agrees_with_integration() {
    let cases = cases("spend");
    assert!(cases.len() >= 4);
    for (case, expected) in cases {
        let &[n, p, q, v, x, total, s] = case.as_slice() else { panic!("{case:?}") };
        let read: Result<FittedSpend, _> = serde_json::from_value(json!({ "p": p, "q": q, "v": v, "basis": "likelihood" }));
        let spend = read.map_err(|error| LoadError(error.to_string())).expect("sound letters");
        let mut counts = vec![0.0; n as usize + 1];
        counts[n as usize] = 1.0;
        let mut kernel = Kernel::of(&spend, x, 30.0);
        kernel.grow(counts.len());
        let is = kernel.mix(&counts).p_below(s / spend.scale([x, total]));
        assert!((is - expected[0]).abs() < 1e-4, "{case:?}: {is} {}", expected[0]);
    }
}

/// The answers of a customer, put together from life and the future given life, are those of the models' own forecasts.
#[test]
fn laws_say_what_their_models_say() {
    let bg = BgNbdParameters { r: 0.24, alpha: 31.0, a: 0.79, b: 2.43 };
    let mbg = MbgNbdParameters { r: 0.52, alpha: 43.0, a: 0.89, b: 1.5 };
    let pareto = ParetoNbdParameters { r: 0.55, alpha: 74.0, s: 0.6, beta: 81.0 };
    let laws: [(Law, &dyn Forecast); 3] = [(Law::BgNbd(bg), &bg), (Law::MbgNbd(mbg), &mbg), (Law::ParetoNbd(pareto), &pareto)];
    for (law, model) in laws {
        for (x, t_x, t) in [(0.0, 0.0, 400.0), (3.0, 100.0, 130.0), (26.0, 180.0, 300.0), (1.0, 5.0, 700.0)] {
            let (seen, living) = (History { x, t_x, t }, law.living(x, t));
            for days in [1.0, 91.0, 365.0] {
                let alive = law.p_alive(&seen).expect("a law of leaving");
                let p = 1.0 - alive * living.wait().p_order(days);
                let exact = model.p_no_order(&seen, days);
                assert!((p - exact).abs() < 1e-6, "{law:?} {seen:?} {days}: {p} {exact}");
                let orders = alive * living.orders_expected(days);
                assert!((orders / model.orders_expected_after(&seen, days) - 1.0).abs() < 1e-9, "{law:?} {seen:?} {days}");
            }
        }
    }
}
