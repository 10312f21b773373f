//! The stack of the churn families: its numbers on CDNOW, and what it does with few customers.

use perennial_contract::Table;
use perennial_contract::estimator::Model;
use perennial_learn::catalog;
use serde_json::{Value, json};

use crate::cdnow;
use crate::retention::{CUTS, RUN, cuts, judge, told};

fn fit(given: &Value, train: &Table) -> Box<dyn Model> {
    (catalog::find("stack_churn").expect("in the catalogue").fit)(given, train, &RUN).expect("a fit").model
}

fn weights(model: &dyn Model) -> String {
    let stack = &model.to_json()["model"];
    let members = stack["members"].as_array().expect("members").iter();
    let told: Vec<String> = members
        .map(|seat| format!("{} {:.3}", seat["kind"].as_str().unwrap_or(""), seat["weight"].as_f64().unwrap_or(0.0)))
        .collect();
    format!("intercept {:.3}, {}", stack["intercept"].as_f64().unwrap_or(0.0), told.join(", "))
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
        for given in [json!({}), json!({"forest_trees": 100})] {
            let model = fit(&given, &train);
            println!("{} {given} {}", CUTS[last], told(&judge(model.as_ref(), &test)));
            println!("    {} | {:.150}", weights(model.as_ref()), model.to_json()["calibration"]["calibrator"].to_string());
        }
        for name in ["boost_churn", "logistic"] {
            let model = (catalog::find(name).expect("in the catalogue").fit)(&Value::Null, &train, &RUN).expect("a fit").model;
            println!("{} {name} {}", CUTS[last], told(&judge(model.as_ref(), &test)));
        }
    }
}
