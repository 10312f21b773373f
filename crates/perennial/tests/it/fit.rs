//! `perennial fit` on flat files: what it reads, prints and refuses.

use std::path::Path;

use crate::shop::{Ran, data_set, run};

fn fit(model: &str, folder: &Path, csv: &str) -> Ran {
    let path = folder.join("flat.csv");
    std::fs::write(&path, csv).expect("written");
    run(&["fit", model, "--json", "--input", path.to_str().expect("UTF-8")])
}

/// Rossi and Waltons under the names that the models read; see the golden tests of perennial-learn.
#[test]
fn survival_models_print_the_published_numbers() {
    let Some(set) = data_set("survival") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let text = |file: &str| std::fs::read_to_string(set.join(file)).expect("a file");
    let rossi = text("rossi.csv").replacen("week,arrest", "duration,event", 1);
    let cox = fit("cox", folder.path(), &rossi).ok().json();
    assert!((cox["parameters"]["age"].as_f64().expect("a number") + 0.057_438).abs() < 1e-6, "{cox}");
    assert!((cox["log_likelihood"].as_f64().expect("a number") + 658.747_659).abs() < 1e-6);
    assert!((cox["extra"]["concordance"].as_f64().expect("a number") - 0.640_329).abs() < 1e-6);
    assert_eq!(fit("aft", folder.path(), &rossi).ok().json()["extra"]["distribution"], "weibull");
    let waltons = text("waltons.csv").replacen("T,E", "duration,event", 1);
    let curve = fit("kaplan_meier", folder.path(), &waltons).ok().json();
    assert_eq!(curve["extra"]["median"], 56.0);
    assert!((curve["extra"]["log_rank"]["chi_squared"].as_f64().expect("a number") - 122.249_13).abs() < 1e-5);
}

#[test]
fn a_fit_without_extras_prints_the_keys_it_always_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String = (0..60).map(|i| format!("{},{}.5,note\n", 1 + i % 7, 20 + i * 37 % 50)).collect();
    // A column beside the named ones is not read, so it may hold text.
    let json = fit("gamma_gamma", folder.path(), &format!("x,mean_spend,remark\n{rows}")).ok().json();
    let keys: Vec<_> = json.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["model", "parameters", "standard_errors", "log_likelihood", "rows"]);
}

#[test]
fn columns_that_are_no_covariates_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |csv: &str, words: &str| {
        let ran = fit("cox", folder.path(), csv);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(format!("{}{}", ran.out, ran.err).contains(words), "{ran:?}");
    };
    refused(
        "duration,event,city\n3,1,Ulm\n",
        "column city: \\\"Ulm\\\" is no number, and every column beside duration, event is read as one",
    );
    refused("duration,event,age\n3,1,41\n4,0,\n", "row 2, column age: \\\"\\\" is no number");
    refused("duration,event,age,age\n3,1,41,2\n", "stands there twice");
    refused("weeks,event,age\n3,1,41\n", "has no column \\\"duration\\\"; it has weeks, event, age");
    refused("duration,event\n3,1\n4,0\n", "no covariate");
}
