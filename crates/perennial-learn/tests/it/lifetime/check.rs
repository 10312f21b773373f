//! What the tests of the lifetime models share.

use perennial_learn::lifetime::bgnbd::History;
use perennial_learn::lifetime::forecast::{Forecast, answers};
use perennial_learn::lifetime::letters::{Fit, Letters};
use perennial_learn::lifetime::purchases::{Columns, Purchases};

use super::simulate::Drawn;

pub const COLUMNS: Columns = Columns { x: "x", t_x: "t_x", t: "T" };

pub fn purchases(histories: &[History]) -> Purchases {
    let column = |f: fn(&History) -> f64| histories.iter().map(f).collect::<Vec<_>>();
    Purchases::from_slices(&column(|h| h.x), &column(|h| h.t_x), &column(|h| h.t), COLUMNS).expect("sound histories")
}

#[track_caller]
pub fn near(is: f64, expected: f64, within: f64) {
    assert!((is - expected).abs() <= within, "{is} instead of {expected} ± {within}");
}

/// The fit is within four standard errors of the truth in every letter, and those are narrow.
#[track_caller]
pub fn recovers<P: Letters>(found: &Fit<P>, truth: &P, share: f64) {
    let (is, errors) = (found.parameters.values(), found.standard_errors.values());
    for (((name, is), se), truth) in P::NAMES.iter().zip(is).zip(errors).zip(truth.values()) {
        let is_near = (is - truth).abs() < 4.0 * se && se < share * truth;
        assert!(*name == "k" || is_near, "{} {name}: {is} ± {se} instead of {truth}", P::MODEL);
    }
}

/// Customers drawn from the model: those given a chance of silence p are silent in a share p, and order as often as expected.
#[track_caller]
pub fn forecasts_hold(model: &impl Forecast, drawn: &[Drawn], horizon: f64) {
    let rows: Vec<_> = drawn.iter().map(|customer| customer.seen).collect();
    let answers = answers(model, &rows, horizon, 2);
    let mut deciles = vec![[0.0; 6]; 10];
    for (customer, [p_alive, orders, p]) in drawn.iter().zip(answers) {
        let bin = &mut deciles[((p * 10.0) as usize).min(9)];
        let happened = f64::from(customer.orders_after);
        let terms = [1.0, p, f64::from(u8::from(customer.orders_after == 0)), orders, happened, p_alive];
        bin.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
    let alive = drawn.iter().filter(|customer| customer.is_alive).count() as f64;
    let p_alive: f64 = deciles.iter().map(|bin| bin[5]).sum();
    near(alive / rows.len() as f64, p_alive / rows.len() as f64, 2.5 / (rows.len() as f64).sqrt());
    for [n, predicted, silent, orders_predicted, orders, _] in deciles.into_iter().filter(|bin| bin[0] > 300.0) {
        // Four standard errors of a share of n, and of a count that is at most this much wider than Poisson.
        near(silent / n, predicted / n, 4.0 * (0.25 / n).sqrt());
        near(orders, orders_predicted, 8.0 * f64::sqrt(orders_predicted) + 10.0);
    }
}

/// A history that cannot be, or that says nothing, is refused with words; none is answered with numbers.
pub fn refuses_hostile_rows<P>(fit: fn(&Purchases, usize) -> Result<Fit<P>, perennial_contract::estimator::FitError>) {
    let from = |x: &[f64], t_x: &[f64], t: &[f64]| Purchases::from_slices(x, t_x, t, COLUMNS).and_then(|data| fit(&data, 1));
    let why = |x: &[f64], t_x: &[f64], t: &[f64]| from(x, t_x, t).map(|_| ()).expect_err("a refusal").to_string();
    assert!(why(&[1.0], &[3.0], &[2.0]).contains("t_x is 3, allowed are 0 to T = 2"));
    assert!(why(&[f64::NAN], &[0.0], &[2.0]).contains("x is NaN, allowed are whole numbers"));
    assert!(why(&[1.0], &[1.0], &[f64::NAN]).contains("T is NaN"));
    assert!(why(&[], &[], &[]).contains("no customer"));
    assert!(why(&[2.0], &[5.0], &[9.0]).starts_with("1 of 1 customers bought again"));
    assert!(why(&[0.0; 500], &[0.0; 500], &[9.0; 500]).starts_with("0 of 500 customers bought again"));
    assert!(why(&[0.0; 500], &[0.0; 500], &[0.0; 500]).contains("every customer's age is 0"));
    let same = why(&[3.0; 500], &[7.0; 500], &[9.0; 500]);
    assert!(same.starts_with("no finite maximum"), "{same}");
}
