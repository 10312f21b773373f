//! The main job on a simulated shop: the same bytes on replay, one customer equals the batch, importing twice changes nothing.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::shop::{TestShop, run};

fn simulated() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("exports").to_str().expect("UTF-8").to_owned();
    run(&["simulate", "--customers", "2500", "--seed", "3", "--out", &out]).ok();
    (folder, out)
}

fn scores(path: &Path) -> RecordBatch {
    let file = std::fs::File::open(path).expect("scores");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    assert!(builder.schema().metadata().contains_key("as_of"), "no as-of day in the metadata");
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    arrow::compute::concat_batches(&schema, &batches).expect("one batch")
}

#[test]
fn same_files_and_seed_give_the_same_scores_and_models() {
    let (_folder, exports) = simulated();
    let job = |threads: &str| {
        let shop = TestShop::new(&["shop.currency=USD", &format!("run.threads={threads}")]);
        shop.run(&["import", &exports]).ok();
        shop.run(&["run"]).ok();
        let models = ["churn", "value", "segment"].map(|task| {
            let mut files: Vec<_> = std::fs::read_dir(shop.dir().join("models").join(task))
                .expect("models")
                .map(|f| f.expect("a file").path())
                .collect();
            files.sort();
            files.iter().map(|file| std::fs::read(file).expect("a model")).collect::<Vec<_>>()
        });
        (std::fs::read(shop.dir().join("scores.parquet")).expect("scores"), models)
    };
    let (one, two) = (job("1"), job("2"));
    assert!(one.0 == two.0, "scores differ between one thread and two");
    assert!(one.1 == two.1, "models differ between one thread and two");
}

#[test]
fn one_customer_has_the_bits_of_the_batch() {
    let (_folder, exports) = simulated();
    let shop = TestShop::new(&["shop.currency=USD"]);
    shop.run(&["import", &exports]).ok();
    shop.run(&["run"]).ok();
    let all = scores(&shop.dir().join("scores.parquet"));
    let ids = all["customer_id"].as_string::<i32>();
    assert!(ids.len() > 1_000);
    for row in (0..ids.len()).step_by(ids.len() / 20) {
        let picture = shop.run(&["customer", ids.value(row), "--json"]).ok().json();
        let quarter = &picture["outlook"]["horizons"][2];
        let float = |name: &str| {
            let column = all[name].as_primitive::<Float64Type>();
            column.is_valid(row).then(|| column.value(row).to_bits())
        };
        for (column, told) in [
            ("p_no_order_90d", &quarter["p_no_order"]),
            ("orders_expected_90d", &quarter["orders_expected"]),
            ("next_order_days_q10", &picture["outlook"]["next_order_days"][0]),
        ] {
            assert_eq!(told.as_f64().map(f64::to_bits), float(column), "{column}");
        }
        let cents = all["spend_cents_90d_hi80"].as_primitive::<Int64Type>().value(row);
        assert_eq!(quarter["spend_cents_80"][1].as_i64(), Some(cents));
        assert_eq!(picture["outlook"]["stage"].as_str(), Some(all["stage"].as_string::<i32>().value(row)));
        let p = all["p_churn"].as_primitive::<Float64Type>().value(row);
        assert_eq!(picture["p_churn"].as_f64().map(f64::to_bits), Some(p.to_bits()), "{}", ids.value(row));
        for name in ["spend_cents", "spend_cents_lo80", "spend_cents_hi80"] {
            let cents = all[name].as_primitive::<Int64Type>().value(row);
            assert_eq!(picture[name].as_i64(), Some(cents), "{name} of {}", ids.value(row));
        }
        assert_eq!(picture["segment"].as_str(), Some(all["segment"].as_string::<i32>().value(row)));
        let eligible = all["eligible"].as_boolean().value(row);
        assert_eq!(picture["eligible"].as_bool(), Some(eligible), "{}", ids.value(row));
        assert_eq!(picture["not_eligible"].is_object(), !eligible, "{picture}");
    }
    let look_back = shop.run(&["models", "--json"]).ok().json()[0]["look_back_days"].as_i64().expect("days");
    let since = all["days_since_last_order"].as_primitive::<Int64Type>();
    let eligible = all["eligible"].as_boolean();
    assert!((0..ids.len()).all(|row| eligible.value(row) == (since.value(row) <= look_back)));
    assert!(eligible.true_count() > 0 && eligible.true_count() < ids.len());
    let silent = (0..ids.len()).find(|&row| !eligible.value(row)).expect("somebody silent");
    for (lang, words) in [("en", "longer than the look-back of"), ("zh", "天的回看期")] {
        assert!(shop.run(&["customer", ids.value(silent), "--lang", lang]).ok().out.contains(words));
    }
    what_a_card_says(&shop);
    hindsight_is_told(&shop);
}

/// The columns a model reads, not all there are; counts as counts.
fn what_a_card_says(shop: &TestShop) {
    let folder = std::fs::read_dir(shop.dir().join("models/churn")).expect("models");
    let cards = folder.map(|file| file.expect("a file").path()).filter(|path| path.extension().is_some_and(|e| e == "md"));
    let cards: Vec<String> = cards.map(|path| std::fs::read_to_string(path).expect("a card")).collect();
    let card = cards.iter().find(|card| card.starts_with("# bgnbd ")).expect("a card of BG/NBD");
    assert!(card.contains("## Features (3)\n\nx, t_x, t\n"), "{card}");
    let everybody = card.lines().find(|line| line.starts_with("| all |")).expect("a row");
    assert!(everybody.split('|').nth(2).is_some_and(|count| count.trim().parse::<u64>().is_ok()), "{everybody}");
}

/// Scores of a past day by a model of today say so, everywhere.
fn hindsight_is_told(shop: &TestShop) {
    let (now, past) = (shop.dir().join("now.parquet"), shop.dir().join("past.parquet"));
    let ran = shop.run(&["score", "--out", now.to_str().expect("UTF-8")]).ok();
    assert!(!ran.err.contains("hindsight"), "{ran:?}");
    let ran = shop.run(&["score", "--as-of", "2025-01-01", "--out", past.to_str().expect("UTF-8")]).ok();
    assert!(ran.err.contains("hindsight") && ran.err.contains("2025-01-01"), "{ran:?}");
    let metadata = |path: &Path, name: &str| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).expect("scores")).expect("Parquet");
        let text = builder.schema().metadata()[name].clone();
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")
    };
    assert_eq!(metadata(&now, "hindsight"), serde_json::json!([]));
    assert!(metadata(&past, "hindsight").as_array().expect("a list").contains(&"churn".into()));
    let trained = metadata(&past, "trained_as_of");
    assert!(trained["churn"].as_str().is_some_and(|day| day > "2025-01-01"), "{trained}");
    // The report of that day tells the windows of the models that answer, and that they know what came.
    let html = shop.dir().join("past.html");
    shop.run(&["report", "--as-of", "2025-01-01", "--out", html.to_str().expect("UTF-8")]).ok();
    let page = std::fs::read_to_string(&html).expect("a report");
    let models = shop.run(&["models", "--json"]).ok().json();
    let answers = models.as_array().expect("models").iter().find(|row| row["task"] == "churn" && row["status"] == "champion");
    let windows = &answers.expect("a champion")["metrics"]["plan"];
    let test: perennial_contract::Day = windows["test"].as_str().expect("a day").parse().expect("a day");
    let (year, month, day) = test.ymd();
    assert!(year == 2025 && page.contains(&format!("{year}年{month}月{day}日")), "{windows}");
    assert!(page.contains("Hindsight: the models of Churn") && !page.contains("is known to the models"));
    let cuts = windows["train"].as_array().expect("days").len();
    assert!(page.contains(&format!("{cuts} cuts, ")), "{windows}");
    let today = std::fs::read_to_string(shop.dir().join("report.html")).expect("a report");
    // The outlook's own windows stand beside the plan's.
    assert!(today.contains("Expected of today’s customers") && !today.contains("30 days (longer than any closed window"));
    assert!(!today.contains("Hindsight:") && today.contains("is known to the models"));
    let ids = scores(&past)["customer_id"].as_string::<i32>().clone();
    let picture = shop.run(&["customer", ids.value(0), "--as-of", "2025-01-01", "--json"]).ok().json();
    assert_eq!(picture["trained_as_of"], trained);
    assert!(picture["hindsight"].as_array().expect("a list").contains(&"churn".into()));
    // A look back makes models, and none of them takes the place of one that knows more.
    let back = shop.run(&["run", "--as-of", "2025-06-01", "--json"]).ok().json();
    assert!(
        back["kept"].as_array().expect("a list").iter().any(|row| row["task"] == "churn" && row["as_of"] == trained["churn"])
    );
    let models = shop.run(&["models", "--json"]).ok().json();
    let champions = models.as_array().expect("models").iter().filter(|row| row["status"] == "champion");
    assert!(champions.clone().count() > 2 && champions.clone().all(|row| row["as_of"] == trained["churn"]), "{models}");
}

/// A task that nobody answers has the reason of its best candidate, not of the first.
#[test]
fn the_reason_for_no_answer_is_that_of_the_best() {
    let (_folder, exports) = simulated();
    let shop = TestShop::new(&[
        "shop.currency=USD",
        "gate.total_error_max=0",
        "learn.churn=[\"bgnbd\", \"logistic_rfm\", \"logistic\"]",
    ]);
    shop.run(&["import", &exports]).ok();
    let ran = shop.run(&["run"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let models = shop.run(&["models", "--json"]).ok().json();
    let churn = models.as_array().expect("models").iter().filter(|row| row["task"] == "churn");
    let judged = churn.filter_map(|row| Some((row["metrics"]["test"]["log_loss"].as_f64()?, row)));
    let best = judged.min_by(|a, b| a.0.total_cmp(&b.0)).expect("a judged candidate").1;
    let reason = best["reason"].as_str().expect("a reason");
    assert!(reason.contains("gate.total_error_max") && best["name"] != "bgnbd", "{models}");
    assert!(ran.out.contains(&format!("churn: refused, nobody answers: {reason}")), "{ran:?}");
    let page = std::fs::read_to_string(shop.dir().join("report.html")).expect("a report");
    let section = page.split("<section id=\"en-churn\">").nth(1).and_then(|rest| rest.split("</section>").next());
    let total = reason.split(", ").next().expect("a first part");
    assert!(section.is_some_and(|section| section.contains(total)), "{section:?}");
}

#[test]
fn importing_twice_changes_nothing() {
    let (_folder, exports) = simulated();
    let shop = TestShop::new(&["shop.currency=USD"]);
    let first = shop.run(&["import", &exports, "--json"]).ok().json();
    assert_eq!(first["imported"], true);
    let before = shop.run(&["check", "--json"]).ok().out;
    let again = shop.run(&["import", &exports, "--json"]).ok().json();
    assert_eq!(again["imported"], false);
    assert_eq!(again["batch_id"], first["batch_id"]);
    assert_eq!(shop.run(&["check", "--json"]).ok().out, before);
}

#[test]
fn identities_never_reach_the_lake() {
    let (_folder, exports) = simulated();
    let customers = std::fs::read_to_string(Path::new(&exports).join("customers.csv")).expect("customers");
    let header: Vec<&str> = customers.lines().next().expect("a header").split(',').collect();
    let column = header.iter().position(|name| *name == "email").expect("the simulator writes e-mail addresses");
    let email = customers.lines().nth(1).and_then(|line| line.split(',').nth(column)).expect("an address").to_owned();
    assert!(email.contains('@'));
    let shop = TestShop::new(&["shop.currency=USD"]);
    shop.run(&["import", &exports]).ok();
    let mut folders = vec![shop.dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("a file");
            let is_inside = bytes.windows(email.len()).any(|window| window == email.as_bytes());
            assert!(!is_inside, "{} holds an e-mail address", path.display());
        }
    }
}

/// Cleaning is counted where the data are judged, changes what is learned and leaves the lake as it is.
#[test]
fn cleaning_is_counted_and_the_lake_keeps_what_the_files_said() {
    let shop = TestShop::new(&[]);
    let exports = shop.dir().join("exports");
    std::fs::create_dir(&exports).expect("a folder");
    std::fs::write(
        exports.join("orders.csv"),
        "order_id,customer_id,ordered_at,total_cents\no1,ada,2024-03-01T10:00:00Z,1000\no2,bob,2024-03-02T10:00:00Z,90000\n",
    )
    .expect("orders");
    let lines = "order_id,line_no,customer_id,ordered_at,product_id,quantity,unit_price_cents,total_cents\n\
                 o1,1,ada,2024-03-01T10:00:00Z,p1,1,500,500\n\
                 o1,2,ada,2024-03-01T10:00:00Z,p1,1,500,500\n\
                 o2,1,bob,2024-03-02T10:00:00Z,p2,1,90000,90000\n";
    std::fs::write(exports.join("order_items.csv"), lines).expect("lines");
    shop.run(&["import", "perennial", exports.to_str().expect("UTF-8")]).ok();
    let cleaning = ["--set", "cleaning.duplicate_lines=drop", "--set", "cleaning.line_cents_max=1000"];
    let left_out = ["--set", "cleaning.drop_customers=[\"bob\", \"bab\"]"];
    let checked = shop.run(&[&["check", "--json"][..], &cleaning, &left_out].concat()).ok().json();
    let counted = serde_json::json!({ "lines_dropped": 1, "lines_capped": 1, "customers_dropped": 1, "cells_filled": 0 });
    assert_eq!(checked["cleaning"], counted);
    let rules = checked["rules"].as_array().expect("rules");
    let unknown = rules.iter().find(|rule| rule["name"] == "dropped_customers").expect("the rule");
    assert!(unknown["finding"].as_str().is_some_and(|finding| finding.ends_with(": bab")), "{unknown}");
    assert_eq!(shop.run(&["check", "--json"]).ok().json()["cleaning"]["lines_dropped"], 0);
    // The lake keeps what the files said.
    assert_eq!(checked["net_revenue_cents"], 91_000);
    for (settings, ada, bob) in [(&cleaning[..], 500, 1_000), (&[][..], 1_000, 90_000)] {
        for (customer, cents) in [("ada", ada), ("bob", bob)] {
            let picture = shop.run(&[&["customer", customer, "--json"][..], settings].concat()).ok().json();
            assert_eq!(picture["spent_cents"], cents, "{customer} {settings:?}");
        }
    }
}

/// The same rows packed otherwise are other bytes: nothing is doubled, and the balance says what was there already.
#[test]
fn the_same_rows_in_another_packing_change_no_revenue() {
    let shop = TestShop::new(&[]);
    let exports = shop.dir().join("exports");
    std::fs::create_dir(&exports).expect("a folder");
    let orders = "order_id,customer_id,ordered_at,total_cents\no1,ada,2024-03-01T10:00:00Z,1000\n";
    let lines = "order_id,line_no,customer_id,ordered_at,product_id,quantity,unit_price_cents,total_cents\n\
                 o1,1,ada,2024-03-01T10:00:00Z,p1,2,500,1000\n";
    for end in ["", "\n"] {
        std::fs::write(exports.join("orders.csv"), format!("{orders}{end}")).expect("orders");
        std::fs::write(exports.join("order_items.csv"), format!("{lines}{end}")).expect("lines");
        shop.run(&["import", "perennial", exports.to_str().expect("UTF-8")]).ok();
    }
    let checked = shop.run(&["check", "--json"]).ok().json();
    assert_eq!(checked["net_revenue_cents"], 1_000);
    assert_eq!((&checked["reconciliation"]["loaded"], &checked["reconciliation"]["known"]), (&"20.00".into(), &"10.00".into()));
    assert!(shop.run(&["check"]).ok().out.contains("the lake holds 10.00"));
    for day in ["1990-01-01", "2024-03-01", "2050-01-01", "9999-12-31"] {
        let ran = shop.run(&["train", "--as-of", day]);
        assert!(ran.code == 2 && ran.err.contains("outside the data"), "{day}: {ran:?}");
    }
}

/// A shop's own SQL reads the tables and does nothing else, in features and in rules alike.
#[test]
fn own_sql_writes_nothing_and_opens_no_other_file() {
    let shop = TestShop::new(&[]);
    let exports = shop.dir().join("exports");
    std::fs::create_dir(&exports).expect("a folder");
    let orders = "order_id,customer_id,ordered_at,total_cents\no1,ada,2024-03-01T10:00:00Z,1000\n";
    std::fs::write(exports.join("orders.csv"), orders).expect("orders");
    shop.run(&["import", "perennial", exports.to_str().expect("UTF-8")]).ok();
    let leak = shop.dir().join("leak.csv");
    let statements = [
        format!("COPY (SELECT customer_id FROM orders WHERE ordered_on < $as_of) TO '{}'", leak.display()),
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd' -- $as_of".to_owned(),
        "DROP TABLE orders -- $as_of".to_owned(),
    ];
    let feature = shop.dir().join("features/own.sql");
    for statement in &statements {
        std::fs::write(&feature, statement).expect("a feature file");
        let ran = shop.run(&["score", "--out", shop.dir().join("s.csv").to_str().expect("UTF-8")]);
        assert_eq!(ran.code, 1, "{statement}: {ran:?}");
        assert!(ran.err.contains("not supported"), "{statement}: {ran:?}");
        let rule = format!(
            "quality.own=[\"mine: warning: {}\"]",
            statement.replace(" -- $as_of", "").replace(" WHERE ordered_on < $as_of", "")
        );
        assert_eq!(shop.run(&["check", "--set", &rule]).code, 2, "{rule}");
    }
    assert!(!leak.exists());
}

/// A feature that a shop made of what it learned afterwards is named, and no model that reads it may answer.
#[test]
fn own_features_that_know_the_outcome_are_refused() {
    let (_folder, exports) = simulated();
    let shop = TestShop::new(&["shop.currency=USD", "learn.churn=[\"logistic_rfm\", \"logistic\"]"]);
    shop.run(&["import", &exports]).ok();
    let train = || shop.run(&["train", "churn", "--json"]).json();
    let model = |trained: &serde_json::Value, name: &str| {
        let rows = trained.as_array().expect("models").clone();
        rows.into_iter().find(|row| row["name"] == name).expect("the model")
    };
    let honest = model(&train(), "logistic");
    let (as_of, horizon) = (honest["as_of"].as_str().expect("a day"), honest["horizon_days"].as_i64().expect("days"));
    // Who orders within the test window, from the file: no date says when that was learned.
    let ids = shop.dir().join("features/comes.sql");
    let orders = std::fs::read_to_string(Path::new(&exports).join("orders.csv")).expect("orders");
    let mut lines = orders.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().expect("a head");
    let position = |name: &str| head.iter().position(|column| *column == name).expect("a column");
    let (customer, ordered) = (position("customer_id"), position("ordered_at"));
    let end: jiff::civil::Date = as_of.parse().expect("a day");
    let start = end.checked_sub(jiff::Span::new().days(horizon)).expect("a day");
    let window = start.to_string()..end.to_string();
    let comes = lines.filter(|line| window.contains(&line[ordered][..10].to_owned()) && !line[customer].is_empty());
    let mut known: Vec<String> = comes.map(|line| format!("('{}')", line[customer])).collect();
    known.sort();
    known.dedup();
    let sql = format!("SELECT customer_id, 1 AS comes FROM (VALUES {}) AS known (customer_id)", known.join(", "));
    std::fs::write(&ids, sql).expect("a feature file");
    let trained = train();
    let leaking = model(&trained, "logistic");
    assert_eq!(leaking["status"], "refused", "{leaking}");
    for (field, words) in [("reason", "own feature comes"), ("reason_zh", "自定义特征 comes")] {
        let reason = leaking[field].as_str().or(leaking["metrics"][field].as_str()).expect("a reason");
        assert!(reason.contains(words), "{reason}");
    }
    assert_eq!(leaking["metrics"]["leaks"][0]["feature"], "comes");
    // A model that does not read it may answer.
    let reason = model(&trained, "logistic_rfm")["reason"].as_str().expect("a text").to_owned();
    assert!(!reason.contains("comes"), "{reason}");
}

/// A model answers with the feature files it has learned from or not at all; one customer has the bits of the batch whatever they do.
#[test]
fn own_features_and_their_model_belong_together() {
    let (_folder, exports) = simulated();
    let shop = TestShop::new(&["shop.currency=USD", "learn.churn=[\"logistic_rfm\", \"logistic\"]", "gate.ece_max=0.2"]);
    shop.run(&["import", &exports]).ok();
    let file = shop.dir().join("features/rank.sql");
    let sql = "SELECT customer_id, COUNT(*) OVER () AS everybody, AVG(n) OVER () - n AS behind
        FROM (SELECT customer_id, COUNT(*) AS n FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id) AS own";
    std::fs::write(&file, sql).expect("a feature file");
    shop.run(&["train", "churn"]);
    shop.run(&["promote", "churn", "logistic", "--override", "a test"]).ok();
    let out = shop.dir().join("s.parquet");
    let score = || shop.run(&["score", "--out", out.to_str().expect("UTF-8")]);
    score().ok();
    let all = scores(&out);
    let (ids, p) = (all["customer_id"].as_string::<i32>(), all["p_churn"].as_primitive::<Float64Type>());
    for row in (0..ids.len()).step_by(ids.len() / 5) {
        let picture = shop.run(&["customer", ids.value(row), "--json"]).ok().json();
        assert_eq!(picture["p_churn"].as_f64().map(f64::to_bits), Some(p.value(row).to_bits()), "{}", ids.value(row));
    }
    for other in [Some(sql.replace("- n", "- 2 * n")), None] {
        match other {
            Some(sql) => std::fs::write(&file, sql).expect("a feature file"),
            None => std::fs::remove_file(&file).expect("a file"),
        }
        let ran = score();
        assert!(ran.code == 1 && ran.err.contains("features/rank.sql changed or went away"), "{ran:?}");
        // The way out works.
        assert_ne!(shop.run(&["train", "churn"]).code, 1);
    }
    shop.run(&["promote", "churn", "logistic_rfm", "--override", "a test"]).ok();
    score().ok();
    // Promoting who answers already changes nothing, so one step back is one step back.
    shop.run(&["promote", "churn", "logistic_rfm"]).ok();
    let back = shop.run(&["rollback", "churn", "--json"]).ok().json();
    assert_eq!(back["champion"]["name"], "logistic");
    assert_eq!(shop.run(&["rollback", "churn"]).code, 1);
}

/// A shop of a few days is told what is missing; amounts of orders without lines are pointed out; an empty shop is a verdict, not a failure.
#[test]
fn a_young_shop_and_an_empty_one_are_told_what_is_missing() {
    let shop = TestShop::new(&[]);
    let empty = shop.run(&["check", "--json", "--set", "cleaning.drop_customers=[\"x\"]"]);
    assert!(empty.code == 3 && empty.json()["gate"] == "shut", "{empty:?}");
    let exports = shop.dir().join("exports");
    std::fs::create_dir(&exports).expect("a folder");
    let day = |d: usize| (0..40).map(move |c| format!("o{d}_{c},c{c},2024-03-0{d}T10:00:00Z,{}\n", 1_000 + c));
    let orders: String = (1..4).flat_map(day).collect();
    std::fs::write(exports.join("orders.csv"), format!("order_id,customer_id,ordered_at,total_cents\n{orders}")).expect("orders");
    shop.run(&["import", "perennial", exports.to_str().expect("UTF-8")]).ok();
    let checked = shop.run(&["check", "--json"]).ok().json();
    let rules = checked["rules"].as_array().expect("rules");
    let bare = rules.iter().find(|rule| rule["name"] == "references" && rule["table"] == "orders").expect("the rule");
    assert_eq!((&bare["count"], &bare["passed"]), (&120.into(), &false.into()));
    let ran = shop.run(&["run"]);
    assert!(ran.code == 3 && ran.out.contains("3 days of data are too few"), "{ran:?}");
}
