use perennial_learn::lifetime::flat;
use perennial_learn::lifetime::forecast::Forecast;
use perennial_learn::lifetime::mbgnbd::{MbgNbdParameters, fit};

use super::check::{forecasts_hold, near, purchases, recovers, refuses_hostile_rows};
use super::data;
use super::simulate::{Drawn, Life, beta, gamma, lives};

/// BTYDplus's estimates on the CDNOW sample, in weeks.
const CDNOW: MbgNbdParameters = MbgNbdParameters { r: 0.525, alpha: 6.183, a: 0.891, b: 1.614 };

fn drawn(n: usize, is: MbgNbdParameters, ages: std::ops::RangeInclusive<u32>, horizon: f64) -> Vec<Drawn> {
    lives(n, ages, horizon, |random| {
        let p = beta(random, is.a, is.b);
        Life { rate: gamma(random, is.r, is.alpha), k: 1, p, p_first: p, until: f64::INFINITY }
    })
}

/// Published: the vignette of BTYDplus (R package; Platzer & Reutterer) on the same data.
#[test]
fn cdnow_sample_gives_the_published_fit() {
    let Some([x, t_x, t]) = data::cdnow_sample() else { return };
    let found = flat::mbgnbd(&data::table(&[("x", &x), ("t_x", &t_x), ("T", &t)])).expect("a fit");
    for (letter, expected) in [("r", CDNOW.r), ("alpha", CDNOW.alpha), ("a", CDNOW.a), ("b", CDNOW.b)] {
        near(found.parameters[letter].as_f64().expect("a number"), expected, 5e-4);
        assert!(found.standard_errors[letter].as_f64().expect("a number") > 0.0);
    }
}

#[test]
fn simulated_parameters_come_back_and_threads_change_no_bit() {
    for truth in [CDNOW, MbgNbdParameters { r: 2.0, alpha: 30.0, a: 1.2, b: 5.0 }] {
        let histories: Vec<_> = drawn(40_000, truth, 30..=150, 0.0).iter().map(|c| c.seen).collect();
        let data = purchases(&histories);
        let found = fit(&data, 1).expect("a fit");
        assert_eq!(Ok(found), fit(&data, 2).map_err(|e| e.to_string()));
        recovers(&found, &truth, 0.3);
        assert!(found.log_likelihood >= truth.log_likelihood(&data));
    }
}

#[test]
fn forecasts_hold_in_simulation() {
    forecasts_hold(&CDNOW, &drawn(200_000, CDNOW, 20..=60, 26.0), 26.0);
    let mean = drawn(400_000, CDNOW, 40..=40, 0.0).iter().map(|c| c.seen.x).sum::<f64>() / 400_000.0;
    near(mean / CDNOW.orders_expected(40.0), 1.0, 0.015);
}

#[test]
fn hostile_rows_are_refused() {
    refuses_hostile_rows(fit);
}
