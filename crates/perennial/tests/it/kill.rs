//! A kill at any moment loses nothing and leaves nothing half-done.

use std::time::{Duration, Instant};

use crate::shop::{TestShop, run};

/// A small deterministic sequence of fractions in 0..1 (SplitMix64), so that a failure can be repeated.
fn fractions(mut seed: u64) -> impl Iterator<Item = f64> {
    std::iter::from_fn(move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64)
    })
}

/// What a shop holds, as its own commands tell it.
fn state(shop: &TestShop) -> (String, usize) {
    let check = shop.run(&["check", "--json"]).json();
    let orders = &check["tables"]["orders"]["rows"];
    let items = &check["tables"]["order_items"]["rows"];
    let models = shop.run(&["models", "--json"]).ok().json();
    (format!("{orders} orders, {items} items, {}", check["net_revenue_cents"]), models.as_array().map_or(0, Vec::len))
}

/// Start a command, kill it after `fraction` of the time it takes, and say whether it was still running.
fn kill_after(shop: &TestShop, arguments: &[&str], full: Duration, fraction: f64) -> bool {
    let mut child = shop
        .command(arguments)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary starts");
    std::thread::sleep(full.mul_f64(fraction));
    let was_running = child.try_wait().expect("a status").is_none();
    child.kill().expect("killed");
    child.wait().expect("gone");
    was_running
}

#[test]
fn kill_9_at_fifty_moments_leaves_the_old_state_or_the_new() {
    let exports = tempfile::tempdir().expect("a folder");
    let out = exports.path().join("exports");
    let out = out.to_str().expect("UTF-8");
    run(&["simulate", "--customers", "1500", "--days", "500", "--events", "none", "--out", out]).ok();

    // How long each command takes and what it leaves, undisturbed.
    let whole = TestShop::new(&["shop.currency=USD"]);
    let empty = state(&whole).0;
    let time = |arguments: &[&str]| {
        let start = Instant::now();
        let ran = whole.run(arguments);
        assert!(ran.code == 0 || ran.code == 3, "{ran:?}");
        start.elapsed()
    };
    let import = time(&["import", out]);
    let imported = state(&whole).0;
    let train = time(&["train"]);
    let trained = state(&whole).1;
    let promote = time(&["promote", "segment", "rfm"]);

    let mut moments = fractions(20_260_101);
    let mut killed = 0;
    for _ in 0..20 {
        let shop = TestShop::new(&["shop.currency=USD"]);
        killed += u32::from(kill_after(&shop, &["import", out], import, moments.next().expect("endless")));
        let left = state(&shop).0;
        assert!(left == empty || left == imported, "half an import: {left}");
        shop.run(&["import", out]).ok();
        assert_eq!(state(&shop).0, imported);
    }
    let shop = TestShop::new(&["shop.currency=USD"]);
    shop.run(&["import", out]).ok();
    let mut models = 0;
    for _ in 0..20 {
        killed += u32::from(kill_after(&shop, &["train"], train, moments.next().expect("endless")));
        let now = state(&shop).1;
        assert!(now == models || now == models + trained, "half a training run: {models} models became {now}");
        models = now;
    }
    let ran = shop.run(&["train"]);
    assert!(ran.code == 0 || ran.code == 3, "{ran:?}");
    for _ in 0..10 {
        killed += u32::from(kill_after(&shop, &["promote", "segment", "rfm"], promote, moments.next().expect("endless")));
        let rows = shop.run(&["models", "--json"]).ok().json();
        let champions =
            rows.as_array().expect("a list").iter().filter(|row| row["task"] == "segment" && row["status"] == "champion").count();
        assert!(champions <= 1, "{champions} champions");
    }
    shop.run(&["promote", "segment", "rfm"]).ok();
    assert!(killed >= 25, "only {killed} of 50 kills met a running command; the test proves too little");
}
