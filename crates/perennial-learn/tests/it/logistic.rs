//! Logistic regression against statsmodels (estimates, standard errors, likelihood) and scikit-learn (elastic net).

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::{ArrayRef, Float64Array, StringArray};
use perennial_contract::estimator::column;
use perennial_learn::catalog::FLAT_FITS;
use perennial_learn::learner::encode::{Encoder, Skew};
use perennial_learn::learner::linear::{Penalty, Problem, TOLERANCE, Weights};
use perennial_learn::metric::cluster::Points;

const ROWS: usize = 400;

/// Days since the last order, spend, orders and a label; the peers were given the same formula.
fn rows() -> [Vec<f64>; 4] {
    let of = |value: &dyn Fn(usize) -> f64| (0..ROWS).map(value).collect::<Vec<_>>();
    let days = of(&|i| (1 + i * 37 % 200) as f64);
    let orders = of(&|i| (1 + i * i % 7) as f64);
    let spend = of(&|i| (500 + i * 7919 % 9000) as f64);
    let label = of(&|i| {
        let margin = -2.0 + 0.9 * libm::log1p(days[i]) - 0.8 * libm::log1p(orders[i]) - 0.1 * libm::log1p(spend[i]);
        f64::from((i as f64 * 0.618_033_988_749_894_9) % 1.0 < 1.0 / (1.0 + libm::exp(-margin)))
    });
    [days, spend, orders, label]
}

#[track_caller]
fn near(is: f64, wants: f64, by: f64) {
    assert!((is - wants).abs() <= by, "{is}, expected {wants}");
}

/// statsmodels 0.14: `Logit(y, add_constant(log1p([days, spend, orders]))).fit()`.
#[test]
fn the_baseline_row_is_the_maximum_likelihood_fit() {
    let names = [column::DAYS_SINCE_LAST_ORDER, column::SPEND_CENTS, column::ORDERS, column::LABEL_CHURN];
    let columns = names.into_iter().zip(rows()).map(|(name, values)| (name, Arc::new(Float64Array::from(values)) as ArrayRef));
    let table = Table::from_columns(columns.collect()).expect("columns of one length");
    let flat = FLAT_FITS.iter().find(|flat| flat.name == "logistic_rfm").expect("in the catalogue");
    let fit = (flat.fit)(&table).expect("a fit");
    let golden = [
        ("intercept", -1.468_662_724_116, 1.419_672_790_121),
        ("ln(1+days_since_last_order)", 0.778_706_742_282, 0.137_903_344_997),
        ("ln(1+spend_cents_all)", -0.114_673_959_846, 0.150_880_641_082),
        ("ln(1+orders_all)", -0.690_360_458_072, 0.290_335_790_546),
    ];
    assert_eq!(fit.parameters.keys().collect::<Vec<_>>(), golden.map(|row| row.0));
    for (name, value, error) in golden {
        near(fit.parameters[name].as_f64().expect("a number"), value, 1e-6);
        near(fit.standard_errors[name].as_f64().expect("a number"), error, 1e-6);
    }
    near(fit.log_likelihood, -254.750_805_549_549_57, 1e-9);
    assert_eq!(fit.rows, ROWS);
}

/// scikit-learn 1.9: `LogisticRegression(l1_ratio=.5, C=1/(.02 n), solver="saga", tol=1e-12)` on the standardised logs.
#[test]
fn the_elastic_net_finds_the_minimum_of_its_peer() {
    let [days, spend, orders, labels] = rows();
    let columns = [days, spend, orders].map(|values| {
        let logs: Vec<f64> = values.into_iter().map(libm::log1p).collect();
        let mean = logs.iter().sum::<f64>() / ROWS as f64;
        let sd = (logs.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / ROWS as f64).sqrt();
        logs.into_iter().map(|v| (v - mean) / sd).collect::<Vec<_>>()
    });
    let values = (0..ROWS).flat_map(|i| columns.iter().map(move |column| column[i])).collect();
    let points = Points { values, width: 3 };
    let problem = Problem { points: &points, labels: &labels, threads: 1, tolerance: TOLERANCE };
    let found = problem.solve(Penalty { lambda: 0.02, alpha: 0.5 }, Weights::zero(3));
    near(found.intercept, 0.055_596_983_255, 1e-5);
    for (is, wants) in found.beta.iter().zip([0.603_778_890_002, -0.034_026_707_067, -0.195_700_523_109]) {
        near(*is, wants, 1e-5);
    }
    let strong = problem.solve(Penalty { lambda: 1.0, alpha: 1.0 }, Weights::zero(3));
    assert_eq!(strong.beta, [0.0; 3]);
}

#[test]
fn encoding_is_what_training_rows_said_whatever_comes_later() {
    let table = |spend: Vec<Option<f64>>, channel: Vec<Option<&str>>| {
        let columns: Vec<(&str, ArrayRef)> =
            vec![("spend", Arc::new(Float64Array::from(spend))), ("channel", Arc::new(StringArray::from(channel)))];
        Table::from_columns(columns).expect("columns of one length")
    };
    let train = table(vec![Some(1.0), Some(3.0), None, Some(5.0)], vec![Some("mail"), Some("shop"), Some("mail"), None]);
    let names = ["spend", "channel"].map(str::to_owned);
    let encoder = Encoder::fit(&train, &names, Skew::Keep).expect("an encoder");
    // The gap is filled with the median 3, so the mean is 3 and the variance 2; then its flag; then mail and shop.
    let root = std::f64::consts::SQRT_2;
    let later = table(vec![Some(3.0 + root), None, Some(f64::INFINITY)], vec![Some("shop"), Some("unheard of"), None]);
    let encoded = encoder.encode(&later).expect("numbers");
    assert_eq!(encoded.width, 4);
    near(encoded.row(0)[0], 1.0, 1e-12);
    assert_eq!(&encoded.row(0)[1..], [0.0, 0.0, 1.0]);
    assert_eq!(encoded.row(1), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(encoded.row(2), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(encoder.sources(), [0, 0, 1, 1]);
}
