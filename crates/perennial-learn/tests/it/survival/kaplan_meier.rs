use perennial_learn::survival::subjects::Lives;
use perennial_learn::survival::{flat, kaplan_meier, log_rank};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::data::{self, near};

/// Waltons: lifelines' own test values (median 56; S(33) .8025307, S(60) .3115237; groups 58 and 26; log-rank χ² 122.24913); band, interval of
/// the median and restricted mean (with variance 285.78487 for one life, not compared) computed with lifelines 0.30.3.
#[test]
fn waltons_give_the_published_curve_and_test() {
    let Some(table) = data::table("waltons.csv", ["T", "E"]) else { return };
    let curve = kaplan_meier::fit(&Lives::from_table(&table).expect("sound rows"));
    assert_eq!((curve.rows, curve.events, curve.until), (163, 156, 75.0));
    assert_eq!((curve.median, curve.median_lo95, curve.median_hi95), (Some(56.0), Some(53.0), Some(58.0)));
    near(curve.survival(33.0), 0.802_530_7, 5e-8);
    near(curve.survival(60.0), 0.311_523_7, 5e-8);
    near(curve.restricted_mean, 50.133_969_323_185_64, 1e-9);
    let at = |time: f64| *curve.steps.iter().rfind(|step| step.time <= time).expect("a step");
    for (time, lo, hi) in [(33.0, 0.732_496, 0.856_023), (60.0, 0.241_659, 0.383_759)] {
        near(at(time).lo95, lo, 1e-6);
        near(at(time).hi95, hi, 1e-6);
    }
    let summary = flat::kaplan_meier(&table).expect("a fit");
    assert!(summary.parameters.is_empty() && summary.rows == 163);
    let number = |path: &str| summary.extra["log_rank"][path].as_f64().expect("a number");
    near(number("chi_squared"), 122.249_125_573_006_15, 1e-8);
    assert_eq!(number("degrees_of_freedom"), 1.0);
    near(number("p_value"), 2.035_983_222_285_542_6e-28, 1e-38);
    let medians: Vec<_> = summary.extra["groups"].as_array().expect("groups").iter().map(|g| g["median"].as_f64()).collect();
    assert_eq!(medians, [Some(58.0), Some(26.0)]);
}

/// Six lives by hand: S = 5/6, then 3 at risk after a censoring at 2 and one at 3: 5/6 · 2/3, then 5/9 · 0.
#[test]
fn a_small_curve_is_what_a_pencil_gives() {
    let lives = Lives::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[1.0, 0.0, 0.0, 1.0, 0.0, 1.0]).expect("sound rows");
    let curve = kaplan_meier::fit(&lives);
    let seen: Vec<_> = curve.steps.iter().map(|step| (step.time, step.at_risk, step.events)).collect();
    assert_eq!(seen, [(1.0, 6, 1), (4.0, 3, 1), (6.0, 1, 1)]);
    near(curve.survival(3.9), 5.0 / 6.0, 1e-15);
    near(curve.survival(4.0), 5.0 / 9.0, 1e-15);
    assert_eq!((curve.survival(0.5), curve.survival(6.0), curve.median), (1.0, 0.0, Some(6.0)));
    near(curve.restricted_mean, 1.0 + 3.0 * 5.0 / 6.0 + 2.0 * 5.0 / 9.0, 1e-12);
    // Areas to the right of the events at 1 and 4: 65/18 and 10/9.
    near(curve.restricted_mean_error, ((65.0_f64 / 18.0).powi(2) / 30.0 + (10.0_f64 / 9.0).powi(2) / 6.0).sqrt(), 1e-12);
    // Greenwood at 4: 1/(6·5) + 1/(3·2) = 1/5.
    near(curve.steps[1].standard_error, 5.0 / 9.0 * 0.2_f64.sqrt(), 1e-15);
    assert_eq!((curve.steps[2].standard_error, curve.steps[2].lo95, curve.steps[2].hi95), (0.0, 0.0, 0.0));
}

#[test]
fn simulated_lives_stay_within_the_band_and_equal_groups_are_seldom_told_apart() {
    let mut random = Pcg64::seed_from_u64(1958);
    let (mut covered, mut told_apart) = (0, 0);
    for _ in 0..400 {
        let mut draw = |mean: f64| -mean * libm::log(1.0 - random.random::<f64>());
        let pairs: Vec<(f64, f64)> = (0..200).map(|_| (draw(10.0), draw(20.0))).collect();
        let event: Vec<f64> = pairs.iter().map(|(t, c)| f64::from(t <= c)).collect();
        let lives = Lives::new(pairs.iter().map(|(t, c)| t.min(*c)).collect(), &event).expect("sound rows");
        let curve = kaplan_meier::fit(&lives);
        let step = curve.steps.iter().rfind(|step| step.time <= 10.0).expect("a step");
        covered += usize::from((step.lo95..=step.hi95).contains(&libm::exp(-1.0)));
        let group: Vec<usize> = (0..200).map(|row| row % 3).collect();
        told_apart += usize::from(log_rank::test(&lives, &group, 3).expect("a test").p_value < 0.05);
    }
    // 95% and 5% of 400, give or take three standard deviations of a binomial.
    assert!((367..=393).contains(&covered), "{covered} of 400");
    assert!((7..=33).contains(&told_apart), "{told_apart} of 400");
}
