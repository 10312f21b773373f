//! Killed at any moment, no row that was answered for is lost, and none is there twice.
//!
//! Children are this test program again, running [`child`] alone.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use perennial_contract::Entity;
use perennial_contract::engine::Who;
use perennial_lake::lake::Lake;

use super::tests::{cells, event, folder, inbox_in, lake_in};
use super::{Moved, Mover, Outcome};

const DIR: &str = "PERENNIAL_LIVE_DIR";
/// Number of the first batch that the child sends.
const FIRST: &str = "PERENNIAL_LIVE_FIRST";
/// Abort when the lake reaches this step of a move.
const STEP: &str = "PERENNIAL_LIVE_STEP";
const BATCH: usize = 7;

fn rows(batch: u64) -> Vec<serde_json::Value> {
    let row = |row| {
        let mut event = event(&format!("e{batch:06}-{row}"), &format!("c{row}"));
        event["email"] = serde_json::json!(format!("c{row}@shop.example"));
        event
    };
    (0..BATCH).map(row).collect()
}

fn lake_with_step(dir: &Path) -> Arc<Lake> {
    let lake = lake_in(dir);
    let Ok(step) = std::env::var(STEP) else { return lake };
    let lake = Arc::into_inner(lake).expect("nobody else has it");
    Arc::new(lake.with_probe(Arc::new(move |reached| {
        if reached == step {
            std::process::abort();
        }
    })))
}

/// Not a test of its own: what the others start and kill. Says on its standard output which batches were answered for.
#[test]
#[ignore = "run by the tests of this module"]
fn child() {
    let dir = std::env::var(DIR).expect("a folder");
    let lake = lake_with_step(Path::new(&dir));
    let inbox = inbox_in(Path::new(&dir), &lake);
    let mover = inbox.clone();
    std::thread::spawn(move || {
        let mover = Mover::new(mover);
        loop {
            mover.step().expect("a step");
        }
    });
    let first: u64 = std::env::var(FIRST).expect("a number").parse().expect("a number");
    for batch in first.. {
        let answers = inbox.append(Entity::Events, rows(batch)).expect("answers");
        assert!(answers.iter().all(|answer| *answer == Outcome::Accepted), "{answers:?}");
        let mut out = std::io::stdout().lock();
        writeln!(out, "answered {batch}").expect("written");
        out.flush().expect("written");
    }
}

fn command(dir: &Path, first: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "live::crash::child", "--ignored", "--nocapture"]).env(DIR, dir).env(FIRST, first.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Run a child until it dies or `alive` after its first answer; the last batch it was answered for.
fn killed(mut command: Command, alive: Option<Duration>) -> Option<u64> {
    let mut child = command.spawn().expect("started");
    let out = BufReader::new(child.stdout.take().expect("its output"));
    let reader = std::thread::spawn(move || {
        let lines = out.lines().map_while(Result::ok);
        lines.filter_map(|line| line.rsplit_once("answered ").and_then(|(_, number)| number.parse::<u64>().ok())).last()
    });
    if let Some(alive) = alive {
        std::thread::sleep(alive);
        child.kill().expect("killed");
    }
    let status = child.wait().expect("gone");
    assert!(!status.success(), "the child was not killed");
    reader.join().expect("read")
}

/// Every answered batch whole and once, later ones whole or not at all; the number of the next batch to send.
fn check(dir: &Path, answered: Option<u64>) -> u64 {
    let lake = lake_in(dir);
    let inbox = inbox_in(dir, &lake);
    let mover = Mover::new(inbox.clone());
    for round in 0..2 {
        let union = inbox.union(&Who::Everyone).expect("the union");
        let mut batches: BTreeMap<u64, usize> = BTreeMap::new();
        let found = cells(&union, union.at(), (Entity::Events, "event_id"), &Who::Everyone);
        for id in &found {
            let number = id.trim_start_matches('e').split('-').next().and_then(|number| number.parse().ok());
            *batches.entry(number.expect("a number")).or_default() += 1;
        }
        assert!(batches.values().all(|&rows| rows == BATCH), "half a batch, or one twice: {batches:?}");
        let distinct: std::collections::BTreeSet<&String> = found.iter().collect();
        assert_eq!(distinct.len(), found.len(), "a row is there twice");
        let next = batches.keys().last().map_or(0, |last| last + 1);
        assert_eq!(batches.len() as u64, next, "a batch is lost");
        assert!(answered.is_none_or(|answered| answered < next), "batch {answered:?} was answered for and is lost");
        if round == 1 {
            assert_eq!(inbox.gauges().rows_waiting, 0);
            assert!(next == 0 || lake.vault().get("c0").expect("the vault").len() == 1);
            return next;
        }
        drop(union);
        let moved = mover.step().expect("a step");
        assert!(matches!(moved, Moved::Nothing | Moved::Rows { dropped: 0, .. }), "{moved:?}");
    }
    unreachable!("two rounds")
}

#[test]
fn killed_at_fifty_moments_while_writing_and_moving() {
    let shop = folder();
    let (mut next, mut in_use, mut seed) = (0, 0, 20_261_125_u64);
    for _ in 0..50 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let alive = Duration::from_millis(20 + (seed >> 33) % 250);
        let answered = killed(command(shop.path(), next), Some(alive));
        in_use += u32::from(answered.is_some());
        next = check(shop.path(), answered);
    }
    println!("{next} batches in the lake after 50 kills, {in_use} of which met a child that had been answered");
    assert!(in_use >= 25, "only {in_use} of 50 kills met an inbox in use; the test proves too little");
}

#[test]
fn killed_at_each_step_of_a_move() {
    for step in ["staged", "wrote files", "sealing", "in transaction", "committed", "published one table"] {
        let shop = folder();
        let mut command = command(shop.path(), 0);
        command.env(STEP, step);
        let answered = killed(command, None);
        let next = check(shop.path(), answered);
        assert!(next > 0, "{step}: nothing was ever written");
    }
}
