//! What every model of the catalogue must do, whatever it is: each test walks `catalog::MODELS`.

pub mod shop;

use perennial_contract::estimator::{FitError, Model, Run, Task, column};
use perennial_contract::{Day, Table};
use perennial_learn::catalog::{Entry, MODELS};
use perennial_learn::metric::{self, Forecast};
use serde_json::{Map, Value};

const RUN: Run = Run { seed: 7, threads: 1, horizon_days: 60, season: None };
const TRAIN: [i32; 3] = [300, 360, 420];
const CUSTOMERS: usize = 1000;
const TEST: i32 = 480;

fn train() -> Table {
    Table::concat(&TRAIN.map(|day| shop::table(CUSTOMERS, Day(day), RUN.horizon_days))).expect("one schema")
}

fn test() -> Table {
    shop::table(CUSTOMERS, Day(TEST), RUN.horizon_days)
}

fn fit(entry: &Entry, train: &Table) -> Box<dyn Model> {
    (entry.fit)(&Value::Null, train, &RUN).unwrap_or_else(|error| panic!("{}: {error}", entry.name)).model
}

fn score(model: &dyn Model, rows: &Table) -> Table {
    model.scorer().score(rows).expect("scores")
}

/// Scores are of the task's columns, one a row, and within their bounds wherever there is one.
fn assert_valid(entry: &Entry, scores: &Table, rows: usize) {
    assert_eq!(scores.rows(), rows, "{}", entry.name);
    assert_eq!(scores.names().collect::<Vec<_>>(), entry.task.score_columns(), "{}", entry.name);
    match entry.task {
        Task::Churn => {
            for p in scores.f64s(column::P_CHURN).expect("numbers") {
                assert!(p.is_nan() || (0.0..=1.0).contains(&p), "{}: p_churn {p}", entry.name);
            }
        }
        Task::Value => {
            let [spend, lo, hi] =
                [column::SPEND, column::SPEND_LO80, column::SPEND_HI80].map(|name| scores.f64s(name).expect("numbers"));
            for ((spend, lo), hi) in spend.into_iter().zip(lo).zip(hi) {
                let is_null = spend.is_nan() && lo.is_nan() && hi.is_nan();
                assert!(
                    is_null || (0.0 <= lo && lo <= spend && spend <= hi && hi.is_finite()),
                    "{}: {lo} {spend} {hi}",
                    entry.name
                );
            }
        }
        Task::Outlook => {
            for name in scores.names().filter(|name| *name != column::STAGE) {
                let numbers = scores.f64s(name).expect("numbers");
                let most = if name.starts_with("p_") { 1.0 } else { f64::MAX };
                assert!(numbers.iter().all(|v| v.is_nan() || (0.0..=most).contains(v)), "{}: {name}", entry.name);
            }
            let chances = [30, 60, 90, 180, 365].map(|days| scores.f64s(&format!("p_no_order_{days}d")).expect("numbers"));
            for pair in chances.windows(2) {
                assert!(pair[0].iter().zip(&pair[1]).all(|(sooner, later)| sooner.is_nan() || sooner >= later), "{}", entry.name);
            }
            assert!(scores.texts(column::STAGE).expect("texts").iter().all(|key| key.is_some_and(|k| !k.is_empty())))
        }
        Task::Segment => {
            assert!(scores.texts(column::SEGMENT).expect("texts").iter().all(|key| key.is_some_and(|k| !k.is_empty())))
        }
    }
}

#[test]
fn it_finds_the_signal_that_is_there() {
    let (train, test) = (train(), test());
    for entry in MODELS {
        let scores = score(fit(entry, &train).as_ref(), &test);
        assert_valid(entry, &scores, test.rows());
        match entry.task {
            Task::Churn => {
                let churned: Vec<bool> = test.f64s(column::LABEL_CHURN).expect("labels").iter().map(|y| *y == 1.0).collect();
                let reached = metric::measure_churn(&churned, &scores.f64s(column::P_CHURN).expect("numbers"));
                let best = metric::measure_churn(&churned, &shop::p_silent(CUSTOMERS, Day(TEST), RUN.horizon_days));
                // The best score knows who has left already, which no order shows; a model comes near it, not up to it.
                assert!(reached["auroc"] > best["auroc"] - 0.12, "{}: {reached:?}, at best {best:?}", entry.name);
                assert!((reached["total_ratio"] - 1.0).abs() < 0.15, "{}: {reached:?}", entry.name);
            }
            Task::Value => {
                let numbers = |name| scores.f64s(name).expect("numbers");
                let (spend, lo80, hi80) = (numbers(column::SPEND), numbers(column::SPEND_LO80), numbers(column::SPEND_HI80));
                let actual = test.f64s(column::LABEL_SPEND_CENTS).expect("labels");
                let reached = metric::measure_value(&actual, Forecast { spend: &spend, lo80: &lo80, hi80: &hi80 });
                assert!(reached["gini"] > 0.3 && reached["spearman"] > 0.3, "{}: {reached:?}", entry.name);
                assert!((reached["total_ratio"] - 1.0).abs() < 0.2, "{}: {reached:?}", entry.name);
                assert!((0.74..0.9).contains(&reached["coverage_80"]), "{}: {reached:?}", entry.name);
            }
            Task::Outlook => {
                // The training windows are of 60 days; the chance of no order in 60 days must rank who stays silent and add up.
                let churned: Vec<bool> = test.f64s(column::LABEL_CHURN).expect("labels").iter().map(|y| *y == 1.0).collect();
                let reached = metric::measure_churn(&churned, &scores.f64s("p_no_order_60d").expect("numbers"));
                let best = metric::measure_churn(&churned, &shop::p_silent(CUSTOMERS, Day(TEST), RUN.horizon_days));
                assert!(reached["auroc"] > best["auroc"] - 0.12, "{}: {reached:?}, at best {best:?}", entry.name);
                assert!((reached["total_ratio"] - 1.0).abs() < 0.15, "{}: {reached:?}", entry.name);
                let actual = test.f64s(column::LABEL_SPEND_CENTS).expect("labels");
                let spend = scores.f64s("spend_cents_60d").expect("numbers");
                let ratio = spend.iter().sum::<f64>() / actual.iter().sum::<f64>();
                assert!((ratio - 1.0).abs() < 0.2, "{}: {ratio}", entry.name);
            }
            Task::Segment => {
                let keys = scores.texts(column::SEGMENT).expect("texts");
                let spend = test.f64s(column::SPEND_CENTS).expect("numbers");
                let mean = |wanted: &dyn Fn(&str) -> bool| {
                    let of: Vec<f64> =
                        keys.iter().zip(&spend).filter(|(key, _)| key.is_some_and(wanted)).map(|(_, s)| *s).collect();
                    of.iter().sum::<f64>() / of.len() as f64
                };
                let best = mean(&|key| key == "champions" || key == "k1");
                assert!(best > 1.5 * mean(&|_| true), "{}: {best}", entry.name);
            }
        }
    }
}

#[test]
fn same_input_same_bytes_at_any_number_of_threads() {
    let train = train();
    for entry in MODELS {
        let bytes = |threads: usize| {
            let run = Run { threads, ..RUN };
            let model = (entry.fit)(&Value::Null, &train, &run).expect("a fit").model;
            serde_json::to_string(&model.to_json()).expect("JSON")
        };
        let first = bytes(1);
        assert!(first == bytes(1), "{} changes from fit to fit", entry.name);
        assert!(first == bytes(2) && first == bytes(3), "{} depends on the number of threads", entry.name);
    }
}

#[test]
fn a_saved_model_is_the_same_model() {
    let (train, test) = (train(), test());
    for entry in MODELS {
        let model = fit(entry, &train);
        let text = serde_json::to_string(&model.to_json()).expect("JSON");
        let read: Value = serde_json::from_str(&text).expect("JSON");
        let loaded = (entry.load)(&read).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert!(
            serde_json::to_string(&loaded.to_json()).expect("JSON") == text,
            "{} writes other bytes than it read",
            entry.name
        );
        assert_eq!(loaded.needs(), model.needs(), "{}", entry.name);
        assert_eq!(score(loaded.as_ref(), &test).batch(), score(model.as_ref(), &test).batch(), "{}", entry.name);
    }
}

#[test]
fn one_row_gives_the_bits_of_the_batch() {
    let (train, test) = (train(), test());
    for entry in MODELS {
        let model = fit(entry, &train);
        let batch = score(model.as_ref(), &test);
        let reasons = model.scorer().explain(&test).expect("reasons");
        for row in (0..test.rows()).step_by(97) {
            let alone = test.slice(row, 1);
            assert_eq!(score(model.as_ref(), &alone).batch(), batch.slice(row, 1).batch(), "{} row {row}", entry.name);
            let Some(all) = &reasons else { continue };
            let one = model.scorer().explain(&alone).expect("reasons").expect("reasons as for the batch");
            let width = all.features.len();
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&one.values), bits(&all.values[row * width..(row + 1) * width]), "{} row {row}", entry.name);
        }
    }
}

/// For churn the margin is the log-odds before calibration: put through the map in the model's file it is the score.
#[test]
fn reasons_add_up_to_the_score() {
    use perennial_learn::learner::calibrator::Calibrator;
    let (train, test) = (train(), test());
    let mut explained = Vec::new();
    for entry in MODELS.iter().filter(|entry| entry.task == Task::Churn) {
        let model = fit(entry, &train);
        let Some(reasons) = model.scorer().explain(&test).expect("reasons") else { continue };
        let map: Calibrator = serde_json::from_value(model.to_json()["calibration"]["calibrator"].clone()).expect("a map");
        let p = score(model.as_ref(), &test).f64s(column::P_CHURN).expect("numbers");
        for (row, p) in p.into_iter().enumerate() {
            let width = reasons.features.len();
            let margin = reasons.bias + reasons.values[row * width..(row + 1) * width].iter().sum::<f64>();
            let told = map.apply(1.0 / (1.0 + libm::exp(-margin)));
            assert!((told - p).abs() <= 1e-9, "{} row {row}: reasons say {told}, the score is {p}", entry.name);
        }
        explained.push(entry.name);
    }
    assert_eq!(explained, ["logistic_rfm", "logistic", "boost_churn", "tree_churn", "forest_churn", "stack_churn"]);
}

#[test]
fn odd_tables_give_a_typed_error_or_valid_scores() {
    let (train, test) = (train(), test());
    for entry in MODELS {
        let model = fit(entry, &train);
        for (what, rows) in shop::odd(&test) {
            match model.scorer().score(&rows) {
                Ok(scores) => assert_valid(entry, &scores, rows.rows()),
                Err(error) => assert!(!error.to_string().is_empty(), "{} on {what}", entry.name),
            }
            // Fitting on it must end too, with a model or a reason.
            match (entry.fit)(&Value::Null, &rows, &RUN) {
                Ok(fitted) => assert_valid(entry, &score(fitted.model.as_ref(), &rows), rows.rows()),
                Err(error) => assert!(error.to_string().len() > 10, "{} on {what}: {error}", entry.name),
            }
        }
        for needed in entry.needs {
            let rows = shop::without(&train, needed);
            let error = (entry.fit)(&Value::Null, &rows, &RUN).map(|_| ()).expect_err("a needed column is missing").to_string();
            assert!(error.contains(needed), "{}: {error}", entry.name);
        }
    }
}

/// Served is what was judged, fitted on more: the same bytes at any number of threads, sound scores, and read back as it was.
#[test]
fn fitting_again_with_a_newer_window_gives_a_sound_model() {
    let (train, test) = (train(), test());
    for entry in MODELS {
        let fitted = (entry.fit)(&Value::Null, &train, &RUN).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let newer = Table::concat(&[train.clone(), test.clone()]).expect("one table");
        let again = fitted.again(&newer, &RUN).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert_valid(entry, &score(again.as_ref(), &test), test.rows());
        let more_threads = fitted.again(&newer, &Run { threads: 3, ..RUN }).expect("a fit");
        assert_eq!(again.to_json().to_string(), more_threads.to_json().to_string(), "{}", entry.name);
        let loaded = (entry.load)(&again.to_json()).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert_eq!(loaded.to_json().to_string(), again.to_json().to_string(), "{}", entry.name);
    }
}

#[test]
fn parameters_outside_their_range_are_refused_by_name() {
    let train = train();
    for entry in MODELS {
        let with = |name: &str, value: Value| {
            let given = Value::Object(Map::from_iter([(name.to_owned(), value)]));
            (entry.fit)(&given, &train, &RUN).map(|_| ())
        };
        for param in entry.params {
            assert!((param.min..=param.max).contains(&param.default), "{}.{}", entry.name, param.name);
            let outside = [param.min - 1.0, param.max * 2.0 + 1.0].map(Value::from);
            for bad in outside.into_iter().chain([Value::Null, Value::from("many"), Value::from(true)]) {
                let result = with(param.name, bad.clone());
                assert!(
                    matches!(&result, Err(FitError::Param { name, .. }) if name == param.name),
                    "{}.{} = {bad}",
                    entry.name,
                    param.name
                );
            }
        }
        let unknown = with("no_such_parameter", Value::from(1.0));
        assert!(matches!(unknown, Err(FitError::Refused(_))), "{}", entry.name);
        assert!((entry.fit)(&Value::from(3.0), &train, &RUN).is_err(), "{}", entry.name);
    }
}

/// Every number of a model file replaced by hostile ones, every key removed: a sound model or a `LoadError`, never a panic.
#[test]
fn a_hostile_model_file_is_refused_or_scores_within_bounds() {
    let (train, test) = (train(), test().slice(0, 5));
    for entry in MODELS {
        let good = fit(entry, &train).to_json();
        assert!((entry.load)(&Value::Null).is_err() && (entry.load)(&Value::from("x")).is_err(), "{}", entry.name);
        let mut paths = Vec::new();
        shop::paths(&good, &mut Vec::new(), &mut paths);
        let step = paths.len().div_ceil(60);
        for path in paths.iter().step_by(step.max(1)) {
            for hostile in
                [Value::Null, Value::from(-1), Value::from(1e308), Value::from(u64::MAX), Value::Array(vec![]), Value::from("x")]
            {
                let mut bad = good.clone();
                *shop::at(&mut bad, path) = hostile.clone();
                if let Ok(model) = (entry.load)(&bad)
                    && let Ok(scores) = model.scorer().score(&test)
                {
                    assert_eq!(scores.rows(), test.rows(), "{} with {path:?} = {hostile}", entry.name);
                }
            }
        }
    }
}

#[test]
fn names_are_unique_and_every_task_has_one_baseline() {
    use perennial_learn::catalog::Role;
    let mut names: Vec<_> = MODELS.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    // An outlook has no rival to beat: it is held to its own promises.
    for task in Task::ALL.iter().filter(|task| **task != Task::Outlook) {
        let baselines = MODELS.iter().filter(|entry| entry.task == *task && entry.role == Role::Baseline);
        assert_eq!(baselines.count(), 1, "{task}");
    }
}
