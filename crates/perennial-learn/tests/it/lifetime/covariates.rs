//! Covariates of BG/NBD and Pareto/NBD: coefficients come back from simulation, and what no coefficient can be found for is refused.

use perennial_contract::Table;
use perennial_contract::estimator::{FitError, FitSummary};
use perennial_learn::catalog::FLAT_FITS;
use perennial_learn::lifetime::bgnbd::{self, BgNbdParameters, History};
use perennial_learn::lifetime::covaried::fit::{Known, fit};
use perennial_learn::lifetime::flat;
use perennial_learn::lifetime::forecast::Forecast;
use perennial_learn::lifetime::pareto_nbd::{self, ParetoNbdParameters};
use rand::RngExt;
use rand_pcg::Pcg64;
use serde_json::{Value, json};

use super::check::{COLUMNS, near};
use super::data;
use super::simulate::{Life, beta, gamma, lives};

/// Of a group (0 or 1) and an age in decades, per letter.
type Coefficients = [[f64; 2]; 3];

const NONE: Coefficients = [[0.0; 2]; 3];

struct Columns {
    history: [Vec<f64>; 3],
    group: Vec<f64>,
    decades: Vec<f64>,
}

impl Columns {
    fn with(&self, more: &[(&str, &[f64])]) -> Table {
        let [x, t_x, t] = &self.history;
        let history: [(&str, &[f64]); 3] = [("x", x), ("t_x", t_x), ("T", t)];
        data::table(&history.iter().chain(more).copied().collect::<Vec<_>>())
    }

    fn table(&self) -> Table {
        self.with(&[("group", &self.group), ("decades", &self.decades)])
    }
}

/// `n` customers of whom each has a life drawn from the letters that their group and age move.
fn drawn(n: usize, of: Coefficients, life: impl Fn(&mut Pcg64, [f64; 3]) -> Life) -> Columns {
    let (mut group, mut decades) = (Vec::new(), Vec::new());
    let drawn = lives(n, 30..=110, 0.0, |random| {
        let z = [f64::from(random.random_range(0..2_u32)), f64::from(random.random_range(18..80_u32)) / 10.0];
        group.push(z[0]);
        decades.push(z[1]);
        life(random, of.map(|by| (by[0] * z[0] + by[1] * z[1]).exp()))
    });
    let column = |f: fn(&History) -> f64| drawn.iter().map(|customer| f(&customer.seen)).collect();
    Columns { history: [column(|h| h.x), column(|h| h.t_x), column(|h| h.t)], group, decades }
}

fn of_bgnbd(n: usize, of: Coefficients) -> Columns {
    drawn(n, of, |random, [alpha, a, b]| Life {
        rate: gamma(random, 0.8, 12.0 / alpha),
        k: 1,
        p: beta(random, 0.6 * a, 2.0 * b),
        p_first: 0.0,
        until: f64::INFINITY,
    })
}

fn of_pareto(n: usize, of: Coefficients) -> Columns {
    drawn(n, of, |random, [alpha, beta, _]| {
        let leaving = gamma(random, 0.7, 14.0 / beta);
        Life { rate: gamma(random, 0.8, 12.0 / alpha), k: 1, p: 0.0, p_first: 0.0, until: gamma(random, 1.0, leaving) }
    })
}

const BGNBD: Coefficients = [[0.6, 0.1], [0.5, -0.1], [-0.3, 0.05]];
const PARETO: Coefficients = [[0.6, 0.1], [-0.5, 0.2], [0.0; 2]];

fn number(of: &serde_json::Map<String, Value>, name: &str) -> f64 {
    of.get(name).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {name} in {of:?}"))
}

/// Within four standard errors, which are below this.
#[track_caller]
fn recovers(found: &FitSummary, truth: &[(&str, f64, f64)]) {
    assert_eq!(found.parameters.len(), truth.len());
    for (name, truth, width) in truth {
        let (is, se) = (number(&found.parameters, name), number(&found.standard_errors, name));
        assert!((is - truth).abs() < 4.0 * se && se < *width, "{name}: {is} ± {se} instead of {truth}");
    }
}

#[test]
fn simulated_coefficients_of_bgnbd_come_back() {
    let found = flat::bgnbd(&of_bgnbd(40_000, BGNBD).table()).expect("a fit");
    let letters = [("r", 0.8, 0.02), ("alpha", 12.0, 0.6), ("a", 0.6, 0.15), ("b", 2.0, 0.6)];
    let moved = [("alpha.group", 0.6, 0.03), ("alpha.decades", 0.1, 0.01), ("a.group", 0.5, 0.1), ("a.decades", -0.1, 0.04)];
    recovers(&found, &[&letters[..], &moved[..], &[("b.group", -0.3, 0.12), ("b.decades", 0.05, 0.05)]].concat());
    let gain = number(&found.extra, "log_likelihood_without_covariates");
    assert!(found.log_likelihood > gain + 100.0);
    assert!(found.extra["likelihood_ratio"]["p_value"].as_f64().is_some_and(|p| p < 1e-9));
}

#[test]
fn simulated_coefficients_of_pareto_nbd_come_back() {
    let found = flat::pareto_nbd(&of_pareto(20_000, PARETO).table()).expect("a fit");
    let letters = [("r", 0.8, 0.04), ("alpha", 12.0, 1.0), ("s", 0.7, 0.05), ("beta", 14.0, 3.0)];
    let moved =
        [("alpha.group", 0.6, 0.04), ("alpha.decades", 0.1, 0.02), ("beta.group", -0.5, 0.08), ("beta.decades", 0.2, 0.03)];
    recovers(&found, &[&letters[..], &moved[..]].concat());
}

/// Covariates that say nothing gain what chance gives them, and no coefficient is far from 0.
#[test]
fn covariates_that_say_nothing_are_found_to_say_nothing() {
    for (found, count) in [
        (flat::bgnbd(&of_bgnbd(10_000, NONE).table()).expect("a fit"), 6),
        (flat::pareto_nbd(&of_pareto(6_000, NONE).table()).expect("a fit"), 4),
    ] {
        let test = &found.extra["likelihood_ratio"];
        let (p, chi_squared) = (test["p_value"].as_f64(), test["chi_squared"].as_f64());
        assert!(chi_squared.is_some_and(|gain| gain >= 0.0) && p.is_some_and(|p| p > 1e-3), "{test}");
        assert_eq!(test["degrees_of_freedom"], count);
        for (name, value) in found.parameters.iter().filter(|(name, _)| name.contains('.')) {
            let z = value.as_f64().expect("a number") / number(&found.standard_errors, name);
            assert!(z.abs() < 4.5, "{name} {z}");
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let names = || vec!["group".to_owned(), "decades".to_owned()];
    let known = |of: Columns| Known::from_table(&of.table(), COLUMNS, names()).expect("sound rows");
    let of = known(of_bgnbd(9_000, BGNBD));
    let plain = bgnbd::fit(of.purchases(), 1).expect("a fit");
    let bgnbd = |threads| fit(&of, Some(&plain), threads).map_err(|e| e.to_string());
    assert!(bgnbd(1).is_ok() && (2..=5).all(|threads| bgnbd(threads) == bgnbd(1)));
    let of = known(of_pareto(4_000, PARETO));
    let plain = pareto_nbd::fit(of.purchases(), 1).expect("a fit");
    let pareto = |threads| fit(&of, Some(&plain), threads).map_err(|e| e.to_string());
    assert!(pareto(1).is_ok() && pareto(3) == pareto(1));
}

/// Another start must not lead elsewhere, and another unit of a column changes its coefficient alone.
#[test]
fn a_change_of_unit_changes_one_coefficient() {
    let of = of_bgnbd(8_000, BGNBD);
    let years: Vec<f64> = of.decades.iter().map(|decades| 10.0 * decades).collect();
    let (is, other) =
        (flat::bgnbd(&of.table()).expect("a fit"), flat::bgnbd(&of.with(&[("years", &years), ("group", &of.group)])));
    let other = other.expect("a fit");
    near(other.log_likelihood / is.log_likelihood, 1.0, 1e-12);
    for (name, here, by) in [("alpha", "alpha", 1.0), ("a.group", "a.group", 1.0), ("b.years", "b.decades", 0.1)] {
        near(number(&other.parameters, name) / (by * number(&is.parameters, here)), 1.0, 1e-6);
        near(number(&other.standard_errors, name) / (by * number(&is.standard_errors, here)), 1.0, 1e-6);
    }
    let known = Known::from_table(&of.table(), COLUMNS, vec!["group".to_owned(), "decades".to_owned()]).expect("sound rows");
    let cold = fit::<BgNbdParameters>(&known, None, 2).expect("a fit");
    near(cold.base.log_likelihood / is.log_likelihood, 1.0, 1e-12);
    assert_eq!((cold.without, cold.likelihood_ratio()), (None, None));
}

#[test]
fn a_forecast_is_that_of_the_customers_own_letters() {
    let flat_fit = FLAT_FITS.iter().find(|fit| fit.name == "pareto_nbd").expect("in the catalogue");
    let predict = flat_fit.predict.expect("forecasts");
    let table = |z: &[f64]| {
        data::table(&[("x", &[3.0, 3.0, 0.0]), ("t_x", &[20.0, 20.0, 0.0]), ("T", &[38.0, 38.0, 38.0]), ("group", z)])
    };
    let parameters = json!({ "r": 0.8, "alpha": 12.0, "s": 0.7, "beta": 14.0, "alpha.group": 0.6, "beta.group": -0.5 });
    assert_eq!(flat_fit.columns_to_predict(&json!({ "parameters": parameters })), ["x", "t_x", "T", "group"]);
    let is = predict(&parameters, &table(&[1.0, 0.0, 1.0]), 13.0).expect("answers");
    let (p_alive, orders) = (is.f64s("p_alive").expect("a column"), is.f64s("orders_expected").expect("a column"));
    for (row, x, t_x, z) in [(0, 3.0, 20.0, 1.0_f64), (1, 3.0, 20.0, 0.0), (2, 0.0, 0.0, 1.0)] {
        let own = ParetoNbdParameters { r: 0.8, alpha: 12.0 * (-0.6 * z).exp(), s: 0.7, beta: 14.0 * (0.5 * z).exp() };
        let seen = History { x, t_x, t: 38.0 };
        near(p_alive[row] / own.p_alive(&seen), 1.0, 1e-12);
        near(orders[row] / own.orders_expected_after(&seen, 13.0), 1.0, 1e-12);
    }
    // Coefficients of 0 are the model without covariates.
    let zero = json!({ "r": 0.8, "alpha": 12.0, "s": 0.7, "beta": 14.0, "alpha.group": 0.0, "beta.group": 0.0 });
    let none = json!({ "r": 0.8, "alpha": 12.0, "s": 0.7, "beta": 14.0 });
    let [zero, none] = [zero, none].map(|parameters| predict(&parameters, &table(&[7.0, -1.0, 0.0]), 13.0).expect("answers"));
    for name in ["p_alive", "orders_expected", "p_zero_orders"] {
        let [zero, none] = [&zero, &none].map(|table| table.f64s(name).expect("a column"));
        zero.iter().zip(none).for_each(|(zero, none)| near(zero / none, 1.0, 1e-9));
    }
}

#[test]
fn what_cannot_be_forecast_is_refused() {
    let predict = FLAT_FITS.iter().find(|fit| fit.name == "bgnbd").and_then(|fit| fit.predict).expect("forecasts");
    let table = data::table(&[("x", &[3.0]), ("t_x", &[20.0]), ("T", &[38.0]), ("z", &[900.0])]);
    let letters = json!({ "r": 0.8, "alpha": 12.0, "a": 0.7, "b": 2.0 });
    let why = |more: Value| {
        let mut parameters = letters.clone();
        for (name, value) in more.as_object().expect("an object") {
            parameters[name] = value.clone();
        }
        predict(&parameters, &table, 9.0).map(|_| ()).expect_err("a refusal").to_string()
    };
    assert!(why(json!({ "alpha.z": 0.1 })).contains("no parameter a.z, though z moves another letter"));
    assert!(
        why(json!({ "alpha.z": 0.1, "a.z": "x", "b.z": 0.0 })).contains("parameter a.z is \"x\", allowed are finite numbers")
    );
    assert!(why(json!({ "alpha.z": 0.1, "a.z": 0.0, "b.z": 0.0 })).starts_with("row 1: alpha is "));
    assert!(
        why(json!({ "alpha.z": 0.1, "a.z": 0.0, "b.z": 0.0, "r.z": 0.0 })).contains("parameter r.z moves no letter of bgnbd")
    );
    assert!(why(json!({ "alpha.y": 0.1, "a.y": 0.0, "b.y": 0.0 })).contains("y"));
}

#[test]
fn columns_without_a_coefficient_are_refused() {
    let of = of_bgnbd(3_000, NONE);
    let why = |name: &str, values: &[f64]| {
        let table = of.with(&[("group", &of.group), (name, values)]);
        [flat::bgnbd(&table), flat::pareto_nbd(&table)].map(|refused| match refused {
            Err(FitError::Refused(why)) => why,
            other => panic!("{name}: {other:?}"),
        })
    };
    let both = |name: &str, values: &[f64], says: &str| {
        for why in why(name, values) {
            assert!(why.contains(says), "{why}");
        }
    };
    both("always", &[7.0; 3_000], "always is 7 on every row and explains nothing; leave it out");
    let twice: Vec<f64> = of.group.iter().map(|group| 3.0 - 2.0 * group).collect();
    both("twice", &twice, "twice follows from group");
    let mut hole = of.decades.clone();
    hole[41] = f64::NAN;
    both("hole", &hole, "row 42: hole is NaN, allowed are finite numbers");
    both("customer_id", &of.decades, "column customer_id says which customer a row is");
    let count: Vec<f64> = (0..3_000).map(f64::from).collect();
    both("row", &count, "column row says which customer a row is");
    let table = of_bgnbd(6_000, BGNBD);
    let years: Vec<f64> = table.decades.iter().map(|decades| 1e4 + decades).collect();
    let refused = flat::bgnbd(&table.with(&[("year", &years)]));
    assert!(matches!(&refused, Err(FitError::Refused(why)) if why.contains("subtract its mean")), "{refused:?}");
    let none = Known::from_table(&of.table(), COLUMNS, Vec::new()).map(|_| ()).expect_err("a refusal");
    assert!(none.to_string().starts_with("no covariate"), "{none}");
    let few: u32 = 200;
    let names: Vec<String> = (0..30).map(|i| format!("z{i}")).collect();
    let noise: Vec<Vec<f64>> = (0..30).map(|i| (0..few).map(|row| f64::from((row * (i + 3) * 7919) % 101)).collect()).collect();
    let [x, t_x, t] = of.history.each_ref().map(|column| &column[..few as usize]);
    let mut columns: Vec<(&str, &[f64])> = vec![("x", x), ("t_x", t_x), ("T", t)];
    columns.extend(names.iter().zip(&noise).map(|(name, values)| (name.as_str(), values.as_slice())));
    let refused = flat::bgnbd(&data::table(&columns));
    assert!(matches!(&refused, Err(FitError::Refused(why)) if why.contains("needed for 90 coefficients")), "{refused:?}");
}

/// A group in which nobody ever orders again has a rate of 0, whose coefficient has no end.
#[test]
fn a_column_that_tells_without_exception_has_no_coefficient() {
    let of = of_bgnbd(4_000, NONE);
    for share in [2, 40, 900] {
        let never: Vec<f64> = (0..4_000).map(|row| f64::from(u8::from(of.history[0][row] == 0.0 && row % share == 0))).collect();
        let table = of.with(&[("never", &never)]);
        for refused in [flat::bgnbd(&table), flat::pareto_nbd(&table)] {
            assert!(matches!(&refused, Err(FitError::NoMaximum(why)) if why.contains("never")), "{share}: {refused:?}");
        }
    }
}

/// Nobody leaves, but rates differ by group: the covariates must not pass for leaving.
#[test]
fn rates_moved_by_covariates_are_no_leaving() {
    let of = drawn(8_000, BGNBD, |random, [alpha, _, _]| Life {
        rate: gamma(random, 0.8, 12.0 / alpha),
        k: 1,
        p: 0.0,
        p_first: 0.0,
        until: f64::INFINITY,
    });
    for refused in [flat::bgnbd(&of.table()), flat::pareto_nbd(&of.table())] {
        assert!(matches!(&refused, Err(FitError::NoMaximum(_))), "{refused:?}");
    }
}

/// Columns that other models read of the same file are sums over the orders, and no covariates.
#[test]
fn what_the_orders_say_themselves_is_no_covariate() {
    let of = of_bgnbd(3_000, NONE);
    let spend: Vec<f64> = of.history[0].iter().map(|x| 10.0 + x).collect();
    let with = of.with(&[("mean_spend", &spend), ("litt", &spend)]);
    assert_eq!(flat::bgnbd(&with).map_err(|e| e.to_string()), flat::bgnbd(&of.with(&[])).map_err(|e| e.to_string()));
}
