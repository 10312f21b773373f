use perennial_learn::survival::concordance::concordance;
use perennial_learn::survival::subjects::{Lives, Subjects};
use perennial_learn::survival::{cox, flat};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::data::{self, near};

/// Rossi's 432 released prisoners (Allison 2010); coefficients, partial likelihood −658.747659 and C .640329 as published with lifelines, digits,
/// standard errors, likelihood ratio and Breslow's baseline from lifelines 0.30.3 (`CoxPHFitter().fit`, Efron's ties).
#[test]
fn rossi_gives_the_published_fit() {
    let Some(table) = data::table("rossi.csv", ["week", "arrest"]) else { return };
    let fit = cox::fit(&Subjects::from_table(&table).expect("sound rows"), 2).expect("a fit");
    let golden = [
        ("fin", -0.379_422_165_718_083_5, 0.191_379_480_698_287_9),
        ("age", -0.057_437_740_029_207_76, 0.021_999_470_362_241_92),
        ("race", 0.313_899_787_267_440_9, 0.307_992_776_608_361),
        ("wexp", -0.149_795_701_821_241_7, 0.212_224_296_375_843_2),
        ("mar", -0.433_703_881_185_249_5, 0.381_868_057_085_393_3),
        ("paro", -0.084_871_080_634_573_2, 0.195_756_671_875_851_4),
        ("prio", 0.091_497_081_735_336_2, 0.028_648_549_895_298_75),
    ];
    assert_eq!(fit.names, golden.map(|row| row.0));
    for (at, (_, coefficient, error)) in golden.into_iter().enumerate() {
        near(fit.coefficients[at], coefficient, 1e-6);
        near(fit.standard_errors[at], error, 1e-6);
    }
    near(fit.log_likelihood, -658.747_659, 1e-6);
    near(fit.concordance.expect("pairs"), 0.640_329_247_099_713_5, 1e-12);
    near(fit.likelihood_ratio().0, 33.265_945_801_569_39, 1e-6);
    assert_eq!((fit.rows, fit.events), (432, 114));
    for (time, hazard) in [(1.0, 0.001_958), (11.0, 0.033_988), (52.0, 0.274_373)] {
        let at = fit.baseline.iter().find(|step| step.0 == time).expect("an event time").1;
        near(at, hazard, 1e-6);
    }
    near(fit.survival(&fit.means, 52.0), libm::exp(-0.274_373), 1e-6);
    let summary = flat::cox(&table).expect("a fit");
    assert_eq!(summary.parameters["age"].as_f64(), Some(fit.coefficients[1]));
    assert_eq!(summary.extra["concordance"].as_f64(), fit.concordance);
}

#[test]
fn simulated_ratios_come_back_and_threads_change_no_bit() {
    let truth = [0.5, -0.2, 0.8];
    // Exact times have single events; a grid of 0.25 ties thousands.
    for (grid, within) in [(0.0, 4.0), (0.02, 4.0)] {
        let subjects = data::lives(30_000, 4.0, grid, |x, e| {
            let ratio: f64 = truth.iter().zip(x).map(|(b, x)| b * x).sum();
            2.0 * libm::sqrt(e * libm::exp(-ratio))
        });
        let fit = cox::fit(&subjects, 1).expect("a fit");
        assert_eq!(Ok(&fit), cox::fit(&subjects, 2).as_ref().map_err(|error| error.to_string()));
        for (at, truth) in truth.into_iter().enumerate() {
            let (is, se) = (fit.coefficients[at], fit.standard_errors[at]);
            assert!((is - truth).abs() < within * se && se < 0.03, "{is} ± {se} instead of {truth}");
        }
        // The baseline of the law: H₀(t) = t²/4 at covariates 0, so at means times e^(β mean).
        let mean: f64 = truth.iter().zip(&fit.means).map(|(b, m)| b * m).sum();
        for time in [0.5, 1.0, 2.0] {
            let is = -libm::log(fit.survival(&fit.means, time));
            let wants = time * time / 4.0 * libm::exp(mean);
            assert!((is / wants - 1.0).abs() < 0.05, "{is} instead of {wants} at {time}");
        }
    }
}

#[test]
fn concordance_counts_pairs_as_the_definition_says() {
    let mut random = Pcg64Mcg::seed_from_u64(1996);
    for _ in 0..50 {
        let n = 40;
        let duration: Vec<f64> = (0..n).map(|_| f64::from(random.random_range(1..12))).collect();
        let event: Vec<f64> = (0..n).map(|_| f64::from(random.random_range(0..2))).collect();
        let risk: Vec<f64> = (0..n).map(|_| f64::from(random.random_range(-3..4))).collect();
        let (mut right, mut pairs) = (0.0, 0.0);
        for i in 0..n {
            for j in 0..n {
                let is_first = event[i] == 1.0 && (duration[i] < duration[j] || (duration[i] == duration[j] && event[j] == 0.0));
                if is_first {
                    pairs += 1.0;
                    right += if risk[i] > risk[j] {
                        1.0
                    } else if risk[i] == risk[j] {
                        0.5
                    } else {
                        0.0
                    };
                }
            }
        }
        let lives = Lives::new(duration, &event).expect("sound rows");
        assert_eq!(concordance(&lives, &risk), Some(right / pairs));
    }
    let alone = Lives::new(vec![1.0, 1.0], &[1.0, 1.0]).expect("sound rows");
    assert_eq!(concordance(&alone, &[0.0, 1.0]), None);
}
