use perennial_contract::estimator::FitError;
use perennial_learn::lifetime::bgnbd::{BgNbdParameters, History};
use perennial_learn::lifetime::cnbd_k::{BgCnbdKParameters, CnbdKParameters, Gaps, MbgCnbdKParameters, fit};
use perennial_learn::lifetime::forecast::Forecast;
use perennial_learn::lifetime::mbgnbd::MbgNbdParameters;

use super::check::{forecasts_hold, near, purchases, recovers};
use super::data;
use super::simulate::{Drawn, Life, beta, gamma, lives};

const REGULAR: MbgCnbdKParameters = CnbdKParameters { k: 3.0, r: 0.9, alpha: 4.0, a: 0.8, b: 2.5 };

fn drawn<const EXTRA: usize>(n: usize, is: CnbdKParameters<EXTRA>, horizon: f64) -> Vec<Drawn> {
    lives(n, 30..=80, horizon, |random| {
        let p = beta(random, is.a, is.b);
        let p_first = if EXTRA == 0 { 0.0 } else { p };
        Life { rate: gamma(random, is.r, is.alpha), k: is.k as u32, p, p_first, until: f64::INFINITY }
    })
}

fn gaps(drawn: &[Drawn], knows_gaps: bool) -> Gaps {
    let histories: Vec<_> = drawn.iter().map(|c| c.seen).collect();
    let litt: Vec<_> = drawn.iter().map(|c| c.litt).collect();
    Gaps::of(purchases(&histories), knows_gaps.then_some(&litt)).expect("sound rows")
}

/// With k = 1 the models are BG/NBD and MBG/NBD, likelihood and forecasts.
#[test]
fn one_step_to_an_order_is_the_model_without_regularity() {
    let (r, alpha, a, b) = (0.7, 5.0, 0.8, 2.4);
    let (plain, every) = (BgNbdParameters { r, alpha, a, b }, MbgNbdParameters { r, alpha, a, b });
    let (of_plain, of_every) = (CnbdKParameters::<0> { k: 1.0, r, alpha, a, b }, CnbdKParameters::<1> { k: 1.0, r, alpha, a, b });
    let drawn = drawn(2_000, REGULAR, 0.0);
    let data = purchases(&drawn.iter().map(|c| c.seen).collect::<Vec<_>>());
    for knows_gaps in [false, true] {
        let gaps = gaps(&drawn, knows_gaps);
        near(of_plain.log_likelihood(&gaps) / plain.log_likelihood(&data), 1.0, 1e-12);
        near(of_every.log_likelihood(&gaps) / every.log_likelihood(&data), 1.0, 1e-12);
    }
    for seen in drawn.iter().take(50).map(|c| c.seen) {
        let pairs: [(&dyn Forecast, &dyn Forecast); 2] = [(&of_plain, &plain), (&of_every, &every)];
        for (with_k, without) in pairs {
            near(with_k.p_alive(&seen), without.p_alive(&seen), 1e-12);
            near(with_k.p_no_order(&seen, 9.0), without.p_no_order(&seen, 9.0), 1e-12);
            near(with_k.orders_expected_after(&seen, 9.0), without.orders_expected_after(&seen, 9.0), 1e-10);
            near(with_k.orders_expected(9.0), without.orders_expected(9.0), 1e-11);
        }
    }
}

#[test]
fn k_and_parameters_come_back_with_and_without_the_gaps() {
    let sample = drawn(25_000, REGULAR, 0.0);
    let [known, unknown] = [true, false].map(|knows_gaps| {
        let gaps = gaps(&sample, knows_gaps);
        let found = fit::<1>(&gaps, 1).expect("a fit");
        assert_eq!(Ok(found), fit::<1>(&gaps, 2).map_err(|e| e.to_string()));
        assert_eq!(found.parameters.k, 3.0);
        recovers(&found, &REGULAR, 0.3);
        assert!(found.log_likelihood >= REGULAR.log_likelihood(&gaps));
        found
    });
    // Given k, the gaps say nothing more about the other letters.
    near(known.parameters.r / unknown.parameters.r, 1.0, 1e-6);
    let plain = BgCnbdKParameters { k: 2.0, r: 1.4, alpha: 6.0, a: 0.7, b: 3.0 };
    let found = fit::<0>(&gaps(&drawn(25_000, plain, 0.0), true), 2).expect("a fit");
    assert_eq!((found.parameters.k, found.summary().standard_errors.len(), found.summary().parameters.len()), (2.0, 4, 5));
    recovers(&found, &plain, 0.3);
}

/// Where nobody drops out k = 1 has no maximum, and that of another k describes customers who order at random worse.
#[test]
fn a_worse_k_does_not_stand_in_for_one_without_a_maximum() {
    let life = |random: &mut _| Life { rate: gamma(random, 2.0, 12.0), k: 1, p: 0.0, p_first: 0.0, until: f64::INFINITY };
    let sample = lives(1_000, 30..=80, 0.0, life);
    for knows_gaps in [false, true] {
        let gaps = gaps(&sample, knows_gaps);
        let (plain, every) = (fit::<0>(&gaps, 1), fit::<1>(&gaps, 1));
        assert!(matches!(plain, Err(FitError::NoMaximum(_))), "{plain:?}");
        assert!(matches!(every, Err(FitError::NoMaximum(_))), "{every:?}");
    }
}

#[test]
fn forecasts_hold_in_simulation() {
    forecasts_hold(&REGULAR, &drawn(150_000, REGULAR, 20.0), 20.0);
    let plain = BgCnbdKParameters { k: 2.0, r: 1.4, alpha: 6.0, a: 0.7, b: 3.0 };
    forecasts_hold(&plain, &drawn(150_000, plain, 20.0), 20.0);
    for (mean, expected) in [
        (drawn(300_000, REGULAR, 0.0), REGULAR.orders_expected(30.0)),
        (
            drawn(300_000, MbgCnbdKParameters { k: 1.0, ..REGULAR }, 0.0),
            MbgCnbdKParameters { k: 1.0, ..REGULAR }.orders_expected(30.0),
        ),
    ]
    .map(|(drawn, expected)| {
        let of_thirty: Vec<_> = drawn.iter().filter(|c| c.seen.t == 30.0).map(|c| c.seen.x).collect();
        (of_thirty.iter().sum::<f64>() / of_thirty.len() as f64, expected)
    }) {
        near(mean / expected, 1.0, 0.06);
    }
}

/// BTYDplus reports k = 1 for CDNOW: no regularity. Then the fit is that of MBG/NBD.
#[test]
fn cdnow_has_no_regularity() {
    let Some([x, t_x, t]) = data::cdnow_sample() else { return };
    let table = data::table(&[("x", &x), ("t_x", &t_x), ("T", &t)]);
    let (found, plain) = (
        perennial_learn::lifetime::flat::cnbd_k::<1>(&table).expect("a fit"),
        perennial_learn::lifetime::flat::mbgnbd(&table).expect("a fit"),
    );
    assert_eq!(found.parameters["k"], 1.0);
    near(found.log_likelihood, plain.log_likelihood, 1e-6);
    for (letter, value) in &plain.parameters {
        near(found.parameters[letter].as_f64().expect("a number") / value.as_f64().expect("a number"), 1.0, 1e-5);
    }
}

#[test]
fn hostile_rows_are_refused() {
    let of = |rows: &[History], litt: Option<&[f64]>| Gaps::of(purchases(rows), litt).map(|_| ()).map_err(|e| e.to_string());
    let sound = History { x: 2.0, t_x: 6.0, t: 9.0 };
    assert!(of(&[History { t_x: 0.0, ..sound }], None).unwrap_err().contains("t_x 0"));
    assert!(of(&[sound], Some(&[f64::NEG_INFINITY])).unwrap_err().starts_with("row 1: litt is -inf"));
    // Two gaps of 3 each have the largest sum of logarithms that two gaps of 6 together can.
    assert!(of(&[sound], Some(&[2.0 * 3.0_f64.ln()])).is_ok());
    assert!(of(&[sound], Some(&[2.5])).unwrap_err().starts_with("litt sums to 2.500, allowed is at most 2.197"));
    let same = Gaps::of(purchases(&[sound; 500]), None).expect("sound rows");
    assert!(matches!(fit::<1>(&same, 1), Err(FitError::NoMaximum(_))));
    let none = Gaps::of(purchases(&[History { x: 0.0, t_x: 0.0, t: 9.0 }; 500]), None).expect("sound rows");
    assert!(matches!(fit::<0>(&none, 1), Err(FitError::Refused(_))));
}
