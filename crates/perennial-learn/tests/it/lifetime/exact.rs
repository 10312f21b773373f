//! Forecasts and likelihoods of random customers of random models, against mpmath at 60 digits (bench/lifetime/exact.py fixture 210 7).

use perennial_learn::lifetime::bgbb::BgBbParameters;
use perennial_learn::lifetime::bgnbd::{BgNbdParameters, History};
use perennial_learn::lifetime::cnbd_k::{BgCnbdKParameters, Gaps, MbgCnbdKParameters};
use perennial_learn::lifetime::forecast::Forecast;
use perennial_learn::lifetime::ggomp_nbd::GgompNbdParameters;
use perennial_learn::lifetime::letters::Letters;
use perennial_learn::lifetime::mbgnbd::MbgNbdParameters;
use perennial_learn::lifetime::pareto_nbd::ParetoNbdParameters;
use perennial_learn::lifetime::purchases::Purchases;

use super::check::purchases;

const FIXTURE: &str = include_str!("fixture/exact.csv");

fn answer<P: Letters + Forecast>(case: &[f64], log_likelihood: impl Fn(&P, Purchases) -> f64) -> [f64; 5] {
    let (&[horizon, x, t_x, t], letters) = (&[case[0], case[1], case[2], case[3]], &case[4..]);
    let (is, seen) = (P::from_values(letters).expect("its letters"), History { x, t_x, t });
    [
        is.p_alive(&seen),
        is.orders_expected_after(&seen, horizon),
        is.p_no_order(&seen, horizon),
        is.orders_expected(horizon),
        log_likelihood(&is, purchases(&[seen])),
    ]
}

#[test]
fn forecasts_and_likelihoods_agree_with_sixty_digits() {
    let numbers = |text: &str| text.split(',').map(|cell| cell.parse().expect("a number")).collect::<Vec<f64>>();
    let gaps = |data| Gaps::of(data, None).expect("sound rows");
    let mut worst: f64 = 0.0;
    for line in FIXTURE.lines() {
        let (case, expected) = line.split_once(';').expect("a case and its answers");
        let (model, case) = case.split_once(',').expect("a model");
        let (case, expected) = (numbers(case), numbers(expected));
        let is = match model {
            "bgnbd" => answer::<BgNbdParameters>(&case, |is, data| is.log_likelihood(&data)),
            "mbgnbd" => answer::<MbgNbdParameters>(&case, |is, data| is.log_likelihood(&data)),
            "pareto_nbd" => answer::<ParetoNbdParameters>(&case, |is, data| is.log_likelihood(&data)),
            "ggomp_nbd" => answer::<GgompNbdParameters>(&case, |is, data| is.log_likelihood(&data)),
            "bgbb" => answer::<BgBbParameters>(&case, |is, data| is.log_likelihood(&data)),
            "bgcnbd_k" => answer::<BgCnbdKParameters>(&case, |is, data| is.log_likelihood(&gaps(data))),
            "mbgcnbd_k" => answer::<MbgCnbdKParameters>(&case, |is, data| is.log_likelihood(&gaps(data))),
            other => panic!("{other}"),
        };
        for (i, (is, expected)) in is.into_iter().zip(expected).enumerate() {
            // A chance below 1e-280 is nobody's; a log-likelihood counts in units, as ratios of likelihoods do.
            let scale = if i == 4 { expected.abs().max(1.0) } else { expected.abs().max(1e-280) };
            let off = (is - expected).abs() / scale;
            assert!(off < 1e-10, "{line}\nanswer {i}: {is} instead of {expected}, off by {off:.1e}");
            worst = worst.max(off);
        }
    }
    println!("largest relative error {worst:.1e}");
}
