//! The stack of the churn families: its numbers on CDNOW, and what it does with few customers.

use std::sync::Arc;

use perennial_contract::arrow::array::{ArrayRef, Float64Array};
use perennial_contract::estimator::{FitError, Model, Run, column};
use perennial_contract::{Day, Table};
use perennial_learn::{catalog, metric};
use serde_json::{Value, json};

use crate::cdnow;
use crate::conformance::shop;
use crate::retention::{CUTS, RUN, cuts, judge, told};

fn fit(given: &Value, train: &Table) -> Box<dyn Model> {
    (catalog::find("stack_churn").expect("in the catalogue").fit)(given, train, &RUN).expect("a fit").model
}

fn told_weights(model: &dyn Model) -> String {
    let stack = &model.to_json()["model"];
    let members = stack["members"].as_array().expect("members").iter();
    let told: Vec<String> = members
        .map(|seat| format!("{} {:.3}", seat["kind"].as_str().unwrap_or(""), seat["weight"].as_f64().unwrap_or(0.0)))
        .collect();
    format!("intercept {:.3}, {}", stack["intercept"].as_f64().unwrap_or(0.0), told.join(", "))
}

/// A simulated shop on the days the conformance suite uses, horizon 60 days.
fn simulated(customers: usize) -> (Table, Table, Run) {
    let run = Run { seed: 7, threads: 1, horizon_days: 60, season: None };
    let windows = [300, 360, 420].map(|day| shop::table(customers, Day(day), run.horizon_days));
    (Table::concat(&windows).expect("one schema"), shop::table(customers, Day(480), run.horizon_days), run)
}

fn fit_for(train: &Table, run: &Run) -> Result<Box<dyn Model>, FitError> {
    (catalog::find("stack_churn").expect("in the catalogue").fit)(&Value::Null, train, run).map(|fitted| fitted.model)
}

fn p_churn(model: &dyn Model, rows: &Table) -> Vec<f64> {
    model.scorer().score(rows).and_then(|scores| Ok(scores.f64s(column::P_CHURN)?)).expect("scores")
}

/// Where every other candidate refuses, the stack says the base rate: wide, but something.
#[test]
fn a_handful_of_customers_gets_the_base_rate_instead_of_a_refusal() {
    let (train, test, run) = simulated(8);
    for other in ["logistic_rfm", "logistic", "boost_churn", "bgnbd"] {
        let refused = (catalog::find(other).expect("in the catalogue").fit)(&Value::Null, &train, &run).is_err();
        assert!(refused, "{other} learns from so little; take fewer customers");
    }
    let labels = train.f64s(column::LABEL_CHURN).expect("labels");
    let base_rate = (labels.iter().sum::<f64>() + 0.5) / (labels.len() as f64 + 1.0);
    let p = p_churn(fit_for(&train, &run).expect("a fit").as_ref(), &test);
    assert!(p.iter().all(|p| (p - base_rate).abs() < 0.1), "{p:?}, base rate {base_rate}");
}

#[test]
fn the_fewer_customers_the_nearer_to_the_base_rate() {
    let spread = |customers: usize| {
        let (train, _, run) = simulated(customers);
        let (_, test, _) = simulated(1000);
        let p = p_churn(fit_for(&train, &run).expect("a fit").as_ref(), &test);
        let mean = p.iter().sum::<f64>() / p.len() as f64;
        (p.iter().map(|p| (p - mean) * (p - mean)).sum::<f64>() / p.len() as f64).sqrt()
    };
    let (few, some, many) = (spread(8), spread(40), spread(1000));
    assert!(few < some && some < many, "standard deviations of p_churn {few} {some} {many}");
}

#[test]
fn without_a_label_the_lifetime_models_answer_alone_and_without_those_it_says_so() {
    let (train, test, run) = simulated(1000);
    let unknown: ArrayRef = Arc::new(Float64Array::from(vec![None; train.rows()]));
    let train = train.with(column::LABEL_CHURN, unknown).expect("a column");
    let model = fit_for(&train, &run).expect("a fit");
    assert!(told_weights(model.as_ref()).contains("intercept 0.000"), "{}", told_weights(model.as_ref()));
    let seats = model.to_json()["model"]["members"].clone();
    let kinds: Vec<_> = seats.as_array().expect("members").iter().map(|seat| seat["kind"].clone()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| kind == "bg_nbd" || kind == "pareto_nbd"), "{kinds:?}");
    let churned: Vec<bool> = test.f64s(column::LABEL_CHURN).expect("labels").iter().map(|label| *label == 1.0).collect();
    assert!(metric::measure_churn(&churned, &p_churn(model.as_ref(), &test))["auroc"] > 0.7);
    let error = fit_for(&shop::without(&train, column::X), &run).map(|_| ()).expect_err("nothing to learn from").to_string();
    assert!(error.contains("no customer's label is known"), "{error}");
}

#[test]
fn a_file_with_an_impossible_seat_is_refused_by_name() {
    let (train, _, run) = simulated(1000);
    let entry = catalog::find("stack_churn").expect("in the catalogue");
    let good = fit_for(&train, &run).expect("a fit").to_json();
    let refusal = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut bad = good.clone();
        change(bad["model"]["members"].as_array_mut().expect("members"));
        (entry.load)(&bad).map(|_| ()).expect_err("an impossible file").to_string()
    };
    assert!(refusal(&|seats| seats.push(seats[0].clone())).contains("twice"));
    assert!(refusal(&|seats| seats[0]["weight"] = json!(0.0)).contains("weight is 0"));
    assert!(refusal(&|seats| seats[0]["weight"] = json!(-0.5)).contains("allowed are numbers within a million"));
    let lifetime = good["model"]["members"].as_array().expect("members").iter().position(|seat| seat["kind"] == "pareto_nbd");
    let at = lifetime.expect("Pareto/NBD counts in a shop whose customers leave");
    let alone_as_bg_nbd = |seats: &mut Vec<Value>| {
        seats[at]["kind"] = json!("bg_nbd");
        *seats = vec![seats[at].clone()];
    };
    assert!(refusal(&alone_as_bg_nbd).contains("law"));
    assert!(refusal(&|seats| seats[at]["model"]["law"]["fit"]["parameters"]["s"] = json!(-1.0)).contains("parameter s"));
}

/// Settings were fixed before this quarter was looked at (docs/models/stack.md). The bounds hold what came out: by AUROC it ranks best of
/// all candidates there (by average precision `logistic` does, .9610 to .9607), and adds up less well than boosting.
#[test]
fn on_the_next_quarter_it_ranks_better_than_its_members() {
    let Some(customers) = cdnow::customers() else { return };
    let train = cuts(&customers, &CUTS);
    let test = cuts(&customers, &["1998-03-31"]);
    let model = fit(&Value::Null, &train);
    println!("{} | {}", told_weights(model.as_ref()), model.to_json()["calibration"]);
    let reached = judge(model.as_ref(), &test);
    println!("stack_churn {}", told(&reached));
    for member in ["logistic_rfm", "logistic", "boost_churn", "bgnbd"] {
        let alone = (catalog::find(member).expect("in the catalogue").fit)(&Value::Null, &train, &RUN).expect("a fit").model;
        let alone = judge(alone.as_ref(), &test);
        assert!(reached["auroc"] > alone["auroc"], "{member} {alone:?}, {reached:?}");
    }
    assert!(reached["auroc"] >= 0.8405 && reached["brier"] <= 0.0888, "{reached:?}");
    assert!(reached["ece"] <= 0.016 && (reached["total_ratio"] - 1.0).abs() <= 0.1, "{reached:?}");
}

/// How the settings were chosen: only windows that close by 1998-03-31, learned from windows closed when they begin.
/// Run with `cargo test --release -p perennial-learn -- --ignored --nocapture stack::validation`.
#[test]
#[ignore = "prints the table that the settings were chosen from"]
fn validation() {
    let Some(customers) = cdnow::customers() else { return };
    for last in 5..CUTS.len() {
        let train = cuts(&customers, &CUTS[..last - 2]);
        let test = cuts(&customers, &CUTS[last..=last]);
        for given in [10, 100, 1000].map(|rows| json!({"prior_rows": rows})) {
            let model = fit(&given, &train);
            println!("{} {given} {}", CUTS[last], told(&judge(model.as_ref(), &test)));
            println!("    {} | {:.150}", told_weights(model.as_ref()), model.to_json()["calibration"]["calibrator"].to_string());
        }
        for name in ["boost_churn", "logistic"] {
            let model = (catalog::find(name).expect("in the catalogue").fit)(&Value::Null, &train, &RUN).expect("a fit").model;
            println!("{} {name} {}", CUTS[last], told(&judge(model.as_ref(), &test)));
        }
    }
}

/// Rows of about `count` customers, others for each `draw`.
fn some(table: &Table, count: usize, draw: u64) -> (Table, Table) {
    let hashes = perennial_learn::learner::windows::customer_hash(table).expect("ids");
    let share = count as f64 / 23_570.0;
    let at = |row: usize| {
        let mixed = (hashes[row] ^ draw.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        ((mixed >> 11) as f64 / (1_u64 << 53) as f64) < share
    };
    let take = |wanted: bool| perennial_learn::learner::windows::take(table, |row| at(row) == wanted).expect("rows");
    (take(true), take(false))
}

/// What few customers are worth, on the window that begins 1997-12-31; mean over draws of what the other customers then do.
#[test]
#[ignore = "prints the table that the prior was chosen from"]
fn few_customers() {
    let Some(customers) = cdnow::customers() else { return };
    let train = cuts(&customers, &CUTS[..6]);
    let test = cuts(&customers, &CUTS[8..=8]);
    for (count, draws) in [(30, 12), (60, 12), (125, 12), (250, 12), (500, 12), (1000, 8), (3000, 4)] {
        let mut recipes: Vec<(&str, Value)> =
            ["logistic_rfm", "logistic", "boost_churn", "bgnbd"].map(|name| (name, Value::Null)).to_vec();
        for prior_rows in [100, 300] {
            for trust_rows in [10, 30] {
                recipes.push(("stack_churn", json!({"prior_rows": prior_rows, "trust_rows": trust_rows})));
            }
        }
        for (name, given) in recipes {
            let entry = catalog::find(name).expect("in the catalogue");
            let (mut fits, mut log_loss, mut auroc, mut ratio) = (0.0, 0.0, 0.0, 0.0);
            for draw in 1..=draws {
                let (_, others) = some(&test, count, draw);
                if let Ok(fitted) = (entry.fit)(&given, &some(&train, count, draw).0, &RUN) {
                    let scores = fitted.model.scorer().score(&others).expect("scores");
                    if scores.f64s("p_churn").expect("numbers").iter().all(|p| p.is_finite()) {
                        let reached = judge(fitted.model.as_ref(), &others);
                        fits += 1.0;
                        log_loss += reached["log_loss"];
                        auroc += reached["auroc"];
                        ratio += reached["total_ratio"];
                    }
                }
            }
            println!(
                "{count:5} {name:13} {given} fits {fits} of {draws} log_loss {:.4} auroc {:.4} ratio {:.3}",
                log_loss / fits,
                auroc / fits,
                ratio / fits
            );
        }
    }
}
