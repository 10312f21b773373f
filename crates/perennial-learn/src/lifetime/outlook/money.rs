//! From net spend to what it was before returns, and to what it leaves after the cost of the goods.
//!
//! Assumes  a customer sends back, and leaves, the share they have so far, as far as their sales outweigh `prior_cents` of the shop's
//!          share (Bühlmann's credibility, the prior being the sales of an average customer).
//! Input    `spend_cents_all`, `return_cents_all`, `margin_cents_share` [rows]; cents, cents, share of the sales.
//! Output   factors [rows]: gross = net × `gross`, margin = net × `margin`; NaN where no cost is known.
//! Cost     O(rows).
//! Ref      Bühlmann (1967), ASTIN Bulletin 4(3): credibility k / (k + κ).

use perennial_contract::Table;
use perennial_contract::estimator::column;
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};

/// More than this share sent back says that no gross can be told from net.
const RETURNED_MAX: f64 = 0.9;
/// Nothing is sold for ten times less, or more, than it leaves.
const MARGIN_MAX: f64 = 10.0;

/// The shop's shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Of the sales so far, what was sent back.
    returned: f64,
    /// Of the sales whose cost is known, what they leave; `None` where no product has a cost.
    margin: Option<f64>,
    /// Sales of an average customer.
    prior_cents: f64,
}

/// A customer's factors on net spend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factors {
    pub gross: f64,
    /// NaN where no cost is known.
    pub margin: f64,
}

/// What a customer has bought and sent back so far; absent columns say nothing.
struct Past {
    sold: Vec<f64>,
    returned: Vec<f64>,
    margin: Vec<f64>,
}

impl Past {
    fn of(rows: &Table) -> Result<Self, TableError> {
        let column = |name: &str| if rows.has(name) { rows.f64s(name) } else { Ok(vec![f64::NAN; rows.rows()]) };
        let known = |values: Vec<f64>| values.into_iter().map(|value| if value.is_finite() { value } else { 0.0 });
        let returned: Vec<f64> = known(column(column::RETURN_CENTS)?).map(|cents| cents.max(0.0)).collect();
        let sold = known(column(column::SPEND_CENTS)?).zip(&returned).map(|(net, back)| (net + back).max(0.0)).collect();
        Ok(Self { sold, returned, margin: column(column::MARGIN_SHARE)? })
    }
}

impl Money {
    /// From everybody as of the newest day.
    pub fn of(everybody: &Table) -> Result<Self, TableError> {
        let Past { sold, returned, margin } = Past::of(everybody)?;
        let all: f64 = sold.iter().sum();
        let buyers = sold.iter().filter(|cents| **cents > 0.0).count();
        let costed = || margin.iter().zip(&sold).filter(|(share, sold)| share.is_finite() && **sold > 0.0);
        let costed_sales: f64 = costed().map(|(_, sold)| sold).sum();
        let left: f64 = costed().map(|(share, sold)| share.clamp(-MARGIN_MAX, 1.0) * sold).sum();
        Ok(match all > 0.0 {
            true => Self {
                returned: (returned.iter().sum::<f64>() / all).min(RETURNED_MAX),
                margin: (costed_sales > 0.0).then(|| left / costed_sales),
                prior_cents: all / buyers as f64,
            },
            false => Self::default(),
        })
    }

    /// Every row's factors.
    pub fn factors(&self, rows: &Table) -> Result<Vec<Factors>, TableError> {
        let past = Past::of(rows)?;
        let blend = |own: f64, of: f64, shop: f64| {
            let all = of + self.prior_cents;
            if all > 0.0 { (own + self.prior_cents * shop) / all } else { shop }
        };
        let factors = |row: usize| {
            let sold = past.sold[row];
            let returned = blend(past.returned[row], sold, self.returned).min(RETURNED_MAX);
            let margin = self.margin.map_or(f64::NAN, |shop| {
                let own = past.margin[row].clamp(-MARGIN_MAX, 1.0);
                if own.is_finite() { blend(own * sold, sold, shop) } else { shop }
            });
            Factors { gross: 1.0 / (1.0 - returned), margin }
        };
        Ok((0..rows.rows()).map(factors).collect())
    }

    /// Whether a file can have come from a fit.
    pub fn check(&self) -> Result<(), String> {
        let is_margin = self.margin.is_none_or(|margin| (-MARGIN_MAX..=1.0).contains(&margin));
        let is_sum = self.prior_cents.is_finite() && self.prior_cents >= 0.0;
        match (0.0..=RETURNED_MAX).contains(&self.returned) && is_margin && is_sum {
            true => Ok(()),
            false => {
                Err(format!("shares of the money are {self:?}, allowed are returns up to {RETURNED_MAX} and margins up to 1"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use perennial_contract::arrow::array::{ArrayRef, Float64Array};

    use super::*;

    fn table(rows: &[(f64, f64, Option<f64>)]) -> Table {
        let numbers = |values: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
        Table::from_columns(vec![
            (column::SPEND_CENTS, numbers(rows.iter().map(|row| Some(row.0)).collect())),
            (column::RETURN_CENTS, numbers(rows.iter().map(|row| Some(row.1)).collect())),
            (column::MARGIN_SHARE, numbers(rows.iter().map(|row| row.2).collect())),
        ])
        .unwrap()
    }

    #[test]
    fn a_share_is_ones_own_as_far_as_ones_sales_outweigh_the_average() {
        // Sales 1,000 each; a tenth comes back, 0.4 is left where it is known.
        let shop = table(&[(800.0, 200.0, Some(0.5)), (1_000.0, 0.0, Some(0.3))]);
        let money = Money::of(&shop).unwrap();
        assert_eq!(money, Money { returned: 0.1, margin: Some(0.4), prior_cents: 1_000.0 });
        let of = |row| money.factors(&table(&[row])).unwrap()[0];
        let told = of((800.0, 200.0, Some(0.5)));
        assert!((told.gross - 1.0 / 0.85).abs() < 1e-12 && (told.margin - 0.45).abs() < 1e-12, "{told:?}");
        // Nobody and somebody without costs are as the shop; somebody large is as they are.
        let nobody = of((0.0, 0.0, None));
        assert!((nobody.gross - 1.0 / 0.9).abs() < 1e-12 && nobody.margin == 0.4, "{nobody:?}");
        let large = of((1e12, 1e12, Some(-0.2)));
        assert!((large.gross - 2.0).abs() < 1e-6 && (large.margin + 0.2).abs() < 1e-6, "{large:?}");
    }

    #[test]
    fn without_costs_and_returns_net_is_gross_and_no_margin_is_told() {
        let money = Money::of(&table(&[(500.0, 0.0, None), (-20.0, 0.0, None)])).unwrap();
        let told = money.factors(&table(&[(500.0, 0.0, None)])).unwrap()[0];
        assert!(told.gross == 1.0 && told.margin.is_nan(), "{told:?}");
        let more_returned_than_sold = Money::of(&table(&[(-900.0, 1_000.0, None)])).unwrap();
        assert!(more_returned_than_sold.check().is_ok() && more_returned_than_sold.returned == 0.9);
    }
}
