//! Consents: of several decisions on the same the latest stands, whatever the order in which files bring them; nothing is an error.

use std::path::Path;

use perennial_contract::Entity;
use perennial_contract::engine::{Engine, Who};
use perennial_lake::lake::{Begin, FileFact, Lake, Origin, TableCount};
use perennial_lake::source::{ReadOptions, facts, open};

use crate::lake_fixture::{create, folder, shop};

fn import(lake: &Lake, folder: &Path, (name, text): (&str, &str)) -> TableCount {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let options = ReadOptions { pseudonym_key: Some([7; 32]), ..ReadOptions::new("UTC", &shop().currency) };
    let files: Vec<FileFact> = facts(std::slice::from_ref(&path)).unwrap();
    let mut source = open(None, &[path], &options).unwrap();
    let Begin::Import(mut import) = lake.begin(&Origin { format: "test".into(), files, at_us: 1 }).unwrap() else {
        panic!("{name} is known")
    };
    while let Some(batch) = source.next_batch().unwrap() {
        import.append(batch).unwrap();
    }
    let receipt = import.commit(&source.reconciliation()).unwrap();
    receipt.record.tables.iter().find(|(entity, _)| *entity == Entity::Consents).map(|(_, count)| *count).unwrap_or_default()
}

fn states(lake: &Lake) -> Vec<String> {
    let sql = "SELECT customer_id || ' ' || state || ' ' || CAST(decided_on AS VARCHAR) AS it FROM consents ORDER BY it";
    let table = lake.engine().query(&lake.snapshot().unwrap(), sql, None, &Who::Everyone).unwrap();
    table.texts("it").unwrap().iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}

const HEADER: &str = "customer_id,purpose,channel,state,decided_at\n";

fn decisions(lines: &[(&str, &str, &str)]) -> String {
    let line = |(id, state, day): &(&str, &str, &str)| format!("{id},marketing,email,{state},{day}T00:00:00Z\n");
    HEADER.to_owned() + &lines.iter().map(line).collect::<String>()
}

#[test]
fn the_latest_decision_stands_in_any_order() {
    let dir = folder();
    let lake = create(&dir.path().join("lake"));
    let within = decisions(&[
        ("c1", "granted", "2023-01-01"),
        ("c1", "denied", "2023-05-01"),
        ("c2", "denied", "2023-05-01"),
        ("c2", "granted", "2023-01-01"),
    ]);
    let count = import(&lake, dir.path(), ("a/consents.csv", &within));
    assert_eq!(count, TableCount { added: 2, superseded: 2, ..TableCount::default() });
    assert_eq!(states(&lake), ["c1 denied 2023-05-01", "c2 denied 2023-05-01"]);
    // An older export that comes later changes nothing, a newer decision does.
    let older = decisions(&[("c1", "granted", "2022-05-01"), ("c2", "granted", "2024-01-01")]);
    let count = import(&lake, dir.path(), ("b/consents.csv", &older));
    assert_eq!(count, TableCount { replaced: 1, superseded: 1, ..TableCount::default() });
    assert_eq!(states(&lake), ["c1 denied 2023-05-01", "c2 granted 2024-01-01"]);
    let again = decisions(&[("c2", "granted", "2024-01-01"), ("c3", "granted", "2024-01-01")]);
    let count = import(&lake, dir.path(), ("c/consents.csv", &again));
    assert_eq!(count, TableCount { added: 1, unchanged: 1, ..TableCount::default() });
    assert_eq!(lake.imports().unwrap()[1].tables[0].1.superseded, 1);
}

#[test]
fn every_order_of_a_shopify_customer_says_what_they_answered() {
    let dir = folder();
    let lake = create(&dir.path().join("lake"));
    let header =
        "Name,Email,Financial Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,Accepts Marketing\n";
    let order = |n: u32, month: u32, answer: &str| {
        format!("#{n},a@b.example,paid,GBP,2023-0{month}-05 10:00:00 +0000,1,Mug,10.00,{answer}\n")
    };
    // Shopify exports the newest order first.
    let text = header.to_owned() + &order(3, 5, "") + &order(2, 4, "no") + &order(1, 1, "yes");
    assert_eq!(import(&lake, dir.path(), ("orders.csv", &text)).added, 1);
    assert!(states(&lake)[0].ends_with(" denied 2023-04-05"), "{:?}", states(&lake));
}

#[test]
fn a_call_that_was_sent_twice_is_no_reject() {
    let dir = folder();
    let lake = create(&dir.path().join("lake"));
    let call = |message: &str, page: &str| {
        format!(
            "{{\"type\":\"track\",\"event\":\"Seen\",\"userId\":\"u1\",\"messageId\":\"{message}\",\
             \"timestamp\":\"2023-01-01T00:00:00Z\",\"properties\":{{\"page\":\"{page}\"}}}}\n"
        )
    };
    let text = call("m1", "a") + &call("m2", "b") + &call("m1", "a") + &call("m2", "other");
    import(&lake, dir.path(), ("calls.jsonl", &text));
    let tables = &lake.imports().unwrap()[0].tables;
    let events = tables.iter().find(|(entity, _)| *entity == Entity::Events).unwrap().1;
    assert_eq!(events, TableCount { added: 2, unchanged: 1, rejected: 1, ..TableCount::default() });
}
