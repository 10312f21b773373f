//! What a file may not do to an import: swallow rows with a forgotten quote, bring ids of any length, or fill the memory.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use perennial_contract::Entity;
use perennial_contract::source::{Batch, Identity, IdentityKind, Reject};
use perennial_lake::lake::Limits as LakeLimits;
use perennial_lake::source::{Limits, ReadOptions};

use crate::lake_fixture::{begin, create, folder, import, sparse};
use crate::source::{Read, read};

fn options() -> ReadOptions {
    ReadOptions { pseudonym_key: Some([7; 32]), ..ReadOptions::new("UTC", "EUR") }
}

fn of(folder: &Path, name: &str, text: &str, options: &ReadOptions) -> Result<Read, String> {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    read(None, &[path], options).map_err(|error| error.to_string())
}

/// A shop's export: good orders, and whatever follows.
fn shopify(lines: &[&str]) -> String {
    let mut text = "Name,Email,Financial Status,Currency,Subtotal,Created at,Lineitem quantity,Lineitem name,Lineitem price,\
                    Lineitem sku,Billing Name,Billing Street,Billing Phone,Accepts Marketing\n"
        .to_owned();
    for n in 0..20 {
        text += &format!("#{n},ok{n}@fine.example,paid,EUR,10,2023-01-05 10:00:00 +0000,1,Mug,10.00,MUG,Ok Person,9 Okst,,\n");
    }
    text + &lines.join("\n") + "\n"
}

#[test]
fn a_forgotten_quote_costs_its_own_row_only() {
    let folder = folder();
    let text = shopify(&[
        "#3004,sh4@leak.example,paid,EUR,10,2023-01-05 10:00:00 +0000,1,\"Mug,10.00,MUG,Zorro Leakname,1 Leakstreet,+44 7700 900123,",
        "#3005,sh5@leak.example,paid,EUR,10,2023-01-05 10:00:00 +0000,1,\"Mug\",10.00,NEWSKU,Zoe Leakname,2 Leakstreet,+44 7700 900124,",
        "\"#3006\"x,sh6@fine.example,paid,EUR,10,2023-01-05 10:00:00 +0000,1,Mug,10.00,MUG,,,,",
    ]);
    let read = of(folder.path(), "orders.csv", &text, &options()).unwrap();
    assert_eq!(read.rows(Entity::Orders), 21);
    assert!(read.texts(Entity::Orders, "order_id").contains(&Some("#3005".to_owned())));
    let rejects: Vec<(u64, &str)> = read.rejects.iter().map(|reject| (reject.row, reject.reason.as_str())).collect();
    assert_eq!(rejects.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [21, 23]);
    assert!(rejects.iter().all(|(_, reason)| reason.contains("text after a closing quote")), "{rejects:?}");
    // Nobody of the broken row stands anywhere.
    let names = read.texts(Entity::Products, "name");
    assert!(names.iter().flatten().all(|name| name == "Mug"), "{names:?}");
    assert!(read.rejects.iter().all(|reject| reject.raw == "[hidden]"), "{:?}", read.rejects);
}

fn reasons(rejects: &[Reject]) -> Vec<(Option<&str>, &str)> {
    rejects.iter().map(|reject| (reject.column.as_deref(), reject.reason.as_str())).collect()
}

#[test]
fn ids_and_identifiers_have_a_length() {
    let folder = folder();
    let (id, name) = ("c".repeat(256), "n".repeat(4_097));
    let fits = ("c".repeat(255), "n".repeat(4_096));
    let text = format!(
        "customer_id,email,name\nc1,a@b.example,Ann\n{id},b@b.example,Bo\nc3,c@b.example,{name}\n{},d@b.example,{}\n",
        fits.0, fits.1
    );
    let read = of(folder.path(), "customers.csv", &text, &options()).unwrap();
    assert_eq!((read.rows(Entity::Customers), read.identities.len()), (2, 4));
    let found = reasons(&read.rejects);
    assert_eq!(found[0].0, Some("customer_id"));
    assert!(found[0].1.contains("longer than 255 bytes"), "{found:?}");
    assert_eq!(found[1].0, Some("name"));
    assert!(found[1].1.contains("longer than 4 KiB"), "{found:?}");
    assert!(
        read.rejects.iter().all(|reject| reject.raw.len() <= 1_000 && reject.value.as_deref().unwrap_or_default().len() <= 200)
    );
    let long = format!("#4,x@y.example,paid,EUR,10,2023-01-05 10:00:00 +0000,1,Mug,10.00,{},,,,", "s".repeat(300));
    let street = format!("#5,x@y.example,paid,EUR,10,2023-01-05 10:00:00 +0000,1,Mug,10.00,MUG,,{},,", "s".repeat(5_000));
    let read = of(folder.path(), "orders.csv", &shopify(&[&long, &street]), &options()).unwrap();
    let columns: Vec<_> = read.rejects.iter().map(|reject| reject.column.as_deref().unwrap_or_default()).collect();
    assert_eq!((read.rows(Entity::Orders), columns), (20, vec!["Lineitem sku", "Billing Street"]));
    let product = format!("#6,x@y.example,paid,EUR,10,2023-01-05 10:00:00 +0000,1,{},10.00,MUG,,,,", "p".repeat(5_000));
    let read = of(folder.path(), "orders.csv", &shopify(&[&product]), &options()).unwrap();
    assert_eq!((read.rows(Entity::Orders), reasons(&read.rejects)[0].0), (20, Some("Lineitem name")));
    let call = |id: &str| {
        let call = "\"event\":\"X\",\"timestamp\":\"2023-01-01T00:00:00Z\",\"properties\":{\"order_id\":\"1\"}";
        format!("{{\"type\":\"track\",\"userId\":\"{id}\",\"messageId\":\"m{}\",{call}}}\n", id.len())
    };
    let text = call("u1") + &call("u22") + &call(&"u".repeat(300)) + &call(&"u".repeat(2 << 20)) + &call("u4444");
    let read = of(folder.path(), "calls.jsonl", &text, &options()).unwrap();
    assert_eq!(read.rows(Entity::Events), 3);
    let found = reasons(&read.rejects);
    assert_eq!(found[0].0, Some("userId"));
    assert!(found[1].1.contains("longer than 1 MiB"), "{found:?}");
}

#[test]
fn what_an_import_remembers_has_a_bound() {
    let folder = folder();
    let lines: String = (0..4_000).map(|n| format!("o{n},c{n},2024-05-01,p{n},1,100,1\n")).collect();
    let text = format!("order_id,customer_id,ordered_at,product_id,quantity,unit_price_cents,line_no\n{lines}");
    let path = folder.path().join("sales.csv");
    std::fs::write(&path, text).unwrap();
    let mapping = "money = \"minor\"\n[[table]]\ntable = \"order_items\"\ncolumns = { order_id = \"order_id\", customer_id = \"customer_id\", \
                   ordered_at = \"ordered_at\", product_id = \"product_id\", quantity = \"quantity\", unit_price_cents = \"unit_price_cents\" }\n";
    let mapping_path = folder.path().join("mapping.toml");
    std::fs::write(&mapping_path, mapping).unwrap();
    let with = |held_bytes_max: usize| {
        let limits = Limits { held_bytes_max, ..Limits::default() };
        let options =
            ReadOptions { mapping: Some(perennial_lake::source::Mapping::read(&mapping_path).unwrap()), limits, ..options() };
        read(None, std::slice::from_ref(&path), &options).map(|read| read.rows(Entity::Orders)).map_err(|error| error.to_string())
    };
    assert_eq!(with(8 << 20), Ok(4_000));
    let refused = with(100_000).unwrap_err();
    assert!(refused.contains("more distinct ids, names and orders than fit into 97 KiB; split it"), "{refused}");
}

#[test]
fn a_parquet_file_of_equal_rows_is_a_bomb_too() {
    let folder = folder();
    let path = folder.path().join("orders.parquet");
    let rows = 100_000;
    let texts = |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as ArrayRef;
    let totals: ArrayRef = Arc::new(Int64Array::from(vec![1; rows]));
    let columns = [("order_id", texts("o")), ("ordered_at", texts("2024-05-01T00:00:00Z")), ("total_cents", totals)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    for _ in 0..20 {
        writer.write(&batch).unwrap();
    }
    writer.close().unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 100_000);
    let refused = read(None, &[path], &options()).unwrap_err().to_string();
    assert!(refused.contains("more than 200 times its size"), "{refused}");
}

/// Run in a process of its own by `hostile::hostile_files_need_less_than_half_a_gibibyte`.
#[test]
fn identities_and_rejects_beyond_memory() {
    let dir = folder();
    let lake = create(dir.path()).with_limits(LakeLimits { import_bytes: 32 << 20, ..LakeLimits::default() });
    let mut import = begin(&lake, "people");
    for part in 0..150 {
        let ids: Vec<String> = (0..2_000).map(|n| format!("c{:06}", part * 2_000 + n)).collect();
        let mut batch = sparse(Entity::Customers, &ids.iter().map(String::as_str).collect::<Vec<_>>());
        let address = "x".repeat(1_000);
        let identity = |id: &String, kind, value: String| Identity { customer_id: id.clone(), kind, value };
        batch.identities = ids
            .iter()
            .flat_map(|id| {
                [
                    identity(id, IdentityKind::Email, format!("{id}@x.example")),
                    identity(id, IdentityKind::Address, address.clone()),
                ]
            })
            .collect();
        batch.rejects = (0..2_000)
            .map(|row| Reject {
                entity: Entity::Orders,
                file: "orders.csv".into(),
                row: part * 2_000 + row,
                column: None,
                value: None,
                reason: "is bad".into(),
                raw: "r".repeat(1_000),
            })
            .collect();
        import.append(batch).unwrap();
    }
    let receipt = import.commit(&perennial_contract::source::Reconciliation::ZERO).unwrap();
    assert_eq!(lake.rows(&receipt.snapshot, Entity::Rejects).unwrap(), 300_000);
    assert_eq!(lake.vault().find_email("C299999@x.example").unwrap(), ["c299999"]);
    assert_eq!(lake.vault().get("c123456").unwrap().len(), 2);
}

/// The same, of keys that repeat: each such row is a reject.
#[test]
fn repeated_keys_beyond_memory() {
    let dir = folder();
    let lake = create(dir.path()).with_limits(LakeLimits { import_bytes: 32 << 20, ..LakeLimits::default() });
    let batches: Vec<Batch> = (0..60).map(|_| sparse(Entity::Products, &vec!["p1"; 8_000])).collect();
    let receipt = import(&lake, "products", batches).unwrap();
    assert_eq!(lake.rows(&receipt.snapshot, Entity::Products).unwrap(), 1);
    assert_eq!(lake.rows(&receipt.snapshot, Entity::Rejects).unwrap(), 479_999);
}

#[test]
fn ids_that_hold_addresses_stay_apart() {
    let folder = folder();
    let text = "order_id,customer_id,ordered_at,total_cents\neve@shop.example-1,c1,2024-01-01,1000\nbob@shop.example-3,c2,2024-01-03,1000\n";
    let ids = |key: [u8; 32]| {
        let options = ReadOptions { pseudonym_key: Some(key), ..options() };
        let read = of(folder.path(), "orders.csv", text, &options).unwrap();
        assert_eq!((read.rows(Entity::Orders), read.rejects.len()), (2, 0));
        read.texts(Entity::Orders, "order_id").into_iter().flatten().collect::<Vec<_>>()
    };
    let (ours, theirs) = (ids([1; 32]), ids([2; 32]));
    assert!(ours[0] != ours[1] && ours.iter().all(|id| id.starts_with("p-") && !id.contains('@')), "{ours:?}");
    // The same in every import of a shop, and unknown to another.
    assert_eq!(ours, ids([1; 32]));
    assert!(ours.iter().all(|id| !theirs.contains(id)));
    let text = "order_id,customer_id,ordered_at,total_cents\neve%40shop.example,c1,2024-01-01,1000\n+49 170 1234567,c2,2024-01-03,1000\n";
    let options = ReadOptions { pseudonym_key: Some([1; 32]), ..options() };
    let read = of(folder.path(), "orders.csv", text, &options).unwrap();
    let ids: Vec<_> = read.texts(Entity::Orders, "order_id").into_iter().flatten().collect();
    assert!(ids.len() == 2 && ids.iter().all(|id| id.starts_with("p-")), "{ids:?}");
    let refused = of(folder.path(), "orders.csv", &text.replace(",c1,", ",eve%40shop.example,"), &options).unwrap_err();
    assert!(refused.to_string().contains("as customer ids"), "{refused}");
}
