//! `perennial simulate` through the command line, and what import makes of its files.

use std::path::Path;

use crate::shop::{TestShop, run};

fn simulated(arguments: &[&str]) -> (tempfile::TempDir, String, serde_json::Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("exports").to_str().expect("UTF-8").to_owned();
    let mut all = vec!["simulate", "--json", "--customers", "1500", "--out", &out];
    all.extend(arguments);
    let summary = run(&all).ok().json();
    (folder, out, summary)
}

fn bytes(folder: &str, file: &str) -> Vec<u8> {
    std::fs::read(Path::new(folder).join(file)).expect("a file")
}

#[test]
fn the_command_gives_the_same_bytes_for_the_same_seed() {
    let (_a, one, summary) = simulated(&["--seed", "5"]);
    let (_b, two, _) = simulated(&["--seed", "5"]);
    let (_c, other, _) = simulated(&["--seed", "6"]);
    for file in summary["files"].as_array().expect("a list of files") {
        let name = format!("{}.csv", file["name"].as_str().expect("a name"));
        assert!(bytes(&one, &name) == bytes(&two, &name), "{name} differs");
        assert_eq!(file["bytes"].as_u64(), Some(bytes(&one, &name).len() as u64), "{name}");
    }
    assert!(bytes(&one, "orders.csv") != bytes(&other, "orders.csv"));
}

#[test]
fn a_used_folder_and_senseless_settings_are_refused() {
    let (_folder, out, _) = simulated(&[]);
    let again = run(&["simulate", "--customers", "10", "--out", &out]);
    assert!(again.code != 0 && again.err.contains("not an empty folder"), "{again:?}");
    let short = run(&["simulate", "--days", "5", "--out", "/nonexistent/exports"]);
    assert!(short.code != 0 && short.err.contains("must be 30 to 3650"), "{short:?}");
}

#[test]
fn every_format_arrives_whole_and_to_the_cent() {
    for format in ["csv", "csv-gz", "parquet"] {
        let (_folder, out, summary) = simulated(&["--format", format]);
        let shop = TestShop::new(&["shop.currency=USD"]);
        shop.run(&["import", &out]).ok();
        let check = shop.run(&["check", "--json"]).json();
        assert_eq!(check["net_revenue_cents"], summary["net_revenue_cents"], "{format}");
        for file in summary["files"].as_array().expect("a list of files") {
            let name = file["name"].as_str().expect("a name");
            let wanted = if name.starts_with("truth") { &serde_json::Value::Null } else { &file["rows"] };
            assert_eq!(check["tables"][name]["rows"], *wanted, "{format}: {name}");
        }
    }
}
