//! Which keys and which contents the lake has, asked for by what writes beside it.

use perennial_contract::Entity;
use perennial_contract::engine::Snapshot;
use perennial_lake::lake::{KnownKeys, Lake};

use crate::lake_fixture::*;

fn keys(lines: &[Line]) -> Vec<u64> {
    Lake::keys(Entity::OrderItems, &rows(lines)).unwrap()
}

fn fresh(known: &mut KnownKeys, lake: &Lake, at: &Snapshot) -> Vec<u64> {
    let mut found = Vec::new();
    known.refresh(lake, at, &mut |key| found.push(key)).unwrap();
    found.sort_unstable();
    found
}

#[test]
fn keys_are_known_from_the_snapshot_that_has_them() {
    let dir = folder();
    let lake = create(dir.path());
    let first: Vec<Line> = (0..300).map(|i| line(&format!("c{}", i % 40), &format!("a{i}"), 1, 5, i)).collect();
    let second: Vec<Line> = (200..500).map(|i| line(&format!("c{}", i % 40), &format!("a{i}"), 1, 5, i + 1)).collect();
    import(&lake, "1", vec![batch(&first)]).unwrap();
    let before = lake.snapshot().unwrap();
    import(&lake, "2", vec![batch(&second)]).unwrap();

    let mut known = KnownKeys::of(Entity::OrderItems);
    let sorted = |mut keys: Vec<u64>| {
        keys.sort_unstable();
        keys
    };
    assert_eq!(fresh(&mut known, &lake, &before), sorted(keys(&first)));
    assert!(!known.contains(keys(&second)[299]));
    assert_eq!(fresh(&mut known, &lake, &lake.snapshot().unwrap()), sorted(keys(&second[100..])));
    assert!(keys(&first).into_iter().chain(keys(&second)).all(|key| known.contains(key)));
    assert_eq!(known.len(), 500);
    // Other files with the same rows tell nothing new, and neither do rows that were told of before they were imported.
    lake.compact().unwrap();
    let third: Vec<Line> = (0..50).map(|i| line("c1", &format!("b{i}"), 1, 5, i)).collect();
    known.add(&keys(&third));
    import(&lake, "3", vec![batch(&third)]).unwrap();
    assert_eq!(fresh(&mut known, &lake, &lake.snapshot().unwrap()), [0_u64; 0]);
    assert_eq!(known.len(), 550);
}

#[test]
fn a_snapshot_and_the_contents_in_it_are_of_one_moment() {
    let dir = folder();
    let lake = create(dir.path());
    let contents: Vec<String> = (1..4).map(|n| format!("{n:0>64}")).collect();
    assert_eq!(lake.snapshot_knowing(&contents).unwrap(), (lake.snapshot().unwrap(), vec![false; 3]));
    import(&lake, "2", vec![batch(&[line("c1", "a", 1, 5, 7)])]).unwrap();
    let (at, known) = lake.snapshot_knowing(&contents).unwrap();
    assert_eq!((at.versions[&Entity::OrderItems], known), (1, vec![false, true, false]));
    // Another process's view is the same.
    assert_eq!(open(dir.path()).snapshot_knowing(&contents).unwrap().0, at);
}
