use perennial_learn::lifetime::flat;
use perennial_learn::lifetime::sbg::{SbgParameters, Subscribers, fit};
use rand::{RngExt, SeedableRng};

use super::check::{near, recovers};
use super::data;
use super::simulate::beta;

/// Subscribers of 1,000 still there after 0, 1, … years: Fader & Hardie (2007), table 1.
const REGULAR: [f64; 13] = [1000.0, 631.0, 468.0, 382.0, 326.0, 289.0, 262.0, 241.0, 223.0, 207.0, 194.0, 183.0, 173.0];
const HIGH_END: [f64; 13] = [1000.0, 869.0, 743.0, 653.0, 593.0, 551.0, 517.0, 491.0, 468.0, 445.0, 427.0, 409.0, 394.0];

/// period, event, count of the first years.
fn rows(there: &[f64]) -> [Vec<f64>; 3] {
    let years = there.len() - 1;
    let mut columns = [Vec::new(), Vec::new(), Vec::new()];
    let cancelled = (1..=years).map(|t| [t as f64, 1.0, there[t - 1] - there[t]]);
    for row in cancelled.chain([[years as f64, 0.0, there[years]]]) {
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    columns
}

/// Published: Fader & Hardie (2007), figure 5: α .668 β 3.806 (high end) and α .704 β 1.182 (regular) from seven years, whose forecast
/// of the next five is near what came.
#[test]
fn the_two_segments_of_the_paper_give_its_fits_and_forecasts() {
    for (there, alpha, beta) in [(REGULAR, 0.704, 1.182), (HIGH_END, 0.668, 3.806)] {
        let [period, event, count] = rows(&there[..8]);
        let found = flat::sbg(&data::table(&[("period", &period), ("event", &event), ("count", &count)])).expect("a fit");
        let letter = |name: &str| found.parameters[name].as_f64().expect("a number");
        near(letter("alpha"), alpha, 6e-4);
        near(letter("beta"), beta, 6e-4);
        let is = SbgParameters { alpha, beta };
        for (t, there) in there.iter().enumerate() {
            near(1000.0 * is.survival(0.0, t as f64), *there, 25.0);
        }
        // Survival given survival, and a sum of survivals.
        near(is.survival(7.0, 5.0), is.survival(0.0, 12.0) / is.survival(0.0, 7.0), 1e-15);
        near(is.renewals_expected(7.0, 3.0), (1..=3).map(|t| is.survival(7.0, f64::from(t))).sum(), 1e-15);
    }
}

#[test]
fn simulated_parameters_come_back() {
    for truth in [SbgParameters { alpha: 0.668, beta: 3.806 }, SbgParameters { alpha: 2.0, beta: 9.0 }] {
        let mut random = rand_pcg::Pcg64::seed_from_u64(20_070_201);
        let (mut period, mut event) = (Vec::new(), Vec::new());
        for i in 0..40_000_u32 {
            let (theta, last) = (beta(&mut random, truth.alpha, truth.beta), 5 + i % 9);
            let cancelled = (1..=last).find(|_| random.random::<f64>() < theta);
            period.push(f64::from(cancelled.unwrap_or(last)));
            event.push(f64::from(u8::from(cancelled.is_some())));
        }
        let count = vec![1.0; period.len()];
        let data = Subscribers::from_slices(&period, &event, &count).expect("sound rows");
        let found = fit(&data).expect("a fit");
        recovers(&found, &truth, 0.1);
        assert!(found.log_likelihood >= truth.log_likelihood(&data));
    }
}

#[test]
fn hostile_rows_are_refused() {
    let why = |period: &[f64], event: &[f64]| {
        let table = data::table(&[("period", period), ("event", event)]);
        flat::sbg(&table).map(|_| ()).expect_err("a refusal").to_string()
    };
    assert!(why(&[1.0], &[2.0]).starts_with("row 1: event is 2, allowed are 1"));
    assert!(why(&[0.0], &[1.0]).starts_with("row 1: period is 0, allowed are whole numbers from 1"));
    assert!(why(&[1.5], &[0.0]).starts_with("row 1: period is 1.5"));
    assert!(why(&[f64::NAN], &[0.0]).starts_with("row 1: period is NaN"));
    assert!(why(&[], &[]).starts_with("0 subscribers cancelled"));
    assert!(why(&[3.0; 29], &[1.0; 29]).starts_with("29 subscribers cancelled"));
    // All in one period: α/(α + β) may be told, α and β may not.
    for period in [1.0, 3.0] {
        assert!(why(&[period; 100], &[1.0; 100]).starts_with("no finite maximum"));
    }
}
