//! Products as small numbers, with their categories.

use std::collections::HashMap;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};

use super::super::FeatureError;
use super::super::store::Rows;

/// The product table: number of an id, and what the number stands for.
#[derive(Debug, Default)]
pub(super) struct Products {
    numbers: HashMap<String, u32>,
    facts: Vec<Facts>,
    /// Whether any product has a cost.
    pub have_costs: bool,
    /// Names of the categories in byte order, so that comparing numbers compares names.
    pub categories: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Facts {
    category: Option<u32>,
    cost_cents: Option<i64>,
    valid_from_us: Option<i64>,
}

impl Products {
    pub const COLUMNS: &[&str] = &["product_id", "category", "valid_from", "cost_cents"];

    pub fn read(rows: Vec<Rows>) -> Result<Self, FeatureError> {
        let (mut ids, mut names, mut froms, mut costs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for batch in rows.into_iter().flatten() {
            let batch = batch?;
            let id = cast(batch.column(0), &DataType::Utf8)?;
            let name = cast(batch.column(1), &DataType::Utf8)?;
            let from = batch.column(2).as_primitive_opt::<TimestampMicrosecondType>();
            let from = from.ok_or_else(|| FeatureError::Rows("products.valid_from is not an instant".to_owned()))?;
            ids.extend(id.as_string::<i32>().iter().map(|id| id.unwrap_or_default().to_owned()));
            let cost = batch.column(3).as_primitive_opt::<Int64Type>();
            let cost = cost.ok_or_else(|| FeatureError::Rows("products.cost_cents is not a whole number".to_owned()))?;
            costs.extend(cost.iter());
            names.extend(name.as_string::<i32>().iter().map(|name| name.map(str::to_owned)));
            froms.extend(from.iter());
        }
        let mut categories: Vec<String> = names.iter().flatten().cloned().collect();
        categories.sort_unstable();
        categories.dedup();
        let number = |name: &String| categories.binary_search(name).ok().map(|number| number as u32);
        let have_costs = costs.iter().any(Option::is_some);
        let facts = names.iter().zip(froms).zip(costs);
        let facts = facts.map(|((name, from), cost_cents)| Facts {
            category: name.as_ref().and_then(number),
            cost_cents,
            valid_from_us: from,
        });
        let facts = facts.collect();
        let numbers = ids.into_iter().enumerate().map(|(number, id)| (id, number as u32)).collect();
        Ok(Self { numbers, facts, have_costs, categories })
    }

    /// The category of a product as known at an instant.
    pub fn category(&self, product: u32, before_us: i64) -> Option<u32> {
        self.known(product, before_us)?.category
    }

    /// What a unit costs the shop.
    pub fn cost_cents(&self, product: u32, before_us: i64) -> Option<i64> {
        self.known(product, before_us)?.cost_cents
    }

    fn known(&self, product: u32, before_us: i64) -> Option<&Facts> {
        self.facts.get(product as usize).filter(|facts| facts.valid_from_us.is_none_or(|from| from < before_us))
    }
}

/// Numbers for product ids on one thread: those of the product table, and further ones for ids it lacks.
#[derive(Debug)]
pub(super) struct Numbers<'a> {
    products: &'a Products,
    others: HashMap<String, u32>,
    /// By product number: the customer (counted) that last bought it.
    last_customer: Vec<u64>,
}

impl<'a> Numbers<'a> {
    pub fn of(products: &'a Products) -> Self {
        Self { products, others: HashMap::new(), last_customer: vec![0; products.facts.len()] }
    }

    pub fn number(&mut self, id: &str) -> u32 {
        if let Some(&number) = self.products.numbers.get(id).or_else(|| self.others.get(id)) {
            return number;
        }
        let number = self.last_customer.len() as u32;
        self.others.insert(id.to_owned(), number);
        self.last_customer.push(0);
        number
    }

    /// Whether this is the first time the customer (a count from 1) is seen with the product.
    pub fn is_first(&mut self, product: u32, customer: u64) -> bool {
        let last = &mut self.last_customer[product as usize];
        std::mem::replace(last, customer) != customer
    }
}
