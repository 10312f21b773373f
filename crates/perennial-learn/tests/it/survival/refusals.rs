//! Rows that carry no survival model are refused with the reason, by every model.

use perennial_contract::Table;
use perennial_contract::arrow::array::{Float64Array, StringArray};
use perennial_contract::estimator::{FitError, FitSummary};
use perennial_learn::catalog::FLAT_FITS;
use std::sync::Arc;

use super::data::flat;

const ALL: [&str; 4] = ["kaplan_meier", "cox", "aft", "hazard"];
const WITH_COVARIATES: [&str; 3] = ["cox", "aft", "hazard"];
const ROWS: usize = 60;

fn fit(model: &str, table: &Table) -> Result<FitSummary, FitError> {
    (FLAT_FITS.iter().find(|fit| fit.name == model).expect("in the catalogue").fit)(table)
}

/// Sound rows with one column replaced or added.
fn rows(name: &str, values: impl Fn(usize) -> f64) -> Table {
    let of = |value: &dyn Fn(usize) -> f64| (0..ROWS).map(value).collect::<Vec<f64>>();
    let mut columns = vec![
        ("duration", of(&|i| (1 + i * 37 % 59) as f64)),
        ("event", of(&|i| f64::from(u8::from(i % 3 != 0)))),
        ("x", of(&|i| (i * 7919 % 101) as f64)),
        ("y", of(&|i| (i * i * 31 % 17) as f64)),
    ];
    let replaced = of(&values);
    match columns.iter_mut().find(|column| column.0 == name) {
        Some(column) => column.1 = replaced,
        None => columns.push((name, replaced)),
    }
    flat(&columns.iter().map(|(name, values)| (*name, values.as_slice())).collect::<Vec<_>>())
}

#[track_caller]
fn refuses(models: &[&str], table: &Table, words: &str) {
    for model in models {
        match fit(model, table) {
            Ok(summary) => panic!("{model} fits {:?}", summary.parameters),
            Err(error) => assert!(error.to_string().contains(words), "{model}: {error}"),
        }
    }
}

#[test]
fn sound_rows_are_fitted() {
    for model in ALL {
        let summary = fit(model, &rows("z", |i| (i % 5) as f64)).unwrap_or_else(|error| panic!("{model}: {error}"));
        assert!(summary.log_likelihood.is_finite(), "{model}");
    }
}

#[test]
fn durations_and_events_that_cannot_be_are_named_with_their_row() {
    let odd = |value: f64| move |i: usize| if i == 4 { value } else { (1 + i) as f64 };
    refuses(&ALL, &rows("duration", odd(-2.0)), "row 5: duration is -2");
    refuses(&ALL, &rows("duration", odd(f64::NAN)), "row 5: duration is NaN");
    refuses(&ALL, &rows("duration", odd(f64::INFINITY)), "row 5: duration is inf");
    refuses(&ALL, &rows("event", |i| if i == 2 { 0.5 } else { 1.0 }), "row 3: event is 0.5");
    refuses(&ALL, &rows("event", |_| 0.0), "never happened");
    refuses(&ALL, &rows("duration", |i| if i % 3 == 0 { 5.0 } else { 0.0 }), "every event has duration 0");
    refuses(&ALL, &rows("duration", |_| 0.0), "every event has duration 0");
    refuses(&["aft"], &rows("duration", |i| i as f64), "row 1: duration is 0");
    refuses(&["aft"], &rows("duration", |_| 7.0), "duration is 7 on every row");
    refuses(&ALL, &rows("z", |_| 1.0).slice(1, 1), "1 rows carry no survival model");
    refuses(&ALL, &rows("z", |_| 1.0).slice(0, 0), "0 rows carry no survival model");
}

#[test]
fn covariates_that_say_nothing_or_the_same_are_named() {
    refuses(&["cox", "aft"], &rows("z", |_| 3.5), "z is 3.5 on every row");
    refuses(
        &["cox", "aft"],
        &rows("z", |i| 2.0 * (i * 7919 % 101) as f64 - 3.0 * (i * i * 31 % 17) as f64 + 1.0),
        "z follows from x, y",
    );
    refuses(&["cox", "aft"], &rows("y", |i| (i * 7919 % 101) as f64), "y follows from x");
    refuses(&WITH_COVARIATES, &rows("z", |i| if i == 7 { f64::NAN } else { i as f64 }), "row 8: z is NaN");
    refuses(&["aft"], &rows("sigma", |i| (i % 5) as f64), "named \"sigma\"");
    refuses(&WITH_COVARIATES, &rows("event", |i| f64::from(u8::from(i < 9))), "9 events carry no");
    let text = rows("z", |i| i as f64).with("city", Arc::new(StringArray::from(vec!["Ulm"; ROWS]))).expect("a column");
    refuses(&WITH_COVARIATES, &text, "\"city\" is Utf8");
    refuses(&WITH_COVARIATES, &flat(&[("duration", &[1.0; 60]), ("event", &[1.0; 60])]), "no covariate");
}

#[test]
fn a_covariate_that_tells_the_answer_has_no_finite_coefficient() {
    // The larger z the earlier, without exception: every risk set's event has the largest z.
    let order = rows("z", |i| -((1 + i * 37 % 59) as f64) - 1e-3 * i as f64);
    refuses(&["cox"], &order, "coefficient of z grows without bound");
    // To those with z = 1 it never happens.
    let never = rows("z", |i| f64::from(u8::from(i % 3 == 0)));
    refuses(&["cox"], &never, "coefficient of z falls without bound");
    refuses(&["aft"], &never, "coefficient of z grows without bound");
    // z is the logarithm of the duration itself.
    let exact = rows("z", |i| libm::log((1 + i * 37 % 59) as f64));
    refuses(&["aft"], &exact, "the spread of the");
}

#[test]
fn groups_are_two_or_more_and_never_empty() {
    let with =
        |group: Vec<Option<&str>>| rows("z", |i| i as f64).with("group", Arc::new(StringArray::from(group))).expect("a column");
    refuses(&["kaplan_meier"], &with(vec![Some("a"); ROWS]), "group has 1 values");
    let gap = (0..ROWS).map(|i| if i == 3 { None } else { Some(["a", "b"][i % 2]) }).collect();
    refuses(&["kaplan_meier"], &with(gap), "row 4: group is empty");
    // Two rows that were gone before anything happened compare with nobody.
    let gone = rows("duration", |i| if i < 2 { 0.5 } else { (2 + i) as f64 });
    let gone = gone
        .with("event", Arc::new(Float64Array::from_iter_values((0..ROWS).map(|i| f64::from(u8::from(i > 1))))))
        .expect("a column");
    let early = (0..ROWS).map(|i| Some(if i < 2 { "early" } else { "late" })).collect::<Vec<_>>();
    refuses(&["kaplan_meier"], &gone.with("group", Arc::new(StringArray::from(early))).expect("a column"), "cannot be compared");
    // It has not happened to anybody of a group: that is an answer, not an error.
    let silent = (0..ROWS).map(|i| Some(if i % 3 == 0 { "never" } else { "often" })).collect();
    let summary = fit("kaplan_meier", &with(silent)).expect("a fit");
    let never = &summary.extra["groups"][0];
    assert_eq!((never["events"].as_u64(), never["median"].as_f64()), (Some(0), None));
    assert_eq!(never["restricted_mean"], never["restricted_to"]);
}
