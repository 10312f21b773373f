//! Canonical files, and files whose columns a mapping names.

use std::path::{Path, PathBuf};

use perennial_contract::Entity;
use perennial_contract::source::{IdentityKind, SourceError};
use perennial_lake::source::{Mapping, ReadOptions, facts};

use crate::source::read;

fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn canonical_tables_fill_each_other_in() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    put(folder.path(), "customers.csv", "customer_id,country,email,birth_date\nc1,DE,ann@shop.example,1980-02-03\nc2,DE,,\n");
    put(
        folder.path(),
        "orders.csv",
        "order_id,customer_id,ordered_at,subtotal_cents,shipping_cents\no1,c1,2024-03-31 02:30:00,900,100\no2,,2024-04-01T23:30:00Z,500,0\n",
    );
    put(
        folder.path(),
        "order_items.csv",
        "order_id,product_id,quantity,unit_price_cents,discount_cents\no1,p1,2,500,100\no2,p1,1,500,0\no1,p2,1,0,0\no9,p2,1,7,0\n",
    );
    put(folder.path(), "truth.csv", "customer_id,left_at\nc1,\n");
    let read = read(None, &[folder.path().to_path_buf()], &ReadOptions::new("Europe/Berlin", "EUR"))?;
    assert_eq!(read.texts(Entity::OrderItems, "customer_id"), [Some("c1".to_owned()), None, Some("c1".to_owned())]);
    assert_eq!(read.numbers(Entity::OrderItems, "line_no"), [1, 1, 2]);
    assert_eq!(read.numbers(Entity::OrderItems, "total_cents"), [900, 500, 0]);
    assert_eq!(read.numbers(Entity::Orders, "total_cents"), [1000, 500]);
    // An hour that Berlin's clocks skip, and a UTC evening that is the next day there.
    assert_eq!(read.days(Entity::OrderItems, "ordered_on"), [19_813, 19_815, 19_813]);
    assert_eq!(read.reasons().into_iter().collect::<Vec<_>>(), [("belongs to no order of this import", 1)]);
    assert_eq!((read.stated.as_str(), read.rejected.as_str()), ("14.07", "0.07"));
    assert_eq!(read.numbers(Entity::Customers, "birth_year")[0], 1980);
    let kinds: Vec<_> = read.identities.iter().map(|identity| (identity.kind, identity.value.as_str())).collect();
    assert_eq!(kinds, [(IdentityKind::Email, "ann@shop.example"), (IdentityKind::BirthDate, "1980-02-03")]);
    Ok(())
}

#[test]
fn a_flat_file_fills_orders_lines_customers_and_products() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let text = "Beleg;Datum;Kunde;E-Mail;Land;Artikel;Name;Menge;Preis\n\
                7;31.12.2023 23:30;4711;a@b.example;DE;X1;Lampe;2;1.234,50\n\
                8;01.01.2024;4712;;AT;X2;Tisch;1;10,005\n\
                7;31.12.2023 23:30;4711;a@b.example;DE;X2;Tisch;1;10,00\n\
                9;45.01.2024;4712;c@d.example;AT;X2;Tisch;1;3,00\n";
    let path = put(folder.path(), "verkauf.csv", text);
    let mut options = ReadOptions::new("Europe/Berlin", "EUR");
    options.mapping = Some(
        Mapping::parse(
            r#"
            decimal = ","
            dates = "day-first"
            [[table]]
            table = "order_items"
            columns = { order_id = "Beleg", ordered_at = "Datum", customer_id = "Kunde", product_id = "Artikel", quantity = "Menge", unit_price_cents = "Preis" }
            [[table]]
            table = "customers"
            columns = { customer_id = "Kunde", country = "Land", email = "E-Mail" }
            [[table]]
            table = "products"
            columns = { product_id = "Artikel", name = "Name" }
            "#,
        )
        .expect("mapping"),
    );
    let read = read(None, &[path], &options)?;
    assert_eq!((read.rows(Entity::Orders), read.rows(Entity::OrderItems)), (2, 3));
    assert_eq!((read.rows(Entity::Customers), read.rows(Entity::Products)), (2, 2));
    assert_eq!(read.numbers(Entity::OrderItems, "total_cents"), [246_900, 1_000, 1_000]);
    assert_eq!(read.numbers(Entity::OrderItems, "line_no"), [1, 1, 2]);
    assert_eq!(read.numbers(Entity::Orders, "total_cents"), [247_900, 1_000]);
    assert_eq!((read.stated.as_str(), read.rejected.as_str(), read.rounding.as_str()), ("2492.005", "3.00", "0.005"));
    assert_eq!(read.days(Entity::Orders, "ordered_on"), [19_722, 19_723]);
    let [reject] = read.rejects.as_slice() else { panic!("{:?}", read.rejects) };
    assert_eq!((reject.row, reject.column.as_deref(), reject.value.as_deref()), (4, Some("Datum"), Some("45.01.2024")));
    assert!(!reject.raw.contains("c@d.example") && reject.raw.contains("[hidden]"), "{}", reject.raw);
    assert!(read.identities.iter().all(|identity| identity.value == "a@b.example"));
    read.check_keys();
    Ok(())
}

#[test]
fn people_known_by_an_email_get_a_keyed_pseudonym() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let path = put(
        folder.path(),
        "o.csv",
        "id,mail,when,sum\n1,Ann@Shop.example,1700000000,5\n2,ann@shop.example ,1700000100,6\n3,,1700000200,7\n",
    );
    let mapping = r#"
        dates = "epoch-seconds"
        [[table]]
        table = "orders"
        pseudonym = "mail"
        columns = { order_id = "id", ordered_at = "when", total_cents = "sum", email = "mail" }
    "#;
    let mut options = ReadOptions::new("UTC", "EUR");
    options.mapping = Some(Mapping::parse(mapping).expect("mapping"));
    let refused = read(None, std::slice::from_ref(&path), &options).expect_err("no key");
    assert!(refused.to_string().contains("pseudonym key"), "{refused}");
    options.pseudonym_key = Some([7; 32]);
    let read = read(None, &[path], &options)?;
    let ids = read.texts(Entity::Orders, "customer_id");
    assert_eq!((&ids[0], &ids[2]), (&ids[1], &None));
    assert!(ids[0].as_ref().is_some_and(|id| id.starts_with("p-") && !id.contains('@')));
    assert_eq!(read.identities.len(), 2);
    assert_eq!(read.numbers(Entity::Orders, "total_cents"), [500, 600, 700]);
    Ok(())
}

#[test]
fn lines_and_returns_of_cancelled_orders_are_worth_nothing() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    put(
        folder.path(),
        "orders.csv",
        "order_id,customer_id,ordered_at,status,total_cents\no1,c1,2024-04-01,Canceled,900\no2,c1,2024-04-02,paid,500\n\
         o3,c1,2024-04-03,voided,300\n",
    );
    put(
        folder.path(),
        "order_items.csv",
        "order_id,line_no,customer_id,ordered_at,product_id,quantity,unit_price_cents,discount_cents,kind\n\
         o1,1,c1,2024-04-01,p1,2,500,100,product\no2,1,c1,2024-04-02,p1,1,500,0,\no2,2,c1,2024-04-02,p2,1,70,0,cancelled\n\
         o3,1,c1,2024-04-03,post,1,300,0,charge\n",
    );
    put(folder.path(), "returns.csv", "return_id,order_id,returned_at,amount_cents\nr1,o1,2024-04-05,900\nr2,o2,2024-04-05,50\n");
    let all = read(None, &[folder.path().to_path_buf()], &ReadOptions::new("UTC", "EUR"))?;
    assert_eq!(all.numbers(Entity::OrderItems, "total_cents"), [0, 500, 0, 0]);
    assert_eq!(all.numbers(Entity::OrderItems, "discount_cents"), [0, 0, 0, 0]);
    assert_eq!(all.numbers(Entity::OrderItems, "unit_price_cents"), [500, 500, 70, 300]);
    assert_eq!((all.count(Entity::OrderItems, "kind", "cancelled"), all.count(Entity::OrderItems, "kind", "product")), (3, 1));
    assert_eq!((all.count(Entity::Orders, "status", "cancelled"), all.count(Entity::Orders, "status", "paid")), (2, 1));
    assert_eq!(all.numbers(Entity::Orders, "total_cents"), [900, 500, 300]);
    assert_eq!(all.numbers(Entity::Returns, "amount_cents"), [0, 50]);
    assert_eq!((all.stated.as_str(), all.net_cents()), ("4.50", 450));

    let flat = "id,when,who,what,n,price,status\n1,2024-01-01,c1,x,2,5.00,Voided\n2,2024-01-02,c1,x,1,7.00,ok\n1,2024-01-01,c1,y,1,3.00,Voided\n";
    let path = put(folder.path(), "sales.csv", flat);
    let mut options = ReadOptions::new("UTC", "EUR");
    let mapping = r#"
        [[table]]
        table = "orders"
        columns = { order_id = "id", ordered_at = "when", customer_id = "who", status = "status", total_cents = "price" }
        [[table]]
        table = "order_items"
        columns = { order_id = "id", ordered_at = "when", customer_id = "who", product_id = "what", quantity = "n", unit_price_cents = "price" }
    "#;
    options.mapping = Some(Mapping::parse(mapping).expect("mapping"));
    let flat = read(None, &[path], &options)?;
    assert_eq!(flat.numbers(Entity::OrderItems, "total_cents"), [0, 700, 0]);
    assert_eq!((flat.stated.as_str(), flat.count(Entity::OrderItems, "kind", "cancelled")), ("7.00", 2));
    Ok(())
}

#[test]
fn amounts_beyond_every_bound_are_rejected_where_they_stand() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let good = "0,2023-01-02,a,x,1,5\n".repeat(9);
    let bad = "1,2023-01-02,a,x,1,99999999999999999999\n2,2023-01-02,a,x,99999999999,9999999999\n\
               3,2023-01-02,a,x,1,92233720368547758\n4,2023-01-02,a,x,1000000000,10000000\n5,2023-01-02,a,x,1,10000000000001\n\
               6,2023-01-02,a,x,1,10000000000000\n";
    let path = put(folder.path(), "sales.csv", &format!("o,d,c,p,q,pr\n{good}{bad}"));
    let mut options = ReadOptions::new("UTC", "EUR");
    let mapping = "[[table]]\ntable = \"order_items\"\n\
                   columns = { order_id = \"o\", ordered_at = \"d\", customer_id = \"c\", product_id = \"p\", quantity = \"q\", unit_price_cents = \"pr\" }";
    options.mapping = Some(Mapping::parse(mapping).expect("mapping"));
    let read = read(None, &[path], &options)?;
    let large = "is too large an amount";
    let rejects: Vec<_> = read
        .rejects
        .iter()
        .map(|r| (r.column.as_deref().unwrap_or(""), r.value.as_deref().unwrap_or(""), r.reason.as_str()))
        .collect();
    assert_eq!(
        rejects,
        [
            ("pr", "99999999999999999999", large),
            ("q", "99999999999", "is above 1000000000, the most that one line may hold"),
            ("pr", "92233720368547758", large),
            ("pr", "10000000", large),
            ("pr", "10000000000001", large),
        ]
    );
    // Orders 1 to 5 had no other line: a rejected line makes no order.
    assert_eq!(read.texts(Entity::Orders, "order_id"), [Some("0".to_owned()), Some("6".to_owned())]);
    // What is no amount is in no sum; ten million millions are the most that one line may come to.
    assert_eq!((read.stated.as_str(), read.rejected.as_str()), ("10000000000045", "0"));
    assert_eq!(read.numbers(Entity::OrderItems, "total_cents")[9], 1_000_000_000_000_000);
    Ok(())
}

#[test]
fn an_address_is_no_customer_id() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let options = ReadOptions::new("UTC", "EUR");
    let refused = |file: &str, text: &str, options: &ReadOptions| {
        let path = put(folder.path(), file, text);
        let refused = read(None, &[path], options).expect_err("an address as an id").to_string();
        assert!(refused.contains(file) && refused.contains("pseudonym = \"COLUMN\"") && !refused.contains("ann@"), "{refused}");
    };
    let orders = "order_id,customer_id,ordered_at,total_cents\no1,c1,2024-04-01,900\no2,ann@shop.example,2024-04-02,500\n";
    refused("orders.csv", orders, &options);
    refused(
        "retail.csv",
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n1,A,LAMP,6,2010-12-13,2.5,ann@shop.example,France\n",
        &ReadOptions::new("UTC", "GBP"),
    );
    let mut mapped = options.clone();
    let mapping = "[[table]]\ntable = \"orders\"\ncolumns = { order_id = \"id\", ordered_at = \"when\", total_cents = \"sum\", customer_id = \"who\" }\n";
    mapped.mapping = Some(Mapping::parse(mapping).expect("mapping"));
    refused("o.csv", "id,who,when,sum\n1,ann@shop.example,2024-04-01,5\n", &mapped);
    // An address in a row that is rejected for another reason is hidden.
    let text = "id,who,when,sum\n1,ann@shop.example,soon,5\n2,c2,2024-04-01,5\n";
    let read = read(None, &[put(folder.path(), "p.csv", text)], &mapped)?;
    let [reject] = read.rejects.as_slice() else { panic!("{:?}", read.rejects) };
    assert_eq!((reject.column.as_deref(), reject.raw.as_str()), (Some("when"), "1 | [hidden] | soon | 5"));
    Ok(())
}

#[test]
fn names_of_google_analytics_become_canonical() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let names = [
        ("view_item", "product_viewed"),
        ("add_to_cart", "product_added"),
        ("remove_from_cart", "product_removed"),
        ("begin_checkout", "checkout_started"),
        ("purchase", "order_completed"),
        ("refund", "order_refunded"),
        ("view_item_list", "product_list_viewed"),
        ("add_to_wishlist", "product_added_to_wishlist"),
        ("search", "products_searched"),
        ("view_cart", "cart_viewed"),
        ("add_payment_info", "payment_info_entered"),
        ("view_promotion", "promotion_viewed"),
        ("session_start", "session_started"),
        ("Loyalty Card", "loyalty_card"),
        ("product_viewed", "product_viewed"),
    ];
    let rows: String = names.iter().map(|(name, _)| format!("{name},1700000000000000\n")).collect();
    let path = put(folder.path(), "ga4.csv", &format!("event_name,event_timestamp\n{rows}"));
    let mut options = ReadOptions::new("UTC", "EUR");
    let mapping = "dates = \"epoch-microseconds\"\n[[table]]\ntable = \"events\"\n\
                   columns = { name = \"event_name\", occurred_at = \"event_timestamp\" }\n";
    options.mapping = Some(Mapping::parse(mapping).expect("mapping"));
    let found = read(None, &[path], &options)?.texts(Entity::Events, "name");
    assert_eq!(found.iter().flatten().collect::<Vec<_>>(), names.iter().map(|(_, name)| name).collect::<Vec<_>>());
    let path = put(folder.path(), "events.csv", &format!("name,occurred_at\n{}", rows.replace("1700000000000000", "2024-01-01")));
    let found = read(Some("perennial"), &[path], &ReadOptions::new("UTC", "EUR"))?.texts(Entity::Events, "name");
    assert_eq!(found.iter().flatten().collect::<Vec<_>>(), names.iter().map(|(_, name)| name).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_mapping_is_part_of_what_a_file_says() {
    let (one, other) = (Mapping::parse("decimal = \",\"").expect("one"), Mapping::parse("decimal = \".\"").expect("other"));
    assert_eq!(one.content_of("ab"), one.content_of("ab"));
    assert!(one.content_of("ab") != other.content_of("ab") && one.content_of("ab") != one.content_of("ba"));
    assert_eq!(one.content_of("ab").len(), 64);
}

#[test]
fn another_currency_is_in_no_sum() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let text = "order_id,line_no,ordered_at,product_id,quantity,total_cents,currency\no1,1,2024-01-01,p,1,500,EUR\no2,1,2024-01-01,p,1,900,USD\n";
    let read = read(None, &[put(folder.path(), "order_items.csv", text)], &ReadOptions::new("UTC", "EUR"))?;
    assert_eq!((read.stated.as_str(), read.rejected.as_str(), read.rejects.len()), ("5.00", "0", 1));
    Ok(())
}

#[test]
fn ids_of_parquet_are_whole_numbers_or_text() {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("orders.parquet");
    let read_with = |ids: ArrayRef| {
        let owners: ArrayRef = Arc::new(Float64Array::from(vec![Some(27.0), None]));
        let times: ArrayRef = Arc::new(StringArray::from(vec!["2024-01-01", "2024-1-2"]));
        let totals: ArrayRef = Arc::new(Int64Array::from(vec![100, 200]));
        let columns = [("order_id", ids), ("customer_id", owners), ("ordered_at", times), ("total_cents", totals)];
        let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).expect("rows");
        let file = std::fs::File::create(&path).expect("file");
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, rows.schema(), None).expect("writer");
        writer.write(&rows).expect("written");
        writer.close().expect("closed");
        read(None, std::slice::from_ref(&path), &ReadOptions::new("UTC", "EUR"))
    };
    let orders = read_with(Arc::new(Float64Array::from(vec![1.0, 2.0]))).expect("whole numbers");
    assert_eq!(orders.texts(Entity::Orders, "order_id"), [Some("1".to_owned()), Some("2".to_owned())]);
    assert_eq!(orders.texts(Entity::Orders, "customer_id"), [Some("27".to_owned()), None]);
    let refused = read_with(Arc::new(BinaryArray::from(vec![b"a".as_slice(), b"b"]))).expect_err("bytes");
    assert!(refused.to_string().contains("\"order_id\" holds values of type bytes"), "{refused}");
}

#[test]
fn free_texts_are_masked_in_every_table() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let said = "write to ann@secret.example or 0170 1234567";
    for (name, text) in [
        ("surveys.csv", format!("customer_id,answered_at,kind,score,comment\nc1,2024-01-01,nps,9,{said}\n")),
        ("tickets.csv", format!("ticket_id,opened_at,channel,topic\nt1,2024-01-01,mail,{said}\n")),
        ("messages.csv", format!("ticket_id,sent_at,sender,body,language\nt1,2024-01-01,customer,{said},en\n")),
        ("returns.csv", format!("return_id,returned_at,amount_cents,reason\nr1,2024-01-01,5,{said}\n")),
        ("reviews.csv", format!("review_id,reviewed_at,rating,body\nv1,2024-01-01,5,{said}\nv2,2024-01-01,9,{said}\n")),
        ("customers.csv", "customer_id,attributes\nc1,\"{\"\"income\"\":5,\"\"passport\"\":\"\"X1234567\"\"}\"\n".to_owned()),
    ] {
        put(folder.path(), name, &text);
    }
    let read = read(None, &[folder.path().to_path_buf()], &ReadOptions::new("UTC", "EUR"))?;
    let masked = Some("write to [email] or [phone]".to_owned());
    for (entity, column) in [
        (Entity::Surveys, "comment"),
        (Entity::Tickets, "topic"),
        (Entity::Messages, "body"),
        (Entity::Returns, "reason"),
        (Entity::Reviews, "body"),
    ] {
        assert_eq!(read.texts(entity, column), std::slice::from_ref(&masked), "{entity}");
    }
    assert_eq!(read.texts(Entity::Customers, "attributes"), [Some(r#"{"income":5}"#.to_owned())]);
    assert_eq!(read.cells_masked, 6);
    let [reject] = read.rejects.as_slice() else { panic!("{:?}", read.rejects) };
    assert!(reject.raw.contains("[email] or [phone]") && !reject.raw.contains("ann@"), "{}", reject.raw);
    Ok(())
}

const SALES: &str = r#"
    [[table]]
    table = "order_items"
    columns = { order_id = "Beleg", ordered_at = "Datum", customer_id = "Kunde", product_id = "Artikel", quantity = "Menge", unit_price_cents = "Preis" }
    [[table]]
    table = "customers"
    columns = { customer_id = "Kunde", email = "Mail" }
"#;

#[test]
fn a_table_that_finds_its_columns_nowhere_is_a_refusal() {
    let folder = tempfile::tempdir().expect("folder");
    let sales =
        put(folder.path(), "sales.csv", "Beleg,Datum,Kunde,Mail,Artikel,Menge,Preis\n1,2024-01-01,c1,a@b.example,X,1,5\n");
    let with = |mapping: &str| {
        let mut options = ReadOptions::new("UTC", "EUR");
        options.mapping = Some(Mapping::parse(mapping).expect("mapping"));
        read(None, std::slice::from_ref(&sales), &options)
    };
    assert_eq!(with(SALES).expect("good").rows(Entity::OrderItems), 1);
    let refused = with(&SALES.replace("\"Preis\"", "\"Preiss\"")).expect_err("a mistyped column").to_string();
    for part in
        ["table order_items", "sales.csv has no column \"Preiss\"", "\"Preis\" comes nearest", "Beleg, Datum, Kunde, Mail"]
    {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    let elsewhere = SALES.replace("table = \"customers\"", "table = \"customers\"\nfile = \"people*.csv\"");
    let refused = with(&elsewhere).expect_err("no such file").to_string();
    assert!(refused.contains("customers from \"people*.csv\"") && refused.contains("given are sales.csv"), "{refused}");
}

#[test]
fn guests_of_a_mapped_file_are_no_bad_customers() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let text = "Beleg,Datum,Kunde,Mail,Artikel,Menge,Preis\n1,2024-01-01,c1,a@b.example,X,1,5\n2,2024-01-02,,,X,1,7\n\
                3,2024-01-02,,g@b.example,X,1,1\n,2024-01-03,c1,,X,1,3\n4,2024-01-03\n5,2024-01-04,c1,,X,2,2\n";
    let sales = put(folder.path(), "sales.csv", text);
    let mut options = ReadOptions::new("UTC", "EUR");
    options.mapping = Some(Mapping::parse(SALES).expect("mapping"));
    let read_sales = read(None, &[sales], &options)?;
    assert_eq!((read_sales.rows(Entity::Customers), read_sales.rows(Entity::Orders), read_sales.net_cents()), (1, 4, 1_700));
    assert_eq!(read_sales.texts(Entity::OrderItems, "customer_id").iter().filter(|id| id.is_none()).count(), 2);
    let rejects: Vec<_> = read_sales.rejects.iter().map(|r| (r.entity, r.row, r.reason.as_str())).collect();
    let expected = [(4, "order_id is missing"), (5, "has fewer cells than the header")];
    assert_eq!(rejects, expected.map(|(row, reason)| (Entity::OrderItems, row, reason)));
    assert_eq!(read_sales.rejects[0].column.as_deref(), Some("Beleg"));
    // In a file of customers a row without an id is bad.
    let people = put(folder.path(), "people.csv", "Kunde,Mail\nc1,\n,x@y.example\nc3,\n");
    options.mapping = Some(Mapping::parse(&SALES[SALES.rfind("[[table]]").expect("table")..]).expect("mapping"));
    let read_people = read(None, &[people], &options)?;
    assert_eq!((read_people.rows(Entity::Customers), read_people.rejects[0].reason.as_str()), (2, "customer_id is missing"));
    Ok(())
}

#[test]
fn the_share_of_bad_rows_is_a_setting() {
    let folder = tempfile::tempdir().expect("folder");
    let path =
        put(folder.path(), "reviews.csv", "review_id,reviewed_at,rating\nv1,2024-01-01,5\nv2,2024-01-01,9\nv3,2024-01-01,0\n");
    let with = |share: f64| {
        let mut options = ReadOptions::new("UTC", "EUR");
        options.limits.reject_share_max = share;
        read(None, std::slice::from_ref(&path), &options)
    };
    let refused = with(0.5).expect_err("two of three").to_string();
    assert!(refused.contains("2 of its 3 rows") && refused.contains("import.reject_share_max = 0.5"), "{refused}");
    assert_eq!(with(0.7).expect("a patient shop").rows(Entity::Reviews), 1);
}

#[test]
fn rows_say_where_they_stand() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    for (name, rows) in [
        ("a.csv", "1,2024-01-01,c1,,X,1,5\n1,2024-01-01,c1,,Y,0,5\n1,2024-01-01,c1,,Z,1,5\n"),
        ("b.csv", "2,2024-01-01,c1,,X,1,5\n"),
    ] {
        put(folder.path(), name, &format!("Beleg,Datum,Kunde,Mail,Artikel,Menge,Preis\n{rows}"));
    }
    let mut options = ReadOptions::new("UTC", "EUR");
    options.mapping = Some(Mapping::parse(SALES).expect("mapping"));
    let mut source = perennial_lake::source::open(None, &[folder.path().to_path_buf()], &options)?;
    let mut found = std::collections::BTreeMap::new();
    while let Some(batch) = source.next_batch()? {
        let places = batch.places.iter().map(|place| (place.at, place.file.to_string(), place.row));
        found.entry(batch.entity).or_insert_with(Vec::new).extend(places);
    }
    let place = |at, file: &str, row| (at, file.to_owned(), row);
    assert_eq!(found[&Entity::OrderItems], [place(0, "a.csv", 1), place(1, "a.csv", 3), place(2, "b.csv", 1)]);
    assert_eq!(found[&Entity::Customers], [place(0, "a.csv", 1)]);
    // Orders were made of many rows.
    assert_eq!(found[&Entity::Orders], [place(0, "", 0)]);
    Ok(())
}

#[test]
fn facts_name_files_by_their_content() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    put(folder.path(), "b.csv", "x\n");
    put(folder.path(), "a.csv", "abc");
    put(folder.path(), "README.md", "no data");
    let facts = facts(&[folder.path().to_path_buf()])?;
    let found: Vec<_> = facts.iter().map(|fact| (fact.name.as_str(), fact.bytes)).collect();
    assert_eq!(found, [("a.csv", 3), ("b.csv", 2)]);
    // FIPS 180-2, appendix B.1.
    assert_eq!(facts[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    Ok(())
}

#[test]
fn a_table_is_the_same_as_csv_json_lines_and_parquet() -> Result<(), SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let csv = put(
        folder.path(),
        "orders.csv",
        "order_id,ordered_at,total_cents,coupon_codes,channel,delivered_at\n\
         o1,2024-05-01T22:30:00.250Z,1200,A|B,web,2024-05-03T00:00:00Z\n\
         o2,1999-12-31T23:59:59Z,5,,\"a \"\"shop\"\"\",\n",
    );
    let lines = put(
        folder.path(),
        "orders.jsonl",
        "{\"order_id\":\"o1\",\"ordered_at\":\"2024-05-01T22:30:00.250Z\",\"total_cents\":1200,\"coupon_codes\":[\"A\",\"B\"],\"channel\":\"web\",\"delivered_at\":\"2024-05-03T00:00:00Z\"}\n\
         {\"order_id\":\"o2\",\"ordered_at\":\"1999-12-31T23:59:59Z\",\"total_cents\":5,\"channel\":\"a \\\"shop\\\"\"}\n",
    );
    let options = ReadOptions::new("Europe/Paris", "EUR");
    let from_csv = read(None, &[csv], &options)?;
    assert_eq!(from_csv.days(Entity::Orders, "ordered_on"), [19_845, 10_957]);
    assert_eq!(from_csv.tables, read(None, &[lines], &options)?.tables);
    let parquet = folder.path().join("orders.parquet");
    let stored = &from_csv.tables[&Entity::Orders][0];
    let file = std::fs::File::create(&parquet).expect("file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, stored.schema(), None).expect("writer");
    writer.write(stored).expect("written");
    writer.close().expect("closed");
    assert_eq!(from_csv.tables, read(None, &[parquet], &options)?.tables);
    Ok(())
}
