//! What a compiler cannot hold us to: layers, lengths, names, links, and pages that are generated.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::shop::run;

/// Above this a file must be a flat list or be split.
const FILE_LINES_MAX: usize = 600;
/// A function fits a screen.
const FUNCTION_LINES_MAX: usize = 70;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !(name.starts_with('.') && name != ".ci") {
                files(&path, extension, found);
            }
        } else if name.ends_with(extension) {
            found.push(path);
        }
    }
    found.sort();
}

fn all(extension: &str) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    files(&root, extension, &mut found);
    let relative = |path: &Path| path.strip_prefix(&root).expect("inside the repository").to_string_lossy().into_owned();
    found.iter().map(|path| (relative(path), fs::read_to_string(path).expect("readable"))).collect()
}

#[test]
fn layers_do_not_meet() {
    let manifest = |name: &str| fs::read_to_string(root().join(format!("crates/{name}/Cargo.toml"))).expect("a manifest");
    let absences = [
        ("perennial-contract", &["perennial-learn", "perennial-lake", "tokio", "rusqlite", "datafusion", "parquet"][..]),
        ("perennial-learn", &["perennial-lake", "tokio", "rusqlite", "datafusion", "parquet", "jiff", "indicatif", "getrandom"]),
        ("perennial-lake", &["perennial-learn", "clap", "indicatif", "askama"]),
    ];
    for (name, banned) in absences {
        let manifest = manifest(name);
        let dependencies = manifest.split("[dev-dependencies]").next().expect("a first part");
        for word in banned {
            assert!(!dependencies.lines().any(|line| line.starts_with(word)), "{name} must not depend on {word}");
        }
    }
    for (path, text) in all(".rs") {
        let is_in = |layer: &str| path.starts_with(&format!("crates/{layer}/"));
        assert!(!(is_in("perennial-learn") && text.contains("perennial_lake::")), "{path}: learn knows the lake");
        assert!(!(is_in("perennial-lake") && text.contains("perennial_learn::")), "{path}: lake knows learning");
    }
}

#[test]
fn contract_stays_small() {
    let lines: usize = all(".rs")
        .iter()
        .filter(|(path, _)| path.starts_with("crates/perennial-contract/"))
        .map(|(_, t)| t.lines().count())
        .sum();
    assert!(lines < 2_000, "the contract has {lines} lines; it does nothing, so 2,000 are enough");
}

#[test]
fn files_and_functions_fit() {
    let mut complaints = Vec::new();
    for (path, text) in all(".rs") {
        // Examples of data are tests too, compiled for tests only.
        if path.contains("/tests/") || path.ends_with("/example.rs") || path.ends_with("/tests.rs") {
            continue;
        }
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            complaints.push(format!("{path}: {} lines", lines.len()));
        }
        let end = lines.iter().position(|line| line.starts_with("#[cfg(test)]")).unwrap_or(lines.len());
        for (start, name, length) in functions(&lines[..end]) {
            if length > FUNCTION_LINES_MAX {
                complaints.push(format!("{path}:{}: fn {name} has {length} lines", start + 1));
            }
        }
    }
    assert!(complaints.is_empty(), "too long:\n{}", complaints.join("\n"));
}

/// Start, name and length of every function, by the indentation rustfmt gives its closing brace.
fn functions(lines: &[&str]) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some(position) = code.find("fn ") else { continue };
        let before = &code[..position];
        let is_function = before
            .split_whitespace()
            .all(|word| matches!(word, "pub" | "const" | "async" | "unsafe" | "pub(crate)" | "pub(super)"));
        if !is_function || code.ends_with(';') {
            continue;
        }
        let indent = line.len() - code.len();
        let closes = |l: &&str| l.len() == indent + 1 && l.ends_with('}') && l[..indent].trim().is_empty();
        if let Some(length) = lines[start..].iter().position(closes) {
            let name = code[position + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push((start, name, length + 1));
        }
    }
    found
}

#[test]
fn names_say_something() {
    const BANNED: [&str; 10] = ["util", "utils", "common", "helper", "helpers", "misc", "manager", "base", "new", "v2"];
    for (path, text) in all(".rs") {
        let stem = Path::new(&path).file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(!BANNED.contains(&stem.as_str()), "{path}: a name that says nothing");
        for line in text.lines() {
            let name =
                line.trim().trim_start_matches("pub ").strip_prefix("mod ").map(|rest| rest.trim_end_matches([';', '{', ' ']));
            assert!(!name.is_some_and(|name| BANNED.contains(&name)), "{path}: {line}");
        }
    }
}

#[test]
fn links_in_the_docs_lead_somewhere() {
    let root = root();
    let mut dead = Vec::new();
    for (path, text) in all(".md") {
        let folder = root.join(&path).parent().expect("a folder").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split(['#', ' ']).next().unwrap_or_default();
            let is_local = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            if is_local && !folder.join(target).exists() {
                dead.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn every_feature_file_is_used() {
    let sources: String = all(".rs").into_iter().filter(|(path, _)| path.contains("/features/")).map(|(_, text)| text).collect();
    let mut found = Vec::new();
    files(&root().join("crates/perennial-lake/src/features"), ".sql", &mut found);
    assert!(!found.is_empty());
    for path in found {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(sources.contains(&format!("\"{name}\"")), "{name}.sql is in no list of groups");
    }
}

#[test]
fn generated_pages_are_current() {
    let page = "docs/reference/settings.md";
    let stored = fs::read_to_string(root().join(page)).unwrap_or_default();
    assert_eq!(stored, run(&["config", "reference"]).ok().out, "{page} is stale: `perennial config reference > {page}`");
}

#[test]
fn every_command_has_help_with_an_example() {
    let help = run(&["--help"]).ok().out;
    let commands = help.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("a list of commands");
    let names: BTreeSet<&str> =
        commands.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    for expected in
        "demo init simulate import check train models promote rollback score report customer run fit predict config".split(' ')
    {
        assert!(names.contains(expected), "no command {expected}");
    }
    for name in names {
        assert!(run(&[name, "--help"]).ok().out.contains("Example: perennial"), "`perennial {name} --help` has no example");
    }
}
