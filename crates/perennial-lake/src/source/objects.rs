//! Which of some JSON objects are good rows of a canonical table, and what is wrong with the others?
//!
//! Assumes  the objects have the canonical names, as a file of JSON lines called after its table would have them.
//! Input    tables with their objects, together: lines may leave to the orders beside them what is said there.
//! Output   for each table the good rows in the order of the objects, the rejects, and the identities that belong in the vault.
//! Cost     one pass; the text of one object at a time beside the rows.
//! Ref      docs/guide/import.md, "Canonical files": the reader, the masks and the pseudonyms are those of an import.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use perennial_contract::Entity;
use perennial_contract::entity::ORIGIN;
use perennial_contract::money::minor_digits;
use perennial_contract::source::{Identity, Reject, SourceError};
use serde_json::{Map, Value};

use super::ReadOptions;
use super::drive::{Reader, one};
use super::identity::{KINDS, holds_email, looks_like_phone};
use super::json_lines::{TOO_LONG, write_cell};
use super::mapped::Mapped;
use super::problem::Problem;
use super::record::{Cells, Record, Records};
use super::sink::{Sink, shown_part};
use super::sniff::Sniffed;

/// What became of a table's objects.
#[derive(Debug)]
pub struct ObjectRows {
    pub entity: Entity,
    /// The good ones, schema [`Entity::source_schema`], in the order of the objects.
    pub rows: RecordBatch,
    /// For each good row the position of its object.
    pub taken: Vec<usize>,
    /// `row` is the object's position, 1-based.
    pub rejects: Vec<Reject>,
    /// Each with the position of its row among the good ones.
    pub identities: Vec<(usize, Identity)>,
}

/// The objects as records.
struct Objects<'a> {
    header: Vec<String>,
    cells: Cells,
    row: u64,
    fault: Option<&'static str>,
    limits: &'a super::Limits,
}

impl Objects<'_> {
    fn show(&mut self, object: &Map<String, Value>) {
        self.row += 1;
        self.cells.clear();
        for name in &self.header {
            let value = object.get(name);
            self.cells.push_with(|text| value.map_or((), |value| write_cell(value, text)));
        }
        let longest = self.cells.spans.iter().map(|(from, to)| (to - from) as usize).max().unwrap_or(0);
        self.fault = if self.cells.text.len() > self.limits.json_bytes_max {
            Some(TOO_LONG)
        } else if longest > self.limits.cell_bytes_max {
            Some("has a value longer than import.cell_kb_max allows")
        } else {
            None
        };
    }
}

impl Records for Objects<'_> {
    fn header(&self) -> &[String] {
        &self.header
    }

    /// The next object is shown, not read.
    fn advance(&mut self) -> Result<bool, Problem> {
        Ok(false)
    }

    fn record(&self) -> Record<'_> {
        self.cells.record(self.row)
    }

    fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    fn read_bytes(&self) -> u64 {
        0
    }
}

/// Every name a member may have, whether or not any object has it: a member that is left out is then an empty cell.
fn header(entity: Entity) -> Vec<String> {
    let own = entity.columns().iter().map(|column| column.name);
    // `name` is a column of events and of none of who did them.
    let identities = KINDS.iter().map(|kind| kind.name()).filter(|name| entity.has_customer() && entity.column(name).is_none());
    own.chain(identities).map(str::to_owned).collect()
}

/// What is wrong with an object before its cells are looked at: the member, its value if it may be shown, and the reason.
fn out_of_shape(entity: Entity, object: &Map<String, Value>, header: &[String]) -> Option<(String, String)> {
    let is_known = |name: &String| header.contains(name) || ORIGIN.iter().any(|column| column.name == name);
    if let Some(name) = object.keys().find(|name| !is_known(name)) {
        return Some((shown_part(name.clone()), format!("is a column that {entity} does not know")));
    }
    let id = object.get("customer_id").and_then(Value::as_str).unwrap_or_default().trim();
    let identifies = holds_email(id) || looks_like_phone(id);
    let reason =
        "holds an e-mail address or a phone number; send an id of your own, and the address as `email` or `phone` beside it";
    identifies.then(|| ("customer_id".to_owned(), reason.to_owned()))
}

fn reject(entity: Entity, position: usize, column: Option<String>, reason: String) -> Reject {
    let row = position as u64 + 1;
    Reject { entity, file: entity.name().to_owned(), row, column, value: None, reason, raw: String::new() }
}

/// Judge objects the way an import judges a file's rows, but each for itself: nothing an object says refuses the others.
/// Orders are looked at before lines, whatever the order of `tables`; the answers are in the order of `tables`.
pub fn read_objects(tables: &[(Entity, Vec<Value>)], options: &ReadOptions) -> Result<Vec<ObjectRows>, SourceError> {
    let read = || -> Result<Vec<ObjectRows>, Problem> {
        if options.pseudonym_key.is_none() {
            return Err(Problem::refused("no pseudonym key was given", "open the shop's vault first"));
        }
        let mut reader = Mapped::canonical(&mut [], options)?;
        let has = |entity: Entity| tables.iter().any(|(other, objects)| *other == entity && !objects.is_empty());
        if has(Entity::Orders) {
            reader = reader.keeping_orders();
        }
        let mut out = Sink::new(minor_digits(&options.currency)).knowing(options.pseudonym_key.as_ref());
        let mut order: Vec<usize> = (0..tables.len()).collect();
        order.sort_by_key(|&table| tables[table].0);
        let mut answers: Vec<(usize, ObjectRows)> = Vec::with_capacity(tables.len());
        for table in order {
            let (entity, objects) = &tables[table];
            answers.push((table, read_table(&mut reader, &mut out, (*entity, objects), options)?));
        }
        answers.sort_by_key(|(table, _)| *table);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    };
    read().map_err(|problem| problem.of("the objects".as_ref()))
}

fn read_table(
    reader: &mut Mapped,
    out: &mut Sink,
    (entity, objects): (Entity, &[Value]),
    options: &ReadOptions,
) -> Result<ObjectRows, Problem> {
    let file = Sniffed::in_memory(entity.name(), header(entity));
    let mut records =
        Objects { header: file.header.clone(), cells: Cells::default(), row: 0, fault: None, limits: &options.limits };
    reader.start(&file, records.header())?;
    out.file = Arc::from(entity.name());
    let (mut taken, mut rejects, mut identities) = (Vec::with_capacity(objects.len()), Vec::new(), Vec::new());
    let none = Map::new();
    for (position, value) in objects.iter().enumerate() {
        records.show(value.as_object().unwrap_or(&none));
        if !value.is_object() {
            rejects.push(reject(entity, position, None, "is not a JSON object".to_owned()));
            continue;
        }
        if let Some((column, reason)) = out_of_shape(entity, value.as_object().unwrap_or(&none), &records.header) {
            rejects.push(reject(entity, position, Some(column), reason));
            continue;
        }
        one(reader, &records, entity.name(), out);
        // What would refuse a whole file refuses one object here; its row was not added.
        let refused = out.check().err();
        let found = out.take_identities();
        let bad = out.take_rejects();
        match (refused, bad.is_empty()) {
            (Some(problem), _) => rejects.push(reject(entity, position, None, in_words(problem))),
            (None, false) => rejects.extend(bad),
            (None, true) => {
                identities.extend(found.into_iter().map(|identity| (taken.len(), identity)));
                taken.push(position);
            }
        }
        out.next_record();
    }
    reader.end(out);
    out.cut_all();
    let mut batches = Vec::new();
    while let Some(batch) = out.pop()? {
        batches.push(batch.rows);
    }
    let rows = concat_batches(&entity.source_schema(), &batches).map_err(|error| Problem::Read(error.to_string()))?;
    if rows.num_rows() != taken.len() {
        let problem = format!("{} of its objects became {} rows", taken.len(), rows.num_rows());
        return Err(Problem::refused(problem, "report this as a fault of the reader"));
    }
    Ok(ObjectRows { entity, rows, taken, rejects, identities })
}

fn in_words(problem: Problem) -> String {
    match problem {
        Problem::Read(cause) => cause,
        Problem::Refused { problem, .. } | Problem::Mapping { problem, .. } => problem,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use perennial_contract::source::IdentityKind;
    use serde_json::json;

    use super::*;

    fn read(tables: Vec<(Entity, Vec<Value>)>) -> Vec<ObjectRows> {
        let options = ReadOptions { pseudonym_key: Some([7; 32]), ..ReadOptions::new("Europe/Berlin", "EUR") };
        read_objects(&tables, &options).expect("read")
    }

    #[test]
    fn every_object_is_judged_for_itself() {
        let good = |id: &str| json!({"event_id": id, "customer_id": "c1", "occurred_at": "2024-05-01T10:00:00Z", "name": "Product Viewed"});
        let with = |name: &str, value: Value| {
            let mut object = good("x");
            object[name] = value;
            object
        };
        let objects = vec![
            good("e1"),
            json!(7),
            with("colour", json!("red")),
            with("occurred_at", json!("yesterday")),
            with("customer_id", json!("ann@shop.example")),
            with("event_id", json!(null)),
            with("email", json!("Ann@Shop.example")),
            with("properties", json!({"note": "write to bob@shop.example", "email": "eve@shop.example", "n": 2})),
            with("name", json!("x".repeat(2 << 20))),
        ];
        let read = read(vec![(Entity::Events, objects)]).remove(0);
        assert_eq!(read.taken, [0, 6, 7]);
        let rejects: Vec<_> =
            read.rejects.iter().map(|r| (r.row, r.column.as_deref().unwrap_or(""), r.reason.as_str())).collect();
        assert_eq!(rejects[0], (2, "", "is not a JSON object"));
        assert_eq!(rejects[1], (3, "colour", "is a column that events does not know"));
        assert_eq!((rejects[2].0, rejects[2].1), (4, "occurred_at"));
        assert_eq!((rejects[3].0, rejects[3].1), (5, "customer_id"));
        assert_eq!(rejects[4], (6, "event_id", "event_id is missing"));
        assert_eq!(rejects[5].0, 9);
        let of = |row: usize, kind, value: &str| (row, Identity { customer_id: "c1".into(), kind, value: value.into() });
        assert_eq!(
            read.identities,
            [of(1, IdentityKind::Email, "Ann@Shop.example"), of(2, IdentityKind::Email, "eve@shop.example")]
        );
        let properties = read.rows["properties"].as_string::<i32>().value(2);
        assert_eq!(properties, r#"{"note":"write to [email]","n":2}"#);
        assert_eq!(read.rows["name"].as_string::<i32>().value(0), "product_viewed");
    }

    #[test]
    fn lines_lean_on_the_orders_beside_them() {
        let order = json!({"order_id": "o1", "customer_id": "c9", "ordered_at": "2024-05-01T10:00:00Z", "total_cents": 300});
        let line = |order: &str| json!({"order_id": order, "product_id": "p", "quantity": 1, "unit_price_cents": 150});
        let lines = (Entity::OrderItems, vec![line("o1"), line("o1"), line("o2")]);
        let both = read(vec![lines.clone(), (Entity::Orders, vec![order])]);
        assert_eq!((both[0].entity, both[0].taken.as_slice()), (Entity::OrderItems, &[0, 1][..]));
        assert_eq!(both[0].rows["customer_id"].as_string::<i32>().value(1), "c9");
        assert_eq!(both[0].rejects[0].reason, "belongs to no order of this import");
        assert_eq!(both[1].taken, [0]);
        let alone = read(vec![lines]);
        assert_eq!(alone[0].taken, [0_usize; 0]);
        assert_eq!(alone[0].rejects.len(), 3);
    }
}
