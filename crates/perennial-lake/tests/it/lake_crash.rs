//! Killed at any moment, the lake is found in the old state or the new one.
//!
//! Children are this test program again, running [`child`] alone.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use perennial_contract::Entity;
use perennial_contract::engine::Who;
use perennial_contract::source::{Batch, Identity, IdentityKind};
use perennial_lake::lake::{Lake, LakeError, Limits};
use serde_json::Value;

use crate::lake_fixture::*;

const DIR: &str = "PERENNIAL_CRASH_DIR";
const TASK: &str = "PERENNIAL_CRASH_TASK";
/// `name:n`: abort when a step of this name is reached for the n-th time.
const STEP: &str = "PERENNIAL_CRASH_STEP";

fn first() -> Vec<Line> {
    (0..500).map(|i| line(&format!("c{}", i % 90), &format!("a{i}"), 1, 5, i)).collect()
}

/// Replaces a fifth of the first rows and brings new ones.
fn second() -> Vec<Line> {
    let changed = first().into_iter().step_by(5).map(|l| Line { cents: l.cents + 1, ..l });
    changed.chain((0..3_000).map(|i| line(&format!("c{}", i % 300), &format!("b{i}"), 1, 6, i))).collect()
}

fn after_second() -> Vec<Line> {
    let kept = first().into_iter().enumerate().filter(|(i, _)| i % 5 != 0).map(|(_, l)| l);
    sorted(kept.chain(second()).collect())
}

fn second_batches() -> Vec<Batch> {
    let mut batches: Vec<Batch> = second().chunks(400).map(batch).collect();
    let mut products = sparse(Entity::Products, &["p1", "p2"]);
    products.identities.push(Identity { customer_id: "c1".into(), kind: IdentityKind::Email, value: "a@b.example".into() });
    batches.push(products);
    batches
}

/// Not a test of its own: what the others start and stop.
#[test]
#[ignore = "run by the tests of this module"]
fn child() {
    let dir = std::env::var(DIR).unwrap();
    // Small enough that runs are spilled, so that they are interrupted too.
    let mut lake = open(Path::new(&dir)).with_limits(Limits { import_bytes: 100_000, ..Limits::default() });
    if let Ok(step) = std::env::var(STEP) {
        let (name, times) = step.split_once(':').unwrap();
        let (name, left) = (name.to_owned(), AtomicUsize::new(times.parse().unwrap()));
        lake = lake.with_probe(Arc::new(move |reached| {
            if reached == name && left.fetch_sub(1, Relaxed) == 1 {
                std::process::abort();
            }
        }));
    }
    match std::env::var(TASK).unwrap().as_str() {
        "import" => drop(import(&lake, "second", second_batches()).unwrap()),
        "compact" => drop(lake.compact().unwrap()),
        "fill the disk" => {
            // One customer, hence one file; texts that do not compress.
            let row = |i: i64| {
                line("c1", &format!("{:x}{i}", (i as u128 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)), i, 6, i)
            };
            let rows: Vec<Line> = (0..150_000).map(row).collect();
            match import(&lake, "second", vec![batch(&rows)]) {
                Err(LakeError::Storage { cause, .. }) => assert!(cause.contains("too large"), "{cause}"),
                other => panic!("{other:?}"),
            }
        }
        other => panic!("no task {other:?}"),
    }
}

fn command(dir: &Path, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "lake_crash::child", "--ignored"]).env(DIR, dir).env(TASK, task);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Replay a table's Delta log the way any reader would, and look for files it does not know.
fn check_log(dir: &Path, entity: Entity, version: u64) {
    let folder = dir.join(entity.name());
    let (mut files, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for version in 0..=version {
        let text = std::fs::read_to_string(folder.join(format!("_delta_log/{version:020}.json"))).unwrap();
        for action in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            if let Some(path) = action.pointer("/add/path").and_then(Value::as_str) {
                files.insert(path.to_owned());
            }
            if let Some(path) = action.pointer("/remove/path").and_then(Value::as_str) {
                assert!(files.remove(path), "{entity}: {path} removed but never added");
                removed.insert(path.to_owned());
            }
        }
    }
    assert_eq!(std::fs::read_dir(folder.join("_delta_log")).unwrap().count() as u64, version + 1, "{entity}");
    let there: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "_delta_log")
        .collect();
    assert!(files.is_subset(&there), "{entity}: {files:?} but {there:?}");
    assert!(there.iter().all(|name| files.contains(name) || removed.contains(name)), "{entity}: stray files among {there:?}");
}

/// What is found after a crash: the old state or the new, whole; true if new.
fn check_whole(dir: &Path) -> bool {
    let lake = open(dir);
    let snapshot = lake.snapshot().unwrap();
    for (&entity, &version) in &snapshot.versions {
        check_log(dir, entity, version);
    }
    assert!(!dir.join("tmp").exists());
    let new = lake.imports().unwrap().len() == 2;
    let expected = if new { after_second() } else { sorted(first()) };
    assert_eq!(all_lines(&lake), expected);
    assert_eq!(lake.rows(&snapshot, Entity::Products).unwrap(), if new { 2 } else { 0 });
    assert_eq!(lake.vault().get("c1").unwrap().len(), usize::from(new));
    new
}

fn prepared() -> tempfile::TempDir {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "first", vec![batch(&first())]).unwrap();
    dir
}

/// After a crash the same import can be run again, and then all is there once.
fn finish(dir: &Path) {
    let lake = open(dir);
    if lake.imports().unwrap().len() == 1 {
        import(&lake, "second", second_batches()).unwrap();
    }
    drop(lake);
    assert!(check_whole(dir));
}

#[test]
fn a_crash_at_each_step_leaves_the_old_or_the_new_state() {
    let steps = [
        ("staged:1", false),
        ("wrote files:1", false),
        ("in transaction:1", false),
        ("committed:1", true),
        ("published one table:1", true),
        ("published one table:2", true),
    ];
    for (step, new) in steps {
        let dir = prepared();
        let status = command(dir.path(), "import").env(STEP, step).status().unwrap();
        assert!(!status.success(), "{step} was not reached");
        assert_eq!(check_whole(dir.path()), new, "{step}");
        finish(dir.path());
    }
}

#[test]
fn a_crash_in_a_compaction_changes_no_row() {
    for step in ["wrote files:1", "committed:1", "published one table:1"] {
        let dir = prepared();
        import(&open(dir.path()), "second", second_batches()).unwrap();
        let status = command(dir.path(), "compact").env(STEP, step).status().unwrap();
        assert!(!status.success(), "{step} was not reached");
        assert!(check_whole(dir.path()), "{step}");
    }
}

#[test]
fn killed_at_random_moments_nothing_is_half_done() {
    // How long an import takes here, so that the kills fall all over it.
    let dir = prepared();
    let started = std::time::Instant::now();
    assert!(command(dir.path(), "import").status().unwrap().success());
    let whole = started.elapsed();
    let (mut old, mut new) = (0, 0);
    for round in 0..20_u32 {
        let dir = prepared();
        let mut child = command(dir.path(), "import").spawn().unwrap();
        std::thread::sleep(whole * round / 18 + Duration::from_millis(1));
        child.kill().unwrap();
        child.wait().unwrap();
        if check_whole(dir.path()) {
            new += 1
        } else {
            old += 1
        }
        finish(dir.path());
    }
    println!("killed 20 times within {whole:?}: {old} times the old state, {new} times the new");
    assert!(old > 0);
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_leaves_the_old_state() {
    let dir = prepared();
    // The shell's limit on file sizes stands for a full disk; ignoring its signal turns it into an error of the write.
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4000; exec \"$0\" --exact lake_crash::child --ignored"])
        .arg(std::env::current_exe().unwrap())
        .env(DIR, dir.path())
        .env(TASK, "fill the disk")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(!check_whole(dir.path()));
    finish(dir.path());
}

#[test]
fn a_half_made_lake_is_no_lake() {
    let dir = folder();
    std::fs::write(dir.path().join("ledger.unfinished"), b"half").unwrap();
    assert!(matches!(Lake::open(dir.path(), &shop(), None), Err(LakeError::Missing(_))));
    let lake = create(dir.path());
    assert_eq!(lines(&lake, &lake.snapshot().unwrap(), &Who::Everyone).concat(), []);
}
