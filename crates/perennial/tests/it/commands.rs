//! The command line as a careless operator uses it.

use crate::shop::{TestShop, run};

#[test]
fn mistakes_are_told_with_what_to_do() {
    let shop = TestShop::new(&[]);
    let dir = shop.dir();
    let dir = dir.to_str().expect("UTF-8");
    let cases: [(&[&str], i32, &str); 9] = [
        (&["models", "--shop", "/nonexistent"], 1, "is not a shop"),
        (&["init", dir], 1, "is not empty"),
        (&["import", "--shop", dir, "/nonexistent.csv"], 1, "/nonexistent.csv"),
        (&["run", "--shop", dir], 1, "no orders yet"),
        (&["score", "--shop", dir, "--out", "scores.xls"], 1, ".parquet or .csv"),
        (&["fit", "bgndb", "--input", "x.csv"], 1, "there are"),
        (&["promote", "--shop", dir, "churn", "boost"], 1, "perennial models"),
        (&["config", "explain", "--shop", dir, "--set", "learn.horizn_days=3"], 2, "did you mean learn.horizon_days"),
        (&["frobnicate"], 2, "unrecognized subcommand"),
    ];
    for (arguments, code, message) in cases {
        let ran = run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(message), "{arguments:?}: {ran:?}");
        assert!(!ran.err.contains("panicked"), "{ran:?}");
    }
}

#[test]
fn json_errors_are_json() {
    let ran = run(&["models", "--json", "--shop", "/nonexistent"]);
    assert!(ran.json()["error"].as_str().is_some_and(|error| error.contains("is not a shop")));
}

#[test]
fn settings_say_where_they_come_from() {
    let shop = TestShop::new(&["shop.currency=GBP"]);
    let rows = shop.run(&["config", "explain", "--json", "--set", "learn.horizon_days=60"]).ok().json();
    let find =
        |name: &str| rows.as_array().expect("a list").iter().find(|row| row["setting"] == name).expect("the setting").clone();
    assert_eq!(find("learn.horizon_days")["origin"], "--set");
    assert!(find("shop.currency")["origin"].as_str().is_some_and(|origin| origin.ends_with("perennial.toml")));
    assert_eq!(find("shop.currency")["value"], "\"GBP\"");
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).ok().out.contains("perennial"));
    }
    assert_eq!(run(&["completions", "tcsh"]).code, 1);
}

#[test]
fn an_edited_settings_file_with_an_unknown_key_is_an_error() {
    let shop = TestShop::new(&[]);
    let path = shop.dir().join("perennial.toml");
    let text = std::fs::read_to_string(&path).expect("settings");
    std::fs::write(&path, text.replace("horizon_days", "horizon_dayz")).expect("written");
    let ran = shop.run(&["check"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("did you mean learn.horizon_days"), "{ran:?}");
}
