//! The live path as its callers see it: small shops in temporary folders.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::util::display::array_value_to_string;
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::source::{Batch, IdentityKind, Reconciliation};
use perennial_contract::{Day, Entity, Table};
use perennial_lake::beside::Waiting;
use perennial_lake::features::{Ask, OwnFeatures, Store, Via};
use perennial_lake::lake::{Begin, FileFact, Lake, Origin, ShopFacts};
use perennial_lake::source::{ReadOptions, read_objects};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ZONE: &str = "Asia/Shanghai";

fn facts() -> ShopFacts {
    ShopFacts { zone: ZONE.to_owned(), currency: "EUR".to_owned() }
}

/// A folder in memory where the system has such a place: these tests are about what is written, not how fast.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).expect("folder") } else { tempfile::tempdir().expect("folder") }
}

pub fn lake_in(shop: &Path) -> Arc<Lake> {
    let dir = shop.join("lake");
    if !dir.exists() {
        Lake::create(&dir, &facts()).expect("a lake");
    }
    Arc::new(Lake::open(&dir, &facts(), None).expect("the lake"))
}

pub fn inbox_in(shop: &Path, lake: &Arc<Lake>) -> Arc<Inbox> {
    Arc::new(Inbox::open(&shop.join("inbox"), lake.clone(), Setup::default()).expect("the inbox"))
}

pub fn event(id: &str, customer: &str) -> Value {
    json!({"event_id": id, "customer_id": customer, "occurred_at": "2024-05-01T10:00:00Z", "name": "product_viewed"})
}

/// Import rows the way files come.
fn import(lake: &Lake, content: u32, tables: &[(Entity, Vec<Value>)]) {
    let options =
        ReadOptions { pseudonym_key: Some(lake.vault().pseudonym_key().expect("key")), ..ReadOptions::new(ZONE, "EUR") };
    let file = FileFact { name: "rows.jsonl".to_owned(), sha256: format!("{content:064}"), bytes: 1 };
    let origin = Origin { format: "perennial".to_owned(), files: vec![file], at_us: 0 };
    let Begin::Import(mut import) = lake.begin(&origin).expect("begun") else { panic!("{content} was imported before") };
    for table in read_objects(tables, &options).expect("read") {
        assert_eq!(table.rejects, [], "{}", table.entity);
        let identities = table.identities.into_iter().map(|(_, identity)| identity).collect();
        let batch = Batch { entity: table.entity, rows: table.rows, places: Vec::new(), rejects: Vec::new(), identities };
        import.append(batch).expect("taken");
    }
    import.commit(&Reconciliation::ZERO).expect("committed");
}

/// The cells of one column of a table, as any store gives it.
pub fn cells(store: &dyn Store, at: &Snapshot, (entity, column): (Entity, &str), who: &Who) -> Vec<String> {
    let mut found = Vec::new();
    for scan in store.scan(at, entity, &[column], who).expect("a scan") {
        for batch in scan {
            let batch: RecordBatch = batch.expect("rows");
            found.extend((0..batch.num_rows()).map(|row| array_value_to_string(batch.column(0), row).expect("a cell")));
        }
    }
    found
}

fn events_of(inbox: &Inbox, who: &Who) -> Vec<String> {
    let union = inbox.union(who).expect("the union");
    cells(&union, union.at(), (Entity::Events, "event_id"), who)
}

fn one(customer: &str) -> Who {
    Who::One(customer.to_owned())
}

fn moved(inbox: &Arc<Inbox>) -> Moved {
    Mover::new(inbox.clone()).step().expect("a step")
}

#[test]
fn every_row_is_answered_for_and_keys_are_taken_for_ever() {
    let shop = folder();
    let lake = lake_in(shop.path());
    import(&lake, 1, &[(Entity::Events, vec![event("old", "c1")])]);
    let inbox = inbox_in(shop.path(), &lake);
    let rows = vec![event("a", "c1"), event("old", "c1"), json!({"event_id": "b"}), event("a", "c2"), event("c", "c1")];
    let answers = inbox.append(Entity::Events, rows).expect("answers");
    let [Outcome::Accepted, Outcome::Duplicate, Outcome::Rejected { column, reason }, Outcome::Duplicate, Outcome::Accepted] =
        &answers[..]
    else {
        panic!("{answers:?}")
    };
    assert_eq!((column.as_deref(), reason.as_str()), (Some("occurred_at"), "occurred_at is missing"));
    assert_eq!(events_of(&inbox, &one("c1")), ["a", "c", "old"]);
    assert_eq!(inbox.append(Entity::Events, vec![event("a", "c1")]).expect("answer"), [Outcome::Duplicate]);
    assert!(matches!(inbox.append(Entity::Consents, Vec::new()), Err(InboxError::Table(Entity::Consents))));
    assert!(inbox.append(Entity::Events, Vec::new()).expect("answer").is_empty());
    let gauges = inbox.gauges();
    assert_eq!((gauges.rows_waiting, gauges.rows_accepted, gauges.rows_duplicate, gauges.rows_rejected), (2, 2, 3, 1));
    assert!(gauges.bytes_waiting > 0 && gauges.oldest_age_us.is_some() && !gauges.is_stopped);

    let Moved::Rows { moved: 2, dropped: 0, segments: 1, .. } = moved(&inbox) else { panic!("not moved") };
    assert_eq!(moved(&inbox), Moved::Nothing);
    assert_eq!(inbox.gauges().rows_waiting + inbox.gauges().bytes_waiting, 0);
    assert_eq!(std::fs::read_dir(shop.path().join("inbox")).expect("folder").count(), 1, "the lock alone");
    assert_eq!(inbox.append(Entity::Events, vec![event("c", "c1")]).expect("answer"), [Outcome::Duplicate]);
    drop(inbox);
    let inbox = inbox_in(shop.path(), &lake);
    assert_eq!(inbox.append(Entity::Events, vec![event("c", "c1")]).expect("answer"), [Outcome::Duplicate]);
    assert_eq!(events_of(&inbox, &one("c1")), ["a", "c", "old"]);
}

#[test]
fn what_was_answered_for_is_there_after_a_restart() {
    let shop = folder();
    let lake = lake_in(shop.path());
    let inbox = inbox_in(shop.path(), &lake);
    inbox.append(Entity::Events, vec![event("a", "c1"), event("b", "c1")]).expect("answers");
    assert!(matches!(Inbox::open(&shop.path().join("inbox"), lake.clone(), Setup::default()), Err(InboxError::Taken(_))));
    drop(inbox);
    let inbox = inbox_in(shop.path(), &lake);
    assert_eq!(inbox.gauges().rows_waiting, 2);
    inbox.append(Entity::Events, vec![event("b", "c1"), event("c", "c1")]).expect("answers");
    assert_eq!(events_of(&inbox, &one("c1")), ["a", "b", "c"]);
    let Moved::Rows { moved: 3, segments: 2, .. } = moved(&inbox) else { panic!("not moved") };
    assert_eq!(events_of(&inbox, &Who::Everyone), ["a", "b", "c"]);
}

#[test]
fn orders_come_with_their_lines() {
    let shop = folder();
    let lake = lake_in(shop.path());
    let inbox = inbox_in(shop.path(), &lake);
    let order = json!({"order_id": "o1", "customer_id": "c1", "ordered_at": "2024-05-01T10:00:00Z", "total_cents": 500});
    let line = json!({"order_id": "o1", "product_id": "p1", "quantity": 2, "unit_price_cents": 250});
    let tables = vec![(Entity::OrderItems, vec![line.clone(), line]), (Entity::Orders, vec![order])];
    let answers = inbox.append_together(tables).expect("answers");
    assert_eq!(answers, [vec![Outcome::Accepted, Outcome::Accepted], vec![Outcome::Accepted]]);
    let union = inbox.union(&one("c1")).expect("union");
    assert_eq!(cells(&union, union.at(), (Entity::OrderItems, "line_no"), &one("c1")), ["1", "2"]);
    drop(union);
    moved(&inbox);
    let money = lake.imports().expect("imports")[0].money;
    assert_eq!((money.loaded_cents, money.source.stated.units), (1_000, 1_000));
}

static DISK_FAILS: AtomicBool = AtomicBool::new(false);

fn sync_or_fail(file: &File) -> std::io::Result<()> {
    if DISK_FAILS.load(Ordering::Relaxed) { Err(std::io::Error::other("the disk is on fire")) } else { file.sync_data() }
}

#[test]
fn after_a_failed_sync_nothing_is_taken_any_more() {
    let shop = folder();
    let lake = lake_in(shop.path());
    let setup = Setup { sync: sync_or_fail, ..Setup::default() };
    let inbox = Arc::new(Inbox::open(&shop.path().join("inbox"), lake.clone(), setup).expect("open"));
    inbox.append(Entity::Events, vec![event("a", "c1")]).expect("taken");
    DISK_FAILS.store(true, Ordering::Relaxed);
    let refused = inbox.append(Entity::Events, vec![event("b", "c1")]);
    assert!(matches!(&refused, Err(InboxError::Stopped(cause)) if cause.contains("on fire")), "{refused:?}");
    // The disk says that all is well again; it has said so before.
    DISK_FAILS.store(false, Ordering::Relaxed);
    assert!(matches!(inbox.append(Entity::Events, vec![event("c", "c1")]), Err(InboxError::Stopped(_))));
    assert!(inbox.gauges().is_stopped);
    assert_eq!(events_of(&inbox, &one("c1")), ["a"]);
    let Moved::Rows { moved: 1, .. } = moved(&inbox) else { panic!("what was answered for is not moved") };
    drop(inbox);
    let inbox = inbox_in(shop.path(), &lake);
    assert_eq!(inbox.append(Entity::Events, vec![event("b", "c1")]).expect("taken"), [Outcome::Accepted]);
    assert_eq!(events_of(&inbox, &one("c1")), ["a", "b"]);
}

#[test]
fn identities_wait_sealed_and_reach_the_vault_with_the_rows() {
    let shop = folder();
    let lake = lake_in(shop.path());
    let inbox = inbox_in(shop.path(), &lake);
    let mut row = event("a", "c1");
    row["email"] = json!("Ann.Secret@shop.example");
    row["properties"] = json!({"note": "call bob.secret@shop.example"});
    let review = json!({"review_id": "r1", "customer_id": "c1", "reviewed_at": "2024-05-02T10:00:00Z", "rating": 5,
        "body": "ask eve.secret@shop.example"});
    inbox.append(Entity::Events, vec![row]).expect("taken");
    inbox.append(Entity::Reviews, vec![review]).expect("taken");
    for entry in std::fs::read_dir(shop.path().join("inbox")).expect("folder") {
        let bytes = std::fs::read(entry.expect("entry").path()).expect("read");
        assert!(!bytes.windows(6).any(|text| text.eq_ignore_ascii_case(b"secret")));
    }
    drop(inbox);
    let inbox = inbox_in(shop.path(), &lake);
    assert!(lake.vault().get("c1").expect("vault").is_empty());
    moved(&inbox);
    let known = lake.vault().get("c1").expect("vault");
    assert_eq!((known.len(), known[0].kind, known[0].value.as_str()), (1, IdentityKind::Email, "Ann.Secret@shop.example"));
}

#[test]
fn a_row_that_another_import_brings_meanwhile_counts_once() {
    let shop = folder();
    let lake = lake_in(shop.path());
    let inbox = inbox_in(shop.path(), &lake);
    inbox.append(Entity::Events, vec![event("a", "c1"), event("b", "c1")]).expect("taken");
    let mut other = event("a", "c1");
    other["name"] = json!("other");
    import(&lake, 1, &[(Entity::Events, vec![other])]);
    for who in [one("c1"), Who::Everyone] {
        let union = inbox.union(&who).expect("union");
        assert_eq!(cells(&union, union.at(), (Entity::Events, "name"), &who), ["other", "product_viewed"]);
    }
    let Moved::Rows { moved: 1, dropped: 1, .. } = moved(&inbox) else { panic!("not moved") };
    let at = lake.snapshot().expect("snapshot");
    assert_eq!(cells(lake.as_ref(), &at, (Entity::Events, "name"), &one("c1")), ["other", "product_viewed"]);
    // The same after a restart in between.
    inbox.append(Entity::Events, vec![event("c", "c1")]).expect("taken");
    drop(inbox);
    import(&lake, 2, &[(Entity::Events, vec![event("c", "c1")])]);
    let inbox = inbox_in(shop.path(), &lake);
    assert_eq!(events_of(&inbox, &one("c1")), ["a", "b", "c"]);
    let Moved::Rows { moved: 0, dropped: 1, .. } = moved(&inbox) else { panic!("not dropped") };
}

#[test]
fn what_waits_is_bounded() {
    let shop = folder();
    let lake = lake_in(shop.path());
    let setup = Setup { rows_max: 3, ..Setup::default() };
    let inbox = Arc::new(Inbox::open(&shop.path().join("inbox"), lake, setup).expect("open"));
    inbox.append(Entity::Events, vec![event("a", "c1"), event("b", "c1")]).expect("taken");
    let more = || inbox.append(Entity::Events, vec![event("c", "c1"), event("d", "c1")]);
    assert!(matches!(more(), Err(InboxError::Full { rows: 2, rows_max: 3 })));
    moved(&inbox);
    assert_eq!(more().expect("taken"), [Outcome::Accepted, Outcome::Accepted]);
}

#[test]
fn a_busy_lake_is_moved_to_later() {
    let shop = folder();
    let lake = lake_in(shop.path());
    let inbox = inbox_in(shop.path(), &lake);
    inbox.append(Entity::Events, vec![event("a", "c1")]).expect("taken");
    let file = FileFact { name: "x".to_owned(), sha256: "f".repeat(64), bytes: 1 };
    let import = lake.begin(&Origin { format: "test".to_owned(), files: vec![file], at_us: 0 }).expect("begun");
    assert!(matches!(moved(&inbox), Moved::Busy { .. }));
    assert_eq!(events_of(&inbox, &one("c1")), ["a"]);
    drop(import);
    assert!(matches!(moved(&inbox), Moved::Rows { moved: 1, .. }));
}

/// Says at its end, however that comes, that the others may end too.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn readers_find_every_row_once_while_rows_come_and_are_moved() {
    let shop = folder();
    let lake = lake_in(shop.path());
    let inbox = inbox_in(shop.path(), &lake);
    let (answered, ends) = (AtomicU64::new(0), AtomicBool::new(false));
    let rounds: u64 = 60;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ends = Ends(&ends);
            for round in 0..rounds {
                let rows =
                    (0..20).map(|row| event(&format!("e{round:04}-{row:02}"), if row % 2 == 0 { "c1" } else { "c2" })).collect();
                let answers = inbox.append(Entity::Events, rows).expect("taken");
                assert!(answers.iter().all(|answer| *answer == Outcome::Accepted));
                answered.store(round + 1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        });
        scope.spawn(|| {
            while !ends.load(Ordering::SeqCst) {
                moved(&inbox);
            }
        });
        for who in [one("c1"), Who::Everyone] {
            let (inbox, answered, ends) = (&inbox, &answered, &ends);
            scope.spawn(move || {
                let per_round = if who == Who::Everyone { 20 } else { 10 };
                while !ends.load(Ordering::SeqCst) {
                    let before = answered.load(Ordering::SeqCst);
                    let found = events_of(inbox, &who);
                    let after = answered.load(Ordering::SeqCst) + 1;
                    let distinct: BTreeSet<&String> = found.iter().collect();
                    assert_eq!(distinct.len(), found.len(), "a row is there twice");
                    let found = found.len() as u64;
                    assert!(
                        found.is_multiple_of(per_round) && (before..=after).contains(&(found / per_round)),
                        "{before} {found} {after}"
                    );
                }
            });
        }
    });
    moved(&inbox);
    assert_eq!(lake.rows(&lake.snapshot().expect("snapshot"), Entity::Events).expect("rows"), rounds * 20);
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

const AS_OF: Day = Day(10_757);

/// The rows of one happening: an order with its lines, a return, events, a review, an answer, a ticket, a touch.
fn happening(dice: &mut Dice, serial: u64) -> Vec<(Entity, Vec<Value>)> {
    let second = i64::from(AS_OF.0) * 86_400 - 400 * 86_400 + dice.roll(420 * 86_400) as i64;
    let at = jiff::Timestamp::from_second(second).expect("a time");
    let (at, later) = (at.to_string(), jiff::Timestamp::from_second(second + 90_000).expect("a time").to_string());
    let customer = if dice.roll(9) == 0 { Value::Null } else { json!(format!("c{}", dice.roll(6))) };
    let known = if customer.is_null() { json!("c0") } else { customer.clone() };
    let cents = dice.roll(5_000);
    match dice.roll(8) {
        0..=2 => {
            let order = json!({"order_id": format!("o{serial}"), "customer_id": customer, "ordered_at": at, "subtotal_cents": cents,
                "status": if dice.roll(6) == 0 { "cancelled" } else { "paid" }, "coupon_codes": ["X"], "delivered_at": later});
            let line = |number: u64, dice: &mut Dice| {
                json!({"order_id": format!("o{serial}"), "line_no": number,
                "product_id": format!("p{}", dice.roll(5)), "quantity": 1 + dice.roll(3), "unit_price_cents": dice.roll(4_000),
                "kind": if dice.roll(5) == 0 { "charge" } else { "product" }})
            };
            let lines = (0..dice.roll(4)).map(|number| line(number, dice)).collect();
            vec![(Entity::Orders, vec![order]), (Entity::OrderItems, lines)]
        }
        3 => vec![(
            Entity::Returns,
            vec![json!({"return_id": format!("r{serial}"), "customer_id": customer, "returned_at": at, "amount_cents": cents})],
        )],
        4 => vec![(
            Entity::Reviews,
            vec![
                json!({"review_id": format!("v{serial}"), "customer_id": customer, "reviewed_at": at, "rating": 1 + dice.roll(5)}),
            ],
        )],
        5 => vec![(
            Entity::Tickets,
            vec![
                json!({"ticket_id": format!("t{serial}"), "customer_id": customer, "opened_at": at, "closed_at": later, "csat": 1 + dice.roll(5)}),
            ],
        )],
        6 => vec![(
            Entity::Touches,
            vec![
                json!({"touch_id": format!("x{serial}"), "customer_id": known, "campaign_id": "k", "sent_at": at, "opened_at": later}),
            ],
        )],
        _ => {
            let event = |number: u64, dice: &mut Dice| {
                json!({"event_id": format!("e{serial}-{number}"), "customer_id": customer, "occurred_at": at,
                "session_id": format!("s{}", dice.roll(3)), "product_id": format!("p{}", dice.roll(5)),
                "name": (["product_viewed", "product_added", "checkout_started"][dice.roll(3) as usize])})
            };
            vec![(Entity::Events, (0..1 + dice.roll(5)).map(|number| event(number, dice)).collect())]
        }
    }
}

fn ask(store: &dyn Store, at: &Snapshot, (who, via): (&Who, Via), own: &OwnFeatures) -> Table {
    Ask { who, via, ..Ask::new(store, at, own) }.tables(&[AS_OF]).expect("features").remove(0)
}

/// Every cell as text with all digits of a float's bits.
fn bits(table: &Table) -> Vec<(String, Vec<String>)> {
    let cell = |column: &dyn Array, row: usize| match column.as_primitive_opt::<arrow::datatypes::Float64Type>() {
        _ if column.is_null(row) => "null".to_owned(),
        Some(floats) => format!("{:016x}", floats.value(row).to_bits()),
        None => array_value_to_string(column, row).expect("a cell"),
    };
    let schema = table.batch().schema();
    let columns = schema.fields().iter().zip(table.batch().columns());
    columns.map(|(field, column)| (field.name().clone(), (0..table.rows()).map(|row| cell(column, row)).collect())).collect()
}

/// All rows of a table but for where they came from, scan by scan.
fn rows_of(store: &dyn Store, at: &Snapshot, entity: Entity, who: &Who) -> Vec<String> {
    let columns: Vec<&str> = entity.columns().iter().map(|column| column.name).collect();
    let mut found = Vec::new();
    for (number, scan) in store.scan(at, entity, &columns, who).expect("a scan").into_iter().enumerate() {
        for batch in scan {
            let batch = batch.expect("rows");
            let row = |row| {
                batch.columns().iter().map(|column| array_value_to_string(column, row).expect("a cell")).collect::<Vec<_>>()
            };
            found.extend((0..batch.num_rows()).map(|at| format!("{number} {:?}", row(at))));
        }
    }
    found
}

/// Looks at a store, which is lent only.
type Look<'a> = &'a mut dyn FnMut(&dyn Store, &Snapshot);

/// The same answers from both stores: rows in their order, features by the pass and by SQL, own files, everybody and one customer.
fn assert_same(batch: (&dyn Store, &Snapshot), live: &dyn Fn(&Who, Look<'_>), own: &OwnFeatures) {
    let customers = (0..6).map(|customer| one(&format!("c{customer}")));
    for who in customers.chain([Who::Everyone]) {
        live(&who, &mut |store, at| {
            for &entity in Entity::ALL.iter().filter(|entity| accepts(**entity)) {
                assert_eq!(rows_of(batch.0, batch.1, entity, &who), rows_of(store, at, entity, &who), "{entity} of {who:?}");
            }
            for via in [Via::Native, Via::Sql] {
                let (expected, found) = (ask(batch.0, batch.1, (&who, via), own), ask(store, at, (&who, via), own));
                assert_eq!(bits(&expected), bits(&found), "{who:?} by {via:?}");
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn live_and_batch_features_are_the_same_bits(seed: u64) {
        let mut dice = Dice(seed);
        let all: Vec<_> = (0..12 + dice.roll(60)).map(|serial| happening(&mut dice, serial)).collect();
        let (batch_shop, live_shop) = (folder(), folder());
        let features = live_shop.path().join("features");
        std::fs::create_dir(&features).expect("folder");
        // A rank among everybody: one customer's waiting rows alone would not do.
        let sql = "SELECT customer_id, COUNT(*) AS mine, RANK() OVER (ORDER BY COUNT(*)) AS mine_rank FROM events WHERE occurred_on < $as_of GROUP BY customer_id";
        std::fs::write(features.join("mine.sql"), sql).expect("written");
        let own = OwnFeatures::in_dir(&features);

        let batch = lake_in(batch_shop.path());
        for (number, tables) in all.iter().enumerate() {
            // Together or one by one: keys decide the order, not imports.
            import(&batch, number as u32 + 1, tables);
        }
        let batch_at = batch.snapshot().expect("snapshot");

        let lake = lake_in(live_shop.path());
        let before = dice.roll(all.len() as u64) as usize;
        for (number, tables) in all[..before].iter().enumerate().take(9) {
            import(&lake, number as u32 + 1, tables);
        }
        let inbox = inbox_in(live_shop.path(), &lake);
        for (number, tables) in all.iter().enumerate() {
            let answers = inbox.append_together(tables.clone()).expect("answers");
            let expected = if number < before.min(9) { Outcome::Duplicate } else { Outcome::Accepted };
            prop_assert!(answers.iter().flatten().all(|answer| *answer == expected), "{:?}", answers);
            if dice.roll(8) == 0 {
                moved(&inbox);
            }
        }
        let live = |who: &Who, look: Look<'_>| {
            let union = inbox.union(who).expect("union");
            look(&union, union.at());
        };
        assert_same((batch.as_ref(), &batch_at), &live, &own);
        moved(&inbox);
        let at = lake.snapshot().expect("snapshot");
        assert_same((batch.as_ref(), &batch_at), &|_, look| look(lake.as_ref(), &at), &own);
    }
}

#[test]
fn a_view_of_one_customer_answers_for_others_too() {
    let shop = folder();
    let lake = lake_in(shop.path());
    let inbox = inbox_in(shop.path(), &lake);
    inbox.append(Entity::Events, vec![event("a", "c1"), event("b", "c2"), event("c", "c1")]).expect("taken");
    let (_, view) = inbox.view(&one("c1")).expect("a view");
    let count = |who: &Who| view.of(Entity::Events, who).expect("rows").iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!((count(&one("c1")), count(&one("c2")), count(&one("c3")), count(&Who::Everyone)), (2, 1, 0, 3));
    assert_eq!((view.rows(Entity::Events), view.rows(Entity::Orders)), (3, 0));
}

/// What one machine takes in; run alone with `--ignored --nocapture`, on a disk: `PERENNIAL_SPEED_DIR` names the folder.
#[test]
#[ignore = "a measurement"]
fn ingest_speed() {
    let dir = std::env::var("PERENNIAL_SPEED_DIR").unwrap_or_else(|_| "/tmp".to_owned());
    let shop = tempfile::tempdir_in(dir).expect("folder");
    let lake = lake_in(shop.path());
    let setup = Setup { rows_max: 5_000_000, ..Setup::default() };
    let inbox = Arc::new(Inbox::open(&shop.path().join("inbox"), lake, setup).expect("open"));
    let next = AtomicU64::new(0);
    for (threads, batches, moves) in [(1, 500, false), (4, 2_500, false), (16, 2_500, false), (16, 5_000, true)] {
        let (left, ends) = (AtomicU64::new(batches), AtomicBool::new(false));
        let (groups, started) = (inbox.gauges().groups_written, std::time::Instant::now());
        let mut waits: Vec<f64> = Vec::new();
        std::thread::scope(|scope| {
            if moves {
                scope.spawn(|| {
                    while !ends.load(Ordering::SeqCst) {
                        moved(&inbox);
                        std::thread::sleep(std::time::Duration::from_secs(2));
                    }
                });
            }
            let client = || {
                let mut waits = Vec::new();
                while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                    let serial = next.fetch_add(1, Ordering::SeqCst);
                    let row = |row: u64| {
                        json!({"event_id": format!("evt-{serial:010}-{row:03}"), "customer_id": format!("C{:07}", (serial * 7_919 + row * 104_729) % 1_000_000),
                        "occurred_at": "2024-05-01T10:00:00.123Z", "name": "product_viewed", "session_id": format!("s{serial}"), "product_id": format!("P{row}"),
                        "properties": {"position": row, "list": "home", "price": 19.9}})
                    };
                    let rows = (0..100).map(row).collect();
                    let sent = std::time::Instant::now();
                    let answers = inbox.append(Entity::Events, rows).expect("taken");
                    waits.push(sent.elapsed().as_secs_f64() * 1_000.0);
                    assert!(answers.iter().all(|answer| *answer == Outcome::Accepted));
                }
                waits
            };
            let clients: Vec<_> = (0..threads).map(|_| scope.spawn(client)).collect();
            clients.into_iter().for_each(|client| waits.extend(client.join().expect("a client")));
            ends.store(true, Ordering::SeqCst);
        });
        let (seconds, groups) = (started.elapsed().as_secs_f64(), inbox.gauges().groups_written - groups);
        waits.sort_by(f64::total_cmp);
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
        let rate = batches as f64 * 100.0 / seconds;
        let looks = (0..500_u64).map(|number| {
            let (who, started) = (one(&format!("C{:07}", number * 7_919 % 1_000_000)), std::time::Instant::now());
            let union = inbox.union(&who).expect("union");
            cells(&union, union.at(), (Entity::Events, "event_id"), &who);
            started.elapsed().as_secs_f64() * 1_000.0
        });
        let mut looks: Vec<f64> = looks.collect();
        looks.sort_by(f64::total_cmp);
        let (waiting, look, most) = (inbox.gauges().rows_waiting, looks[250], looks[494]);
        println!("{waiting} rows wait, {} MB resident; a customer's events: p50 {look:.2} ms, p99 {most:.2} ms", resident_mb());
        println!(
            "{threads} clients, moving {moves}: {rate:.0} events/s, {groups} syncs, answer p50 {:.1} ms, p99 {:.1} ms",
            at(0.5),
            at(0.99)
        );
    }
}

/// Memory of this process.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1_024
}

/// How long an inbox beside a full lake takes to be ready: `PERENNIAL_SPEED_ROWS` events, ten million if not set.
#[test]
#[ignore = "a measurement"]
fn ready_speed() {
    let rows: usize = std::env::var("PERENNIAL_SPEED_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(10_000_000);
    let dir = std::env::var("PERENNIAL_SPEED_DIR").unwrap_or_else(|_| "/tmp".to_owned());
    let shop = tempfile::tempdir_in(dir).expect("folder");
    let lake = lake_in(shop.path());
    let file = FileFact { name: "rows".to_owned(), sha256: "e".repeat(64), bytes: 1 };
    let Begin::Import(mut import) =
        lake.begin(&Origin { format: "test".to_owned(), files: vec![file], at_us: 0 }).expect("begun")
    else {
        panic!("imported before")
    };
    let options = ReadOptions { pseudonym_key: Some([1; 32]), ..ReadOptions::new(ZONE, "EUR") };
    for first in (0..rows).step_by(10_000) {
        let event = |row: usize| event(&format!("evt-{row:012}"), &format!("C{:07}", row * 7_919 % 1_000_000));
        let table =
            read_objects(&[(Entity::Events, (first..first + 10_000).map(event).collect())], &options).expect("read").remove(0);
        import
            .append(Batch {
                entity: Entity::Events,
                rows: table.rows,
                places: Vec::new(),
                rejects: Vec::new(),
                identities: Vec::new(),
            })
            .expect("taken");
    }
    import.commit(&Reconciliation::ZERO).expect("committed");
    drop(lake);
    let before = resident_mb();
    let started = std::time::Instant::now();
    let lake = lake_in(shop.path());
    let inbox = inbox_in(shop.path(), &lake);
    let opened = started.elapsed();
    let answers = inbox.append(Entity::Events, vec![event("new", "C1"), event("evt-000000000007", "C1")]).expect("taken");
    assert_eq!(answers, [Outcome::Accepted, Outcome::Duplicate]);
    println!(
        "{rows} events: open {opened:?}, first answer after {:?}, {before} MB before, {} MB after",
        started.elapsed(),
        resident_mb()
    );
    let started = std::time::Instant::now();
    inbox.append(Entity::Events, vec![event("newer", "C1")]).expect("taken");
    println!("second answer after {:?}", started.elapsed());
    let started = std::time::Instant::now();
    println!("{:?} in {:?}", moved(&inbox), started.elapsed());
}
