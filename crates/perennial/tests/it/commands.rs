//! The command line as a careless operator uses it.

use crate::shop::{Ran, TestShop, perennial, run};

#[test]
fn mistakes_are_told_with_what_to_do() {
    let shop = TestShop::new(&[]);
    let dir = shop.dir();
    let dir = dir.to_str().expect("UTF-8");
    let cases: [(&[&str], i32, &str); 12] = [
        (&["models", "--shop", "/nonexistent"], 1, "is not a shop"),
        (&["init", dir], 1, "is not empty"),
        (&["import", "--shop", dir, "/nonexistent.csv"], 1, "/nonexistent.csv"),
        (&["score", "--shop", dir, "--out", "scores.xls"], 2, ".parquet or .csv"),
        (&["fit", "bgndb", "--input", "x.csv"], 2, "there are"),
        (&["predict", "bgndb", "--parameters", "f.json", "--input", "x.csv", "--horizon", "9"], 2, "there are bgnbd, mbgnbd"),
        (&["predict", "gamma_gamma", "--parameters", "f.json", "--input", "x.csv", "--horizon", "9"], 2, "forecasts no orders"),
        (&["promote", "--shop", dir, "churn", "boost"], 1, "perennial models"),
        (&["config", "explain", "--shop", dir, "--set", "learn.horizn_days=3"], 2, "did you mean learn.horizon_days"),
        (&["check", "--shop", dir, "--override", "  "], 2, "say why"),
        (&["train", "--shop", dir, "--set", "gate.bootstrap_replicates=0"], 2, "allowed are whole numbers from 20"),
        (&["frobnicate"], 2, "unrecognized subcommand"),
    ];
    for (arguments, code, message) in cases {
        let ran = run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(message), "{arguments:?}: {ran:?}");
        assert!(!ran.err.contains("panicked"), "{ran:?}");
    }
    // Whoever opens a shut gate does not make it one that was open.
    let opened = ["check", "--shop", dir, "--override", "a test"];
    assert!(run(&opened).ok().out.starts_with("quality gate: shut, overridden: a test\n"));
    let json = run(&[&opened[..], &["--json"]].concat()).ok().json();
    assert_eq!((&json["gate"], &json["overridden"]), (&"shut".into(), &"a test".into()));
    // An empty shop is a shut gate; in Chinese for who reads Chinese.
    for command in ["run", "train", "check"] {
        let ran = run(&[command, "--shop", dir]);
        assert!(ran.code == 3 && ran.out.contains("no orders yet; import"), "{ran:?}");
        let ran = run(&[command, "--shop", dir, "--lang", "zh"]);
        assert!(ran.code == 3 && ran.out.contains("还没有订单；请先导入") && ran.out.contains("已关闭"), "{ran:?}");
    }
}

/// A shop made in Chinese speaks Chinese from then on, without being asked again.
#[test]
fn a_shop_made_in_chinese_speaks_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (shop, exports, scores) = (path("shop"), path("exports"), path("scores.csv"));
    let said = |arguments: &[&str]| run(arguments).ok().out;
    assert!(said(&["init", &shop, "--lang", "zh", "--set", "shop.currency=USD"]).contains("已建立网店"));
    let settings = std::fs::read_to_string(path("shop/perennial.toml")).expect("settings");
    assert!(settings.contains("language = \"zh\""), "{settings}");
    let simulated = said(&["simulate", "--customers", "400", "--out", &exports, "--orders-only", "--lang", "zh"]);
    assert!(simulated.contains("位客户，净收入") && simulated.contains("下一步："), "{simulated}");
    let on = |arguments: &[&str]| said(&[arguments, &["--shop", &shop]].concat());
    let imported = on(&["import", &exports]);
    assert!(imported.contains("已导入 perennial") && imported.contains("文件所载净收入"), "{imported}");
    assert!(on(&["import", &exports]).contains("无需导入"));
    on(&["train", "segment"]);
    let models = on(&["models"]);
    assert!(models.contains("候选") && !models.contains("candidate"), "{models}");
    assert!(on(&["promote", "segment", "kmeans", "--override", "x"]).contains("由 kmeans v1 作答"));
    assert!(on(&["promote", "segment", "rfm"]).contains("自此 segment 由 rfm v1 作答"));
    assert!(on(&["models"]).contains("冠军"));
    assert!(on(&["rollback", "segment"]).contains("重新由 kmeans v1 作答"));
    assert!(on(&["score", "--out", &scores]).contains("位客户："));
    assert!(on(&["score", "--out", &scores, "--lang", "en"]).contains("customers as of"));
    // No churn model answers, so nobody is said to be asked about; groups have names in words.
    let text = std::fs::read_to_string(&scores).expect("scores");
    let (head, row) = (text.lines().next().expect("a head"), text.lines().nth(1).expect("a row"));
    let cell = |name: &str| row.split(',').nth(head.split(',').position(|column| column == name).expect("the column"));
    assert_eq!((cell("eligible"), cell("p_churn")), (Some(""), Some("")));
    let picture = run(&["customer", cell("customer_id").expect("an id"), "--shop", &shop, "--json"]).ok().json();
    let key = picture["segment"].as_str().expect("a key");
    let name = picture["groups"][key]["name"]["zh"].as_str().expect("a name");
    assert!(on(&["customer", cell("customer_id").expect("an id")]).contains(name), "{picture}");
}

#[test]
fn json_errors_are_json() {
    let ran = run(&["models", "--json", "--shop", "/nonexistent"]);
    assert!(ran.json()["error"].as_str().is_some_and(|error| error.contains("is not a shop")));
}

#[test]
fn settings_say_where_they_come_from() {
    let shop = TestShop::new(&["shop.currency=GBP"]);
    let rows = shop.run(&["config", "explain", "--json", "--set", "learn.horizon_days=60"]).ok().json();
    let find =
        |name: &str| rows.as_array().expect("a list").iter().find(|row| row["setting"] == name).expect("the setting").clone();
    assert_eq!(find("learn.horizon_days")["origin"], "--set");
    assert!(find("shop.currency")["origin"].as_str().is_some_and(|origin| origin.ends_with("perennial.toml")));
    assert_eq!(find("shop.currency")["value"], "\"GBP\"");
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).ok().out.contains("perennial"));
    }
    assert_eq!(run(&["completions", "tcsh"]).code, 1);
    let json = run(&["completions", "bash", "--json"]).ok().json();
    assert!(json["script"].as_str().is_some_and(|script| script.contains("perennial")), "{json}");
}

/// A reader that went away is no failure; a disk that is full is one, and neither is a panic.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_no_panic() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
    for (arguments, code) in [(&["completions", "bash"][..], 1), (&["config", "reference"], 1), (&["check", "--json"], 1)] {
        let ran: Ran = perennial(arguments).stdout(full()).output().expect("it starts").into();
        assert!(ran.code == code && ran.err.contains("error:") && !ran.err.contains("panicked"), "{arguments:?}: {ran:?}");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ran: Ran = perennial(arguments).stdout(writer).output().expect("it starts").into();
        assert!(!ran.err.contains("panicked"), "{arguments:?}: {ran:?}");
        assert_eq!(ran.code, i32::from(arguments[0] == "check"), "{arguments:?}: {ran:?}");
        // Nobody to complain to either: the exit code says it.
        assert_eq!(perennial(arguments).stdout(full()).stderr(full()).status().expect("it starts").code(), Some(1));
    }
}

#[test]
fn a_mistyped_setting_is_an_error_for_every_command() {
    for command in [&["fit", "bgnbd", "--input", "x.csv"][..], &["completions", "bash"], &["simulate", "--out", "x"]] {
        let ran = run(&[command, &["--set", "foo.bar=1"]].concat());
        assert!(ran.code == 2 && ran.err.contains("no setting \"foo.bar\""), "{command:?}: {ran:?}");
    }
}

#[test]
fn explained_settings_are_marked_where_they_differ_from_the_default() {
    let shop = TestShop::new(&["shop.currency=GBP"]);
    let text = shop.run(&["config", "explain"]).ok().out;
    assert!(text.starts_with("* is not the default"), "{text}");
    let marked: Vec<&str> = text.lines().skip(1).filter(|line| line.starts_with('*')).collect();
    assert!(marked.len() == 1 && marked[0].contains("shop.currency"), "{marked:?}");
}

/// An order that was cancelled is no sale: it neither moves the day that is asked about nor makes its month a whole one.
#[test]
fn the_last_sale_ends_the_data() {
    let shop = TestShop::new(&[]);
    let file = shop.dir().join("orders.csv");
    let orders = "order_id,customer_id,ordered_at,status,total_cents\n\
                  o1,ada,2024-06-01T10:00:00Z,completed,1000\n\
                  o2,ada,2024-08-29T10:00:00Z,completed,1000\n\
                  o3,bob,2024-10-03T10:00:00Z,cancelled,1000\n";
    std::fs::write(&file, orders).expect("orders");
    let lines = shop.dir().join("order_items.csv");
    let items = "order_id,line_no,customer_id,ordered_at,product_id,quantity,unit_price_cents,total_cents\n\
                 o1,1,ada,2024-06-01T10:00:00Z,p1,1,1000,1000\n\
                 o2,1,ada,2024-08-29T10:00:00Z,p1,1,1000,1000\n";
    std::fs::write(&lines, items).expect("lines");
    let path = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    shop.run(&["import", "perennial", &path(&file), &path(&lines)]).ok();
    let out = path(&shop.dir().join("s.csv"));
    assert_eq!(shop.run(&["score", "--out", &out, "--json"]).ok().json()["as_of"], "2024-08-30");
    // A fact of the past needs no model, and without a model there is no horizon to name.
    let scores = std::fs::read_to_string(&out).expect("scores");
    let (head, row) = (scores.lines().next().expect("a head"), scores.lines().nth(1).expect("a row"));
    let gap = head.split(',').position(|name| name == "gap_days_mean").and_then(|column| row.split(',').nth(column));
    assert_eq!(gap, Some("89"), "{scores}");
    let told = shop.run(&["customer", "ada"]).ok().out;
    assert!(!told.contains("0 days") && told.lines().any(|line| line.starts_with("Leaves ")), "{told}");
    for (as_of, star) in [("2024-09-01", true), ("2024-08-30", true), ("2024-07-01", false)] {
        shop.run(&["report", "--as-of", as_of]).ok();
        let page = std::fs::read_to_string(shop.dir().join("report.html")).expect("a report");
        let last = if star { "Aug 2024" } else { "Jun 2024" };
        assert_eq!(page.contains(&format!("{last} *")), star, "{as_of}");
        assert!(page.contains("No forecast was good enough"), "{as_of}");
    }
}

#[test]
fn an_edited_settings_file_with_an_unknown_key_is_an_error() {
    let shop = TestShop::new(&[]);
    let path = shop.dir().join("perennial.toml");
    let text = std::fs::read_to_string(&path).expect("settings");
    std::fs::write(&path, text.replace("horizon_days", "horizon_dayz")).expect("written");
    let ran = shop.run(&["check"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("did you mean learn.horizon_days"), "{ran:?}");
}

/// Published: Hardie's worksheet expects 1.226 orders in 39 weeks of the customer (2, 30.43, 38.86).
#[test]
fn predictions_follow_from_printed_parameters() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let letters = r#"{"r": 0.2425945, "alpha": 4.4136019, "a": 0.7929199, "b": 2.4258881}"#;
    let bare = file("bare.json", letters);
    let printed = file("printed.json", &format!(r#"{{"model": "bgnbd", "parameters": {letters}, "rows": 2357}}"#));
    let input = file("customers.csv", "T,x,t_x\n38.86,2,30.43\n10,0,0\n38.86,2,30.43\n");
    let out = folder.path().join("forecast.csv");
    let of = |parameters: &str, more: &[&str]| {
        let arguments = ["predict", "bgnbd", "--parameters", parameters, "--input", &input, "--horizon", "39"];
        run(&arguments.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let text = of(&bare, &[]).ok().out;
    let json = of(&printed, &["--json"]).ok().json();
    assert_eq!(json["rows"], 3);
    assert!((json["columns"]["orders_expected"][0].as_f64().expect("a number") - 1.226).abs() < 5e-4, "{json}");
    assert_eq!(
        (&json["columns"]["p_alive"][1], text.lines().next()),
        (&1.0.into(), Some("p_alive,orders_expected,p_zero_orders"))
    );
    of(&printed, &["--out", out.to_str().expect("UTF-8")]).ok();
    assert_eq!(std::fs::read_to_string(&out).expect("a file").trim_end(), text.trim_end());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[1]), (4, lines[3]));
    for (parameters, says) in [
        (file("other.json", r#"{"model": "mbgnbd", "parameters": {"r": 1}}"#), "are those of"),
        (file("less.json", r#"{"r": 1}"#), "no parameter alpha"),
        (file("wrong.json", r#"{"r": -1}"#), "parameter r is -1, allowed are numbers above 0"),
        (file("no.json", "r = 1"), "cannot read parameters"),
    ] {
        let ran = of(&parameters, &[]);
        assert!(ran.code == 1 && ran.err.contains(says), "{ran:?}");
    }
}

#[test]
fn a_mapping_with_a_mistake_is_wrong_usage_and_a_mended_one_imports_again() {
    let shop = TestShop::new(&[]);
    let (file, map) = (shop.dir().join("sales.csv"), shop.dir().join("map.toml"));
    std::fs::write(&file, "o,d,c,p,q,pr\n1,2023-01-02,a,x,2,5\n2,2023-01-03,b,x,1,7\n").expect("written");
    let (file, mapping) = (file.to_str().expect("UTF-8"), map.to_str().expect("UTF-8"));
    let with = |text: &str| {
        std::fs::write(&map, text).expect("written");
        shop.run(&["import", "--mapping", mapping, file, "--json"])
    };
    let good = "[[table]]\ntable = \"order_items\"\ncolumns = { order_id = \"o\", ordered_at = \"d\", customer_id = \"c\", \
                product_id = \"p\", quantity = \"q\", unit_price_cents = \"pr\" }\n";
    for bad in ["[[table]", "nonsense = 1", &good.replace("order_items", "lines"), &good.replace("\"pr\"", "\"price\""), ""] {
        let ran = with(bad);
        assert_eq!(ran.code, 2, "{bad}: {ran:?}");
    }
    assert_eq!(shop.run(&["import", "csv", file]).code, 2);
    let first = with(&format!("money = \"minor\"\n{good}")).ok().json();
    assert_eq!(first["net_revenue_cents"], 17);
    assert_eq!(with(&format!("money = \"minor\"\n{good}")).ok().json()["imported"], false);
    let second = with(good).ok().json();
    assert_eq!((&second["net_revenue_cents"], &second["tables"]["order_items"]["replaced"]), (&1_700.into(), &2.into()));
}
