//! Exports of shop systems and trackers, on small files written after their documented columns.

use std::path::{Path, PathBuf};

use perennial_contract::Entity;
use perennial_contract::source::SourceError;
use perennial_lake::source::{ReadOptions, detect};

use crate::hostile::workbook;
use crate::source::{Read, read};

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

fn load(format: &str, name: &str, bytes: impl AsRef<[u8]>) -> Result<Read, SourceError> {
    let folder = tempfile::tempdir().expect("folder");
    let path = put(folder.path(), name, bytes);
    let mut options = ReadOptions::new("America/New_York", "USD");
    options.pseudonym_key = Some([7; 32]);
    assert_eq!(detect(std::slice::from_ref(&path), &options)?.name, format);
    let read = read(None, &[path], &options)?;
    read.check_keys();
    Ok(read)
}

const SHOPIFY: &str = "\
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Lineitem discount,Billing Name,Billing Street,Billing City,Billing Zip,Billing Province,Billing Country,Refunded Amount,Vendor,Id,Source,Phone,Cancelled at
#1001,ann@shop.example,paid,2023-01-05 10:33:25 -0500,fulfilled,2023-01-06 09:00:00 -0500,yes,USD,27.00,5.00,2.10,34.10,SAVE10,3.00,Standard,2023-01-05 10:33:22 -0500,2,Mug,10.00,MUG-1,0.00,Ann Lee,1 Lane,York,10001,NY,US,0.00,Potter,1,web,+1 555 0100,
#1001,ann@shop.example,,,,,,,,,,,,,,2023-01-05 10:33:22 -0500,1,Plate,10.00,,0.00,,,,,,,,Potter,,,,
#1002,Ann@Shop.example,refunded,2023-02-01 08:00:00 -0500,,,yes,USD,10.00,5.00,0.00,15.00,,0.00,Standard,2023-02-01 07:59:00 -0500,1,Mug,10.00,MUG-1,0.00,Ann Lee,1 Lane,York,10001,NY,US,15.00,Potter,2,web,,
#1003,bob@shop.example,paid,,,,no,EUR,10.00,0.00,0.00,10.00,,0.00,,2023-02-02 07:59:00 -0500,1,Mug,10.00,MUG-1,0.00,Bob,2 Lane,York,10001,NY,US,0.00,Potter,3,web,,
#1003,bob@shop.example,,,,,,,,,,,,,,2023-02-02 07:59:00 -0500,1,Plate,4.00,,0.00,,,,,,,,Potter,,,,
#1004,,pending,,,,no,USD,8.00,0.00,0.00,8.00,,0.00,,2023-02-03 23:30:00 -0500,2,Spoon,4.00,SP,0.00,,,,,,,0.00,Potter,4,pos,,
";

#[test]
fn shopify_orders_stand_on_their_first_row() -> Result<(), SourceError> {
    let read = load("shopify-orders", "orders_export_1.csv", SHOPIFY)?;
    assert_eq!((read.rows(Entity::Orders), read.rows(Entity::OrderItems), read.rows(Entity::Returns)), (3, 4, 1));
    // The 3.00 off order 1001 is shared 2:1 among its lines.
    assert_eq!(read.numbers(Entity::OrderItems, "total_cents"), [1_800, 900, 1_000, 800]);
    assert_eq!(read.numbers(Entity::Orders, "subtotal_cents"), [3_000, 1_000, 800]);
    assert_eq!(read.numbers(Entity::Orders, "total_cents"), [3_410, 1_500, 800]);
    // 15.00 came back with the shipping: the goods were 10.00.
    assert_eq!(read.numbers(Entity::Returns, "amount_cents"), [1_000]);
    let statuses = read.texts(Entity::Orders, "status");
    assert_eq!(statuses.iter().flatten().map(String::as_str).collect::<Vec<_>>(), ["completed", "refunded", "pending"]);
    let owners = read.texts(Entity::OrderItems, "customer_id");
    assert!(owners[0].is_some() && owners[0] == owners[2] && owners[3].is_none());
    assert_eq!(read.rejects.len(), 2);
    // The 14.00 of order 1003 are euros: they add up with nothing here.
    assert_eq!((read.stated.as_str(), read.rejected.as_str()), ("35.00", "0"));
    assert!(read.rejects.iter().all(|reject| !reject.raw.contains("bob@") && !reject.raw.contains("Lane")), "{:?}", read.rejects);
    assert_eq!(read.rows(Entity::Consents), 1);
    let kinds: Vec<_> = read.identities.iter().map(|identity| identity.kind.name()).collect();
    assert_eq!(kinds, ["email", "name", "phone", "address"]);
    Ok(())
}

const SHOPIFY_CANCELLED: &str = "\
Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem discount,Refunded Amount,Cancelled at
#1,ann@shop.example,paid,USD,10.00,0,0,10.00,0,2023-01-05 10:33:22 -0500,1,Mug,10.00,0,0,
#2,ann@shop.example,refunded,USD,20.00,5.00,0,25.00,2.00,2023-01-06 10:33:22 -0500,2,Mug,11.00,0,25.00,2023-01-07 10:33:22 -0500
#3,bob@shop.example,voided,USD,30.00,0,0,30.00,0,2023-01-06 10:33:22 -0500,1,Vase,30.00,0,0,
#4,bob@shop.example,paid,USD,40.00,0,0,40.00,0,2023-01-06 10:33:22 -0500,1,Vase,99999999999999999999,0,0,
#5,bob@shop.example,paid,USD,40.00,99999999999999999999,0,40.00,0,2023-01-06 10:33:22 -0500,1,Vase,40.00,0,0,
#6,bob@shop.example,paid,USD,40.00,0,0,40.00,0,2023-01-06 10:33:22 -0500,2000000000,Vase,1.00,0,0,
#7,bob@shop.example,paid,USD,7.00,0,0,7.00,0,2023-01-08 10:33:22 -0500,1,Vase,7.00,0,0,
";

#[test]
fn cancelled_orders_of_shopify_are_kept_and_worth_nothing() -> Result<(), SourceError> {
    let read = load("shopify-orders", "orders.csv", SHOPIFY_CANCELLED)?;
    let texts = |entity, column| read.texts(entity, column).into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(texts(Entity::Orders, "status"), ["completed", "cancelled", "cancelled", "completed", "completed", "completed"]);
    assert_eq!(texts(Entity::OrderItems, "kind"), ["product", "cancelled", "cancelled", "product"]);
    assert_eq!(read.numbers(Entity::OrderItems, "total_cents"), [1_000, 0, 0, 700]);
    assert_eq!(read.numbers(Entity::OrderItems, "discount_cents"), [0, 0, 0, 0]);
    // What was ordered stays: quantity, unit price, and the order's own amounts.
    assert_eq!(read.numbers(Entity::OrderItems, "quantity"), [1, 2, 1, 1]);
    assert_eq!(read.numbers(Entity::OrderItems, "unit_price_cents"), [1_000, 1_100, 3_000, 700]);
    assert_eq!(read.numbers(Entity::Orders, "total_cents")[..3], [1_000, 2_500, 3_000]);
    // Nothing was earned with order 2, so its refund takes nothing away.
    assert_eq!(read.rows(Entity::Returns), 0);
    assert_eq!((read.stated.as_str(), read.net_cents()), ("57.00", 1_700));
    let rejects: Vec<_> = read.rejects.iter().map(|r| (r.row, r.column.as_deref(), r.reason.as_str())).collect();
    assert_eq!(
        rejects,
        [
            (4, Some("Lineitem price"), "is too large an amount"),
            (5, Some("Shipping"), "is too large an amount"),
            (6, Some("Lineitem quantity"), "is above 1000000000, the most that one line may hold"),
        ]
    );
    Ok(())
}

#[test]
fn unpaid_and_failed_orders_of_woocommerce_are_no_sale() -> Result<(), SourceError> {
    let head = "Order Number,Order Status,Order Date,Email (Billing),Quantity,Item Cost,SKU,Item Name,Order Refund Amount\n";
    let statuses = ["Completed", "Pending payment", "Failed", "trash", "wc-cancelled", "checkout-draft", "On hold", "Processing"];
    let rows: String = statuses
        .iter()
        .enumerate()
        .map(|(n, status)| format!("{n},{status},01/2{n}/2023,a{n}@shop.example,1,{}.00,V1,Vase,{n}\n", 10 + n))
        .collect();
    let read = load("woocommerce", "orders.csv", format!("{head}{rows}"))?;
    assert_eq!((read.rows(Entity::Orders), read.count(Entity::Orders, "status", "cancelled")), (8, 5));
    assert_eq!(read.numbers(Entity::OrderItems, "total_cents"), [1_000, 0, 0, 0, 0, 0, 1_600, 1_700]);
    assert_eq!(read.count(Entity::OrderItems, "kind", "product"), 3);
    assert_eq!((read.rows(Entity::Returns), read.net_cents()), (2, 1_000 + 1_600 + 1_700 - 600 - 700));
    Ok(())
}

#[test]
fn lines_of_woocommerce_say_what_came_back() -> Result<(), SourceError> {
    let text = "order_id,order_number,date,status,shipping_total,tax_total,discount_total,order_total,refunded_total,order_currency,customer_id,billing_email,billing_country,item_sku,item_name,item_quantity,item_total,item_subtotal,item_refunded,item_refunded_qty\n\
                77,77,2023/3/2 8:03,completed,5.00,0.00,0.00,45.00,10.00,USD,3,jane@ex.example,US,TS,Shirt,2,40.00,40.00,10.00,1\n\
                78,78,03/12/2023 14:22,completed,5.00,0.00,0.00,45.00,22.50,USD,3,jane@ex.example,US,TS,Shirt,2,40.00,40.00,0,0\n\
                79,79,03/12/2023 14:22,completed,0,0.00,0.00,45.00,0,EUR,3,jane@ex.example,US,TS,Shirt,2,99.00,99.00,0,0\n";
    let read = load("woocommerce", "orders.csv", text)?;
    assert_eq!(read.days(Entity::Orders, "ordered_on"), [19_418, 19_428]);
    assert_eq!(read.numbers(Entity::OrderItems, "quantity"), [2, 2]);
    assert_eq!(read.numbers(Entity::OrderItems, "unit_price_cents"), [2_000, 2_000]);
    // What the line says, not a share of the order's refund; where no line says anything, half of the order's 45.00 came back.
    assert_eq!(read.numbers(Entity::Returns, "amount_cents"), [1_000, 2_000]);
    assert_eq!(read.numbers(Entity::Returns, "quantity"), [1, 0]);
    assert_eq!(read.texts(Entity::Returns, "product_id"), [Some("TS".to_owned()), None]);
    assert_eq!((read.stated.as_str(), read.net_cents(), read.rejects.len()), ("50.00", 5_000, 1));
    Ok(())
}

const WOO: &str = "\
Item Name,Order Number,Order Status,Order Date,Email (Billing),First Name (Billing),Last Name (Billing),Address 1&2 (Billing),Country Code (Billing),Quantity,Item Cost,SKU,Cart Discount Amount,Order Shipping Amount,Order Total Tax Amount,Order Refund Amount,Coupon Code
Lamp,501,Completed,01/13/2023 14:05,cy@shop.example,Cy,Roe,3 Lane,US,1,20.00,L1,5.00,4.00,0,0,FIVE
Bulb,501,Completed,01/13/2023 14:05,cy@shop.example,Cy,Roe,3 Lane,US,3,10.00,B1,5.00,4.00,0,0,FIVE
Lamp,502,Failed,02/01/2023 09:00,,,,,US,1,20.00,L1,0,0,0,0,
Lamp,503,Completed,13/13/2023 09:00,dee@shop.example,Dee,Roe,4 Lane,US,1,20.00,L1,0,0,0,0,
Vase,504,Completed,02/02/2023,dee@shop.example,Dee,Roe,4 Lane,US,0,20.00,V1,0,0,0,0,
Bulb,501,Completed,01/13/2023 14:05,cy@shop.example,Cy,Roe,3 Lane,US,1,10.00,B1,0,4.00,0,0,FIVE
";

#[test]
fn woocommerce_columns_may_stand_in_any_order() -> Result<(), SourceError> {
    let read = load("woocommerce", "orders.csv", WOO)?;
    assert_eq!((read.rows(Entity::Orders), read.rows(Entity::OrderItems)), (2, 4));
    // Order 502 failed.
    assert_eq!(read.numbers(Entity::OrderItems, "total_cents"), [1_800, 2_700, 0, 1_000]);
    // A line of order 501 that stands apart goes on counting.
    assert_eq!(read.numbers(Entity::OrderItems, "line_no"), [1, 2, 1, 3]);
    assert_eq!(read.numbers(Entity::Orders, "total_cents"), [4_900, 2_000]);
    assert_eq!(read.count(Entity::Orders, "status", "cancelled"), 1);
    assert_eq!(read.days(Entity::Orders, "ordered_on"), [19_370, 19_389]);
    let reasons: Vec<_> = read.reasons().into_iter().collect();
    assert_eq!(reasons, [("is not a date in the expected format", 1), ("is not a whole number above 0", 1)]);
    assert!(read.rejects.iter().all(|reject| !reject.raw.contains("dee@") && !reject.raw.contains("4 Lane")));
    assert_eq!(read.identities.len(), 3);
    Ok(())
}

const SEGMENT: &str = r#"{"type":"identify","userId":"u1","anonymousId":"a1","timestamp":"2024-05-01T10:00:00.000Z","traits":{"email":"eve@shop.example","name":"Eve Doe","birthday":"1990-04-05","address":{"street":"5 Lane","country":"US","state":"NY"},"createdAt":"2024-01-01T00:00:00Z"}}
{"type":"track","event":"Product Viewed","userId":"u1","anonymousId":"a1","messageId":"m1","timestamp":"2024-05-01T10:01:00Z","properties":{"product_id":"p1","email":"eve@shop.example"},"context":{"ip":"1.2.3.4"}}
{"type":"track","event":"add_to_cart","anonymousId":"a2","messageId":"m2","timestamp":"2024-05-01T10:02:00Z","properties":{"sku":"p2"}}
{"type":"track","event":"Order Completed","userId":"u1","messageId":"m3","timestamp":"2024-05-02T02:00:00Z","properties":{"order_id":"o1","currency":"USD","subtotal":25.5,"shipping":4,"tax":1.5,"discount":2.5,"coupon":"MAY","products":[{"product_id":"p1","name":"Mug","price":9,"quantity":2},{"product_id":"p2","name":"Cup","price":10}]}}
{"type":"track","event":"Order Completed","userId":"u1","messageId":"m4","timestamp":"2024-05-02T02:00:01Z","properties":{"order_id":"o1","currency":"USD","products":[{"product_id":"p1","price":28}]}}
{"type":"track","event":"Order Refunded","userId":"u1","messageId":"m5","timestamp":"2024-05-09T12:00:00Z","properties":{"order_id":"o1","currency":"USD","products":[{"product_id":"p2","price":10,"quantity":1}]}}
{"type":"track","event":"Product Reviewed","userId":"u1","messageId":"m6","timestamp":"2024-05-10T12:00:00Z","properties":{"product_id":"p1","review_body":"fine","rating":"4"}}
{"type":"page","userId":"zoe@shop.example","messageId":"m7","timestamp":"2024-05-10T12:00:00Z","properties":{}}
{"type":"track","event":"Product Viewed","messageId":"m8","timestamp":"soon","properties":{}}
not json
"#;

#[test]
fn segment_calls_become_events_orders_returns_reviews_and_customers() -> Result<(), SourceError> {
    let read = load("segment", "calls.jsonl", SEGMENT)?;
    let names: Vec<_> = read.texts(Entity::Events, "name").into_iter().flatten().collect();
    assert_eq!(
        names,
        ["product_viewed", "product_added", "order_completed", "order_refunded", "product_reviewed", "page_viewed"]
    );
    // 28.00 of goods, 2.50 off, at ten in the evening of the first of May in New York.
    assert_eq!(read.numbers(Entity::OrderItems, "total_cents"), [1_639, 911]);
    assert_eq!(
        (read.numbers(Entity::Orders, "total_cents"), read.days(Entity::Orders, "ordered_on")),
        (vec![3_100], vec![19_844])
    );
    assert_eq!((read.numbers(Entity::Returns, "amount_cents"), read.numbers(Entity::Reviews, "rating")), (vec![1_000], vec![4]));
    assert_eq!((read.rows(Entity::Customers), read.rows(Entity::Products)), (2, 2));
    assert_eq!(read.texts(Entity::Customers, "country")[0].as_deref(), Some("US"));
    assert_eq!(read.rejects.len(), 3);
    assert_eq!((read.stated.as_str(), read.rejected.as_str()), ("43.5", "28"));
    let everything = format!("{:?}{:?}", read.tables, read.rejects);
    for secret in ["eve@", "zoe@", "Eve Doe", "5 Lane", "1990-04-05"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    assert!(read.identities.iter().any(|identity| identity.value == "Eve Doe"));
    Ok(())
}

const SEGMENT_TELLING: &str = r#"{"type":"page","messageId":"n1","name":"Home","userId":"u1","timestamp":"2024-01-05T09:59:00Z","properties":{"url":"https://x.example/?email=bob@secret.example&page=2","search":"?token=s3cret","path":"/u/bob@secret.example","title":"Hello bob@secret.example"}}
{"type":"track","messageId":"n2","event":"Form Sent","userId":"u1","timestamp":"2024-01-05T09:59:00Z","properties":{"contact":{"Email":"bob@secret.example","firstName":"Bobby","lastname":"Secretname"},"note":"call +49 170 1234567","tel":"+491701234567","ip":"10.1.2.3","ean":"4006381333931","when":"2024-01-05"}}
{"type":"track","messageId":"n3","event":"Product Reviewed","userId":"u1","timestamp":"2024-01-06T09:59:00Z","properties":{"product_id":"p1","review_title":"Call 0170/1234567","review_body":"Great, mail me at zed@secret.example","rating":5}}
{"type":"track","messageId":"n4","event":"Order Completed","userId":"u1","timestamp":"2024-01-06T09:59:00Z","properties":{"order_id":"2024-0001-2345","currency":"USD","total":5,"billing_zip":"80331","products":[{"product_id":"p1","price":5,"quantity":1}]}}
"#;

#[test]
fn what_tells_who_somebody_is_stays_out_of_the_properties_and_texts_of_calls() -> Result<(), SourceError> {
    let read = load("segment", "calls.jsonl", SEGMENT_TELLING)?;
    let everything = format!("{:?}{:?}", read.tables, read.rejects);
    for secret in ["bob@", "zed@", "Bobby", "Secretname", "1234567", "10.1.2.3", "s3cret", "80331"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    let properties: Vec<_> = read.texts(Entity::Events, "properties").into_iter().flatten().collect();
    let left = r#"{"url":"https://x.example/?email=[hidden]&page=2","search":"?token=[hidden]","path":"/u/[email]","title":"Hello [email]"}"#;
    assert_eq!(properties[0], left);
    assert_eq!(properties[1], r#"{"contact":{},"note":"call [phone]","ean":"4006381333931","when":"2024-01-05"}"#);
    assert_eq!(read.texts(Entity::Reviews, "title"), [Some("Call [phone]".to_owned())]);
    assert_eq!(read.texts(Entity::Reviews, "body"), [Some("Great, mail me at [email]".to_owned())]);
    assert_eq!(read.texts(Entity::Orders, "order_id"), [Some("2024-0001-2345".to_owned())]);
    // Four texts of the page, six members of the form, two texts of the review and the zip code.
    assert_eq!(read.cells_masked, 13);
    let kept: Vec<_> = read.identities.iter().map(|identity| (identity.kind.name(), identity.value.as_str())).collect();
    let expected =
        [("name", "Bobby Secretname"), ("email", "bob@secret.example"), ("phone", "+491701234567"), ("address", "80331")];
    assert!(expected.iter().all(|one| kept.contains(one)), "{kept:?}");
    Ok(())
}

const SEGMENT_LATER: &str = r#"{"type":"track","event":"Product Viewed","anonymousId":"a1","messageId":"m1","timestamp":"2024-05-01T10:00:00Z","properties":{"product_id":"p1"}}
{"type":"track","event":"Product Viewed","anonymousId":"kiosk","messageId":"m2","timestamp":"2024-05-01T10:00:00Z","properties":{"product_id":"p1"}}
{"type":"track","event":"Order Completed","userId":"u1","anonymousId":"a1","messageId":"m3","timestamp":"2024-05-02T10:00:00Z","properties":{"order_id":"o1","total":27.50,"revenue":25.00,"shipping":3,"tax":2,"discount":2.5,"currency":"USD","products":[{"product_id":"p1","price":19,"quantity":1},{"product_id":"p2","price":3,"quantity":2}]}}
{"type":"track","event":"Order Completed","userId":"u1","anonymousId":"a1","messageId":"m3","timestamp":"2024-05-02T10:00:00Z","properties":{"order_id":"o1","total":27.50,"revenue":25.00,"shipping":3,"tax":2,"discount":2.5,"currency":"USD","products":[{"product_id":"p1","price":19,"quantity":1},{"product_id":"p2","price":3,"quantity":2}]}}
{"type":"track","event":"Order Refunded","userId":"u1","messageId":"m4","timestamp":"2024-05-05T10:00:00Z","properties":{"order_id":"o1","total":3.00,"currency":"USD","products":[{"product_id":"p2","quantity":1}]}}
{"type":"track","event":"Order Completed","userId":"u2","messageId":"m5","timestamp":"2024-05-06T10:00:00Z","properties":{"order_id":"o2","total":27.50,"shipping":3,"tax":2,"discount":2.5}}
{"type":"track","event":"Order Completed","userId":"u2","messageId":"m6","timestamp":"2024-05-07T10:00:00Z","properties":{"order_id":"o3","products":[{"product_id":"p1","price":7}]}}
{"type":"track","event":"Order Cancelled","userId":"u2","messageId":"m7","timestamp":"2024-05-08T10:00:00Z","properties":{"order_id":"o3"}}
{"type":"track","event":"Order Refunded","userId":"u2","messageId":"m8","timestamp":"2024-05-08T10:01:00Z","properties":{"order_id":"o3","total":7}}
{"type":"track","event":"purchase","userId":"u2","messageId":"m9","timestamp":"2024-05-09T10:00:00Z","properties":{"transaction_id":"o4","value":5,"items":[{"item_id":"p1","price":5}]}}
{"type":"track","event":"Order Updated","userId":"u2","messageId":"m10","timestamp":"2024-05-10T10:00:00Z","properties":{"order_id":"o4","products":[{"product_id":"p2","price":6,"quantity":2}]}}
{"type":"track","event":"Order Completed","userId":"u3","messageId":"m11","timestamp":"2024-05-10T10:00:00Z","properties":{"order_id":"o5","currency":"JPY","total":2750}}
{"type":"track","event":"Order Completed","userId":"u3","messageId":"m12","timestamp":"2024-05-10T10:00:00Z","properties":{"order_id":"o6","products":[{"product_id":"p1","price":"free"}]}}
{"type":"track","event":"Product Viewed","userId":"u3","messageId":"m13","timestamp":"yesterday","properties":{}}
{"type":"identify","userId":"u4","anonymousId":"kiosk","messageId":"m14","timestamp":"2024-05-11T10:00:00Z","traits":{}}
{"type":"identify","userId":"u5","anonymousId":"kiosk","messageId":"m15","timestamp":"2024-05-11T10:00:00Z","traits":{}}
{"type":"track","event":"Order Refunded","userId":"u2","messageId":"m16","timestamp":"2024-05-12T10:00:00Z","properties":{"order_id":"o4","total":2}}
"#;

#[test]
fn later_calls_of_segment_change_what_earlier_ones_meant() -> Result<(), SourceError> {
    let read = load("segment", "calls.jsonl", SEGMENT_LATER)?;
    let owners = read.texts(Entity::Events, "customer_id");
    // The visitor who became u1 is u1 from the start; a device that two people used is nobody's.
    assert_eq!((owners[0].as_deref(), owners[1].as_deref()), (Some("u1"), None));
    let orders: Vec<_> = read.texts(Entity::Orders, "order_id").into_iter().flatten().collect();
    assert_eq!(orders, ["o1", "o2", "o3", "o4"]);
    // 25.00 of goods less 2.50; 27.50 less shipping and tax, the discount being off already; cancelled; what it was changed to.
    assert_eq!(read.numbers(Entity::OrderItems, "total_cents"), [1_710, 540, 2_250, 0, 1_200]);
    assert_eq!(read.numbers(Entity::Orders, "total_cents"), [2_750, 2_750, 700, 1_200]);
    let kinds: Vec<_> = read.texts(Entity::OrderItems, "kind").into_iter().flatten().collect();
    assert_eq!(kinds, ["product", "product", "charge", "cancelled", "product"]);
    assert_eq!(read.count(Entity::Orders, "status", "cancelled"), 1);
    assert_eq!(read.days(Entity::Orders, "ordered_on")[3], 19_852, "an order keeps the day on which it was completed");
    assert_eq!(read.numbers(Entity::Returns, "amount_cents"), [300, 200]);
    assert_eq!(read.texts(Entity::Returns, "product_id"), [Some("p2".to_owned()), None]);
    // A message sent twice is no reject, and no sum takes it, the yen or the cancelled order in.
    assert_eq!((read.stated.as_str(), read.rejected.as_str(), read.net_cents()), ("52.0", "0", 5_200));
    let rejects: Vec<_> =
        read.rejects.iter().map(|r| (r.column.as_deref().unwrap_or(""), r.value.as_deref().unwrap_or(""))).collect();
    assert_eq!(rejects, [("properties.currency", "JPY"), ("products.price", "\"free\""), ("timestamp", "yesterday")]);
    Ok(())
}

#[test]
fn dates_held_as_text_in_a_workbook_are_read_like_those_of_the_csv() -> Result<(), SourceError> {
    let csv = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n\
               1,A,LAMP,6,12/13/2010 8:26,2.5,7,France\n2,A,LAMP,6,12/1/2010 9:41,2.5,7,France\n3,A,LAMP,6,2010/12/2 9:41,2.5,7,France\n";
    let cell = |text: &str| match text.parse::<f64>() {
        Ok(_) => format!("<c><v>{text}</v></c>"),
        Err(_) => format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>"),
    };
    let rows: String = csv.lines().map(|line| format!("<row>{}</row>", line.split(',').map(cell).collect::<String>())).collect();
    let from_text = load("online-retail", "retail.csv", csv)?;
    assert_eq!(from_text.tables, load("online-retail", "retail.xlsx", workbook(&rows))?.tables);
    assert_eq!(from_text.days(Entity::Orders, "ordered_on"), [14_956, 14_944, 14_945]);
    Ok(())
}

#[test]
fn online_retail_as_a_workbook_equals_the_csv() -> Result<(), SourceError> {
    let csv = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n\
               536365,85123A,LAMP,6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n\
               C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527,United Kingdom\n\
               536414,22139,,56,2010-12-01 11:52:00,0,,United Kingdom\n\
               A563186,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom\n";
    let cell = |text: &str| match text.parse::<f64>() {
        Ok(_) => format!("<c><v>{text}</v></c>"),
        Err(_) => format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>"),
    };
    let rows: String = csv.lines().map(|line| format!("<row>{}</row>", line.split(',').map(cell).collect::<String>())).collect();
    let from_text = load("online-retail", "retail.csv", csv)?;
    let from_book = load("online-retail", "retail.xlsx", workbook(&rows))?;
    assert_eq!(from_text.tables, from_book.tables);
    assert_eq!((from_text.stated.as_str(), from_text.net_cents()), ("-11074.26", -1_107_426));
    assert_eq!((from_text.rows(Entity::OrderItems), from_text.rows(Entity::Returns)), (2, 2));
    assert_eq!(from_text.count(Entity::Orders, "status", "adjustment"), 1);
    Ok(())
}
