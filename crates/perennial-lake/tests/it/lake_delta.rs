//! Other engines read our tables: Delta Lake's own Python package, where it is installed.

use std::process::Command;

use perennial_contract::Entity;

use crate::lake_fixture::*;

const SCRIPT: &str = r#"
import sys
from deltalake import DeltaTable
table = DeltaTable(sys.argv[1])
rows = table.to_pyarrow_table() if hasattr(table, "to_pyarrow_table") else None
print(table.version(), rows.num_rows, sum(rows.column("total_cents").to_pylist()), len(table.file_uris()))
print(DeltaTable(sys.argv[1], version=1).to_pyarrow_table().num_rows)
print(",".join(f.name for f in rows.schema))
print(DeltaTable(sys.argv[2]).to_pyarrow_table().num_rows)
"#;

#[test]
fn the_python_package_reads_what_we_wrote() {
    let python = std::env::var("PERENNIAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import deltalake, pyarrow"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        println!("skipped: {python} has no packages deltalake and pyarrow");
        return;
    }
    let dir = folder();
    let lake = create(dir.path());
    let rows: Vec<Line> = (0..100).map(|i| line(&format!("c{}", i % 30), &format!("o{i}"), 1, 5, i)).collect();
    import(&lake, "a", vec![batch(&rows)]).unwrap();
    import(&lake, "b", vec![batch(&[line("c1", "o1", 1, 5, 1000)])]).unwrap();
    lake.compact().unwrap();
    let at = lake.snapshot().unwrap();
    let path = |entity: Entity| dir.path().join(entity.name());
    let output =
        Command::new(&python).args(["-c", SCRIPT]).arg(path(Entity::OrderItems)).arg(path(Entity::Events)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<String> = Entity::OrderItems.schema().fields().iter().map(|f| f.name().clone()).collect();
    let files = std::fs::read_dir(path(Entity::OrderItems)).unwrap().count();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said[1..], ["100", &names.join(","), "0"]);
    let first: Vec<u64> = said[0].split(' ').map(|number| number.parse().unwrap()).collect();
    assert_eq!(first[..3], [at.versions[&Entity::OrderItems], 100, 99 * 100 / 2 - 1 + 1000]);
    assert!(first[3] < files as u64);
}
