//! The same random shops in a real lake: what is stored, clustered and scanned gives the same features as rows in memory.

use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::estimator::column;
use perennial_contract::source::{Batch, Reconciliation};
use perennial_contract::{Entity, Table};
use perennial_lake::features::{Ask, OwnFeatures, Store, Via};
use perennial_lake::lake::{Begin, FileFact, Lake, Origin, ShopFacts};

use crate::features::assert_same;
use crate::features_shop::{AS_OF, Dice, Shop, ZONE};

fn in_lake(shop: &Shop, dir: &std::path::Path) -> Lake {
    let facts = ShopFacts { zone: ZONE.to_owned(), currency: "EUR".to_owned() };
    let lake = Lake::create(dir, &facts).unwrap();
    let memory = shop.store();
    let file = FileFact { name: "shop.csv".to_owned(), sha256: "0".repeat(64), bytes: 1 };
    let Begin::Import(mut import) = lake.begin(&Origin { format: "test".to_owned(), files: vec![file], at_us: 0 }).unwrap()
    else {
        panic!("a fresh lake holds the file already");
    };
    for &entity in Entity::ALL.iter().filter(|entity| **entity != Entity::Rejects) {
        let columns: Vec<&str> = entity.columns().iter().map(|column| column.name).collect();
        for rows in memory.scan(&Snapshot::default(), entity, &columns, &Who::Everyone).unwrap().into_iter().flatten() {
            let rows = rows.unwrap().with_schema(entity.source_schema()).unwrap();
            import.append(Batch { entity, rows, rejects: Vec::new(), identities: Vec::new() }).unwrap();
        }
    }
    import.commit(&Reconciliation::ZERO).unwrap();
    lake
}

fn ask(store: &dyn Store, at: &Snapshot, who: &Who, via: Via) -> Table {
    let own = OwnFeatures::none();
    Ask { who, via, ..Ask::new(store, at, &own) }.tables(&[AS_OF]).unwrap().remove(0)
}

#[test]
fn a_lake_and_memory_give_the_same_bits() {
    for seed in [1, 7, 20] {
        let shop = Shop::random(&mut Dice(seed));
        let (memory, folder) = (shop.store(), tempfile::tempdir().unwrap());
        let lake = in_lake(&shop, &folder.path().join("lake"));
        let at = lake.snapshot().unwrap();
        let expected = ask(&memory, &Snapshot::default(), &Who::Everyone, Via::Native);
        assert_same(&expected, &ask(&lake, &at, &Who::Everyone, Via::Native), "lake, native");
        assert_same(&expected, &ask(&lake, &at, &Who::Everyone, Via::Sql), "lake, SQL");
        let customers = expected.texts(column::CUSTOMER_ID).unwrap();
        for row in 0..expected.rows() {
            let who = Who::One(customers.value(row).to_owned());
            assert_same(&expected.slice(row, 1), &ask(&lake, &at, &who, Via::Native), "one customer of the lake, native");
            assert_same(&expected.slice(row, 1), &ask(&lake, &at, &who, Via::Sql), "one customer of the lake, SQL");
        }
    }
}
