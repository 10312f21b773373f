use perennial_contract::estimator::FitError;
use perennial_learn::lifetime::flat;
use perennial_learn::lifetime::gamma_gamma::{GammaGammaParameters, Spenders, fit};

use super::data;
use super::simulate::spenders;

/// Published: Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value": p 6.25, q 3.74, v 15.44 on the 946 repeaters of the
/// CDNOW sample; the log-likelihood was computed with lifetimes 0.11.3; the first ten E[M] are those of lifetimes' tests.
#[test]
fn cdnow_repeaters_give_the_published_fit_and_expectations() {
    let Some(text) = data::text("cdnow", "cdnow_customers_summary_with_transactions.csv.gz") else { return };
    let [x, _t_x, _t, m] = data::columns::<4>(&text);
    let found = flat::gamma_gamma(&data::table(&[("x", &x), ("mean_spend", &m)])).expect("a fit");
    assert_eq!(found.rows, 946);
    assert!((found.log_likelihood + 4055.92).abs() < 5e-3, "{}", found.log_likelihood);
    let letter = |name: &str| found.parameters[name].as_f64().expect("a number");
    for (name, expected, within) in [("p", 6.25, 5e-3), ("q", 3.74, 6e-3), ("v", 15.44, 1.2e-2)] {
        assert!((letter(name) - expected).abs() < within, "{name} {}", letter(name));
    }
    let published = GammaGammaParameters { p: 6.25, q: 3.74, v: 15.44 };
    let expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17];
    for ((x, m), expected) in x.iter().zip(&m).zip(expected) {
        let is = published.spend_expected(*x, *m);
        assert!((is - expected).abs() < 0.06, "x {x} m {m}: {is} instead of {expected}");
    }
}

#[test]
fn simulated_parameters_come_back_and_threads_change_no_bit() {
    for (p, q, v) in [(6.25, 3.74, 15.44), (1.2, 2.2, 900.0)] {
        let (x, m) = spenders(40_000, p, q, v);
        let data = Spenders::from_slices(&x, &m, ["x", "mean_spend"]).expect("sound rows");
        let found = fit(&data, 1).expect("a fit");
        assert_eq!(Ok(found), fit(&data, 2).map_err(|e| e.to_string()));
        let (is, se) = (found.parameters, found.standard_errors);
        for (is, se, truth) in [(is.p, se.p, p), (is.q, se.q, q), (is.v, se.v, v)] {
            assert!((is - truth).abs() < 4.0 * se && se < 0.1 * truth, "{is} ± {se} instead of {truth}");
        }
    }
}

#[test]
fn wrong_rows_and_missing_spread_are_said_so() {
    let rows = |x: &[f64], m: &[f64]| Spenders::from_slices(x, m, ["x", "mean_spend"]).map(|_| ()).map_err(|e| e.to_string());
    assert_eq!(
        rows(&[1.0, 0.0], &[5.0, 5.0]).unwrap_err(),
        "row 2: x is 0, allowed are whole numbers from 1; leave customers without a repeat out"
    );
    assert!(rows(&[1.0], &[-5.0]).unwrap_err().starts_with("row 1: mean_spend is -5, allowed are numbers above 0"));
    let same = Spenders::from_slices(&[2.0; 100], &[9.99; 100], ["x", "mean_spend"]).expect("sound rows");
    assert!(matches!(fit(&same, 1), Err(FitError::NoMaximum(_))));
    let few = Spenders::from_slices(&[2.0; 29], &[9.99; 29], ["x", "mean_spend"]).expect("sound rows");
    assert!(matches!(fit(&few, 1), Err(FitError::Refused(why)) if why.starts_with("29 customers")));
}
