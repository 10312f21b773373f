//! Model files: what is written is read back, and what was tampered with is refused or harmless.

use perennial_learn::learner::boost::{Booster, Objective};
use rand::RngExt;
use serde_json::{Value, json};

use super::{fit, margins, mixed, mixed_label, params, rng};

fn file() -> Value {
    let matrix = mixed(500, 41);
    fit(&matrix, &mixed_label(&matrix), &params(Objective::SquaredError)).to_json()
}

#[test]
fn a_file_gives_back_the_same_model_to_the_bit() {
    let matrix = mixed(500, 41);
    let model = fit(&matrix, &mixed_label(&matrix), &params(Objective::SquaredError));
    let text = model.to_json().to_string();
    let back = Booster::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(text, back.to_json().to_string());
    let bits = |model: &Booster| margins(model, &matrix).iter().map(|margin| margin.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&model), bits(&back));
}

#[test]
fn a_wrong_file_is_refused() {
    let changes: &[(&str, Value)] = &[
        ("/format", json!("lightgbm")),
        ("/version", json!(2)),
        ("/start", json!("NaN")),
        ("/start", json!(null)),
        ("/features", json!([])),
        ("/features/1/name", json!("number")),
        ("/features/2/kind", json!("number")),
        ("/objective", json!({"tweedie": {"power": 7.0}})),
        ("/trees/0/nodes/0/feature", json!(99)),
        ("/trees/0/nodes/0/feature", json!(-1)),
        ("/trees/0/nodes/0/left", json!({"node": 0})),
        ("/trees/0/nodes/1/left", json!({"node": 0})),
        ("/trees/0/nodes/2/right", json!({"node": 1})),
        ("/trees/0/nodes/0/left", json!({"leaf": 4_000_000_000_u32})),
        ("/trees/0/nodes/0/right", json!({"node": 4_000_000_000_u32})),
        ("/trees/0/leaves/0/value", json!("inf")),
        ("/trees/0/leaves/0/rows", json!(0)),
        ("/trees/0/leaves/0/rows", json!(u64::MAX)),
        ("/trees/0/leaves", json!([])),
        ("/trees/0/nodes", json!([])),
        ("/trees/0/nodes/0/rule", json!({"run": "rm"})),
        ("/trees/0/nodes/0/extra", json!(1)),
    ];
    for (place, wrong) in changes {
        let mut file = file();
        match file.pointer_mut(place) {
            Some(slot) => *slot = wrong.clone(),
            None => file.pointer_mut("/trees/0/nodes/0").unwrap()["extra"] = wrong.clone(),
        }
        let read = Booster::from_json(&file);
        assert!(read.is_err(), "{place} = {wrong} was read");
    }
    for other in [json!(null), json!([]), json!({}), json!("x"), json!({"format": "perennial-boost"})] {
        assert!(Booster::from_json(&other).is_err());
    }
}

#[test]
fn a_node_moved_anywhere_is_refused_or_scores() {
    let matrix = mixed(64, 42);
    let original = file();
    let nodes = original["trees"][0]["nodes"].as_array().unwrap().len();
    let mut read = 0;
    for node in 0..nodes {
        for side in ["left", "right"] {
            for target in 0..nodes + 1 {
                for kind in ["node", "leaf"] {
                    let mut file = original.clone();
                    file["trees"][0]["nodes"][node][side] = json!({kind: target});
                    if let Ok(model) = Booster::from_json(&file) {
                        assert!(margins(&model, &matrix).iter().all(|margin| margin.is_finite()));
                        model.shap(&matrix, 1).unwrap();
                        read += 1;
                    }
                }
            }
        }
    }
    // Every side points where it must already: only the unchanged files are trees.
    assert_eq!(read, 2 * nodes);
}

#[test]
fn a_chain_deeper_than_allowed_is_refused() {
    let leaf = json!({"value": 0.5, "rows": 1});
    for (depth, is_fine) in [(64, true), (65, false), (5000, false)] {
        let node = |at: usize| {
            let right = if at + 1 == depth { json!({"leaf": depth}) } else { json!({"node": at + 1}) };
            json!({"feature": 0, "rule": {"at_most": {"threshold": 0.5, "missing_left": false}}, "left": {"leaf": at}, "right": right})
        };
        let mut file = file();
        file["trees"] = json!([{"nodes": (0..depth).map(node).collect::<Vec<_>>(), "leaves": vec![leaf.clone(); depth + 1]}]);
        assert_eq!(Booster::from_json(&file).is_ok(), is_fine, "depth {depth}");
    }
}

#[test]
fn a_file_with_any_byte_changed_is_refused_or_scores() {
    let matrix = mixed(70, 43);
    let text = file().to_string().into_bytes();
    let mut rng = rng(44);
    let mut read = 0;
    for _ in 0..4000 {
        let mut broken = text.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..broken.len());
            broken[at] = b"0123456789-eE.{}[]\",:tfn"[rng.random_range(0..24)];
        }
        let Ok(value) = serde_json::from_slice::<Value>(&broken) else { continue };
        let Ok(model) = Booster::from_json(&value) else { continue };
        if model.schema() == matrix.schema() {
            assert!(margins(&model, &matrix).iter().all(|margin| !margin.is_nan()));
            model.shap(&matrix, 1).unwrap();
            read += 1;
        }
    }
    assert!(read > 100, "only {read} changed files were read: the test tries too little");
}
