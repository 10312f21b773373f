use perennial_contract::estimator::FitError;
use perennial_learn::lifetime::bgnbd::History;
use perennial_learn::lifetime::flat;
use perennial_learn::lifetime::forecast::Forecast;
use perennial_learn::lifetime::pareto_nbd::{ParetoNbdParameters, fit};
use proptest::{prop_assert, proptest};

use super::check::{COLUMNS, forecasts_hold, near, purchases, recovers, refuses_hostile_rows};
use super::data;
use super::simulate::{Drawn, Life, gamma, lives};
use perennial_learn::lifetime::letters::Letters;
use perennial_learn::lifetime::purchases::Purchases;

/// The estimates on the CDNOW sample, in weeks.
const CDNOW: ParetoNbdParameters = ParetoNbdParameters { r: 0.553_15, alpha: 10.576_33, s: 0.606_25, beta: 11.671_50 };

fn drawn(n: usize, is: ParetoNbdParameters, ages: std::ops::RangeInclusive<u32>, horizon: f64) -> Vec<Drawn> {
    lives(n, ages, horizon, |random| {
        let leaving = gamma(random, is.s, is.beta);
        let until = -f64::ln(rand::RngExt::random::<f64>(random)) / leaving;
        Life { rate: gamma(random, is.r, is.alpha), k: 1, p: 0.0, p_first: 0.0, until }
    })
}

/// Published: Fader & Hardie's fit of the 1/10 sample of CDNOW (.553, 10.578, .606, 11.669); the digits of `CDNOW` and the standard
/// errors are those of CLVTools' tests, whose search ends a little below the maximum, as the last lines show.
#[test]
fn cdnow_sample_gives_the_published_fit() {
    let Some([x, t_x, t]) = data::cdnow_sample() else { return };
    let found = flat::pareto_nbd(&data::table(&[("x", &x), ("t_x", &t_x), ("T", &t)])).expect("a fit");
    near(found.log_likelihood, -9594.976, 5e-4);
    let hardie = [0.553, 10.578, 0.606, 11.669];
    for ((letter, expected), clv) in ["r", "alpha", "s", "beta"].iter().zip(hardie).zip(CDNOW.values()) {
        let is = found.parameters[*letter].as_f64().expect("a number");
        near(is, expected, 5e-4);
        near(is, clv, 3e-4 * clv);
    }
    for (letter, expected, within) in [("r", 0.0476, 5e-5), ("alpha", 0.8427, 5e-4), ("s", 0.1873, 5e-5), ("beta", 6.2105, 3e-3)]
    {
        near(found.standard_errors[letter].as_f64().expect("a number"), expected, within);
    }
    let at_clv = CDNOW.log_likelihood(&Purchases::from_slices(&x, &t_x, &t, COLUMNS).expect("sound rows"));
    assert!(at_clv < found.log_likelihood && found.log_likelihood - at_clv < 1e-4, "{at_clv} {}", found.log_likelihood);
}

/// Published: the walkthrough of BTYD (R package) on the same data, and the manual's example of E[X(t)], at its rounded letters.
#[test]
fn predictions_are_the_published_ones() {
    let seen = History { x: 26.0, t_x: 30.86, t: 31.0 };
    near(CDNOW.orders_expected_after(&seen, 52.0), 25.46, 5e-3);
    near(CDNOW.p_alive(&seen), 0.9979, 5e-5);
    let expected = [
        0.0,
        0.050_778_21,
        0.099_160_88,
        0.145_425_07,
        0.189_799_30,
        0.232_474_66,
        0.273_612_74,
        0.313_351_59,
        0.351_810_24,
        0.389_092_11,
    ];
    let manual = ParetoNbdParameters { r: 0.55, alpha: 10.56, s: 0.61, beta: 11.64 };
    for (t, expected) in (0_u32..).zip(expected) {
        near(manual.orders_expected(f64::from(t)), expected, 5e-9);
    }
}

/// Published: the tests of lifetimes (Python) for customers whose ₂F₁ overflows.
#[test]
fn hundreds_of_orders_do_not_overflow() {
    let is = ParetoNbdParameters { r: 10.465, alpha: 0.007_99, s: 3.0516, beta: 2.82 };
    for x in 400..=500_u32 {
        let seen = History { x: f64::from(x), t_x: 5.0, t: 10.0 };
        assert!((0.0..=1.0).contains(&is.p_alive(&seen)) && is.orders_expected_after(&seen, 10.0).is_finite());
        assert!(is.log_likelihood(&purchases(&[seen])).is_finite());
    }
    let after = |x| CDNOW.orders_expected_after(&History { x, t_x: 200.0, t: 200.0 }, 10.0);
    near(after(132.0), after(133.0), 0.05);
    assert!(after(2000.0).is_finite() && after(2000.0) > after(133.0));
}

#[test]
fn simulated_parameters_come_back_and_threads_change_no_bit() {
    // α below, near and above β.
    for truth in [
        CDNOW,
        ParetoNbdParameters { r: 1.4, alpha: 40.0, s: 1.5, beta: 60.0 },
        ParetoNbdParameters { r: 2.0, alpha: 50.0, s: 0.8, beta: 15.0 },
    ] {
        let histories: Vec<_> = drawn(30_000, truth, 30..=150, 0.0).iter().map(|c| c.seen).collect();
        let data = purchases(&histories);
        let found = fit(&data, 1).expect("a fit");
        assert_eq!(Ok(found), fit(&data, 2).map_err(|e| e.to_string()));
        recovers(&found, &truth, 0.5);
        assert!(found.log_likelihood >= truth.log_likelihood(&data));
    }
}

/// On a grid the integrals of many histories are differences of few; one history alone is integrated by itself.
#[test]
fn a_grid_gives_the_likelihood_of_its_customers_one_by_one() {
    let on_days = |c: &Drawn| History { t_x: c.seen.t_x.floor(), ..c.seen };
    let mut histories: Vec<_> = drawn(20_000, CDNOW, 30..=50, 0.0).iter().map(on_days).collect();
    histories.push(History { x: 2000.0, t_x: 20.0, t: 50.0 });
    histories.push(History { x: 2000.0, t_x: 50.0, t: 50.0 });
    for is in [CDNOW, ParetoNbdParameters { r: 3.0, alpha: 20.0, s: 0.2, beta: 2.0 }] {
        let one_by_one: f64 = histories.iter().map(|seen| is.log_likelihood(&purchases(&[*seen]))).sum();
        near(is.log_likelihood(&purchases(&histories)) / one_by_one, 1.0, 1e-12);
    }
    let data = purchases(&histories[..20_000]);
    assert_eq!(fit(&data, 1).map_err(|e| e.to_string()), fit(&data, 2).map_err(|e| e.to_string()));
}

#[test]
fn forecasts_hold_in_simulation() {
    forecasts_hold(&CDNOW, &drawn(200_000, CDNOW, 20..=60, 26.0), 26.0);
    let mean = drawn(400_000, CDNOW, 40..=40, 0.0).iter().map(|c| c.seen.x).sum::<f64>() / 400_000.0;
    near(mean / CDNOW.orders_expected(40.0), 1.0, 0.015);
}

#[test]
fn a_change_of_unit_changes_alpha_and_beta_alone() {
    let histories: Vec<_> = drawn(3_000, CDNOW, 30..=60, 0.0).iter().map(|c| c.seen).collect();
    let in_days: Vec<_> = histories.iter().map(|h| History { t_x: 7.0 * h.t_x, t: 7.0 * h.t, ..*h }).collect();
    let [weeks, days] = [histories, in_days].map(|rows| fit(&purchases(&rows), 1).expect("a fit").parameters);
    near(days.alpha / weeks.alpha, 7.0, 1e-5);
    near(days.beta / weeks.beta, 7.0, 1e-5);
    near(days.r / weeks.r, 1.0, 1e-6);
    near(days.s / weeks.s, 1.0, 1e-6);
}

/// Nobody leaves: an NBD, which has no s and no β to find.
#[test]
fn customers_who_never_leave_have_no_maximum() {
    let stays =
        |random: &mut rand_pcg::Pcg64| Life { rate: gamma(random, 1.0, 8.0), k: 1, p: 0.0, p_first: 0.0, until: f64::INFINITY };
    let histories: Vec<_> = lives(20_000, 30..=90, 0.0, stays).iter().map(|c| c.seen).collect();
    let refused = fit(&purchases(&histories), 2);
    assert!(
        matches!(&refused, Err(FitError::NoMaximum(why)) if why.contains("leave") || why.contains("never drop out")),
        "{refused:?}"
    );
}

#[test]
fn hostile_rows_are_refused() {
    refuses_hostile_rows(fit);
}

proptest! {
    /// Whatever the parameters and the history, the answers are chances and counts, and more time brings more orders.
    #[test]
    fn predictions_are_sane_everywhere(
        ln in proptest::array::uniform4(-9.0..9.0_f64), x in 0..2000_u32, share in 0.0..1.0_f64, t in 0.0..2000.0_f64, horizon in 0.1..1000.0_f64,
    ) {
        let [r, alpha, s, beta] = ln.map(f64::exp);
        let model = ParetoNbdParameters { r, alpha, s, beta };
        let seen = History { x: f64::from(x), t_x: if x > 0 { share * t } else { 0.0 }, t };
        let (p, longer) = (model.p_no_order(&seen, horizon), model.p_no_order(&seen, 2.0 * horizon));
        prop_assert!((0.0..=1.0 + 1e-12).contains(&p) && longer <= p * (1.0 + 1e-11), "{p} {longer}");
        let (orders, more) = (model.orders_expected_after(&seen, horizon), model.orders_expected_after(&seen, 2.0 * horizon));
        prop_assert!(orders.is_finite() && orders <= more * (1.0 + 1e-12));
        prop_assert!(1.0 - p <= orders * (1.0 + 1e-9) + 1e-12, "{p} {orders}");
        prop_assert!(model.log_likelihood(&purchases(&[seen])).is_finite());
    }
}
