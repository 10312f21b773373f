//! The answers about customers as a model: laws, and what closed windows taught about them.
//!
//! Assumes  letters and maps as a fit gives them.
//! Input    JSON that `to_json` wrote, or any other.
//! Output   an [`Outlook`], or why it is none.
//! Cost     none.
//! Ref      see `law`, `spend`, `recalibration`.

use perennial_contract::estimator::LoadError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::customers::{HORIZON_DAYS_MAX, check_horizon};
use super::law::FittedLaw;
use super::recalibration::Recalibration;
use super::spend::FittedSpend;

/// A correction of a total beyond this says that the law failed, not that it is off.
pub(super) const FACTOR_MAX: f64 = 4.0;
pub(super) const LISTED_MAX: usize = 100;

/// The laws of orders and of their amounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Laws {
    pub orders: FittedLaw,
    pub spend: Option<FittedSpend>,
}

/// What the closed windows of one horizon taught.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub(super) horizon_days: i32,
    pub(super) customers: usize,
    /// Customers with an order in the window: expected by the law, expected after recalibration, and seen.
    pub(super) buyers: [f64; 3],
    pub(super) next_order: Recalibration,
    pub(super) spend: Option<Recalibration>,
    /// Orders beyond a buyer's first: seen over expected.
    pub(super) more_orders: f64,
    /// Spend: seen over expected once orders are corrected.
    pub(super) spend_scale: f64,
}

impl Window {
    #[must_use]
    pub const fn horizon_days(&self) -> i32 {
        self.horizon_days
    }

    #[must_use]
    pub const fn customers(&self) -> usize {
        self.customers
    }

    /// Customers with an order in the window: expected by the law, expected after recalibration, and seen.
    #[must_use]
    pub const fn buyers(&self) -> [f64; 3] {
        self.buyers
    }

    fn check(&self) -> Result<(), String> {
        let is_factor = |factor: f64| (1.0 / FACTOR_MAX..=FACTOR_MAX).contains(&factor);
        if !is_factor(self.more_orders) || !is_factor(self.spend_scale) {
            return Err(format!(
                "more_orders is {} and spend_scale {}, allowed are {} to {FACTOR_MAX}",
                self.more_orders,
                self.spend_scale,
                1.0 / FACTOR_MAX
            ));
        }
        if !self.buyers.iter().all(|buyers| buyers.is_finite() && *buyers >= 0.0) {
            return Err(format!("buyers are {:?}, allowed are numbers from 0", self.buyers));
        }
        self.next_order.check()?;
        self.spend.as_ref().map_or(Ok(()), Recalibration::check)
    }
}

/// The answers about every customer, as a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outlook {
    pub(super) horizons_days: Vec<i32>,
    /// Customers the laws were fitted on.
    pub(super) customers: usize,
    pub(super) laws: Laws,
    /// By rising horizon.
    pub(super) windows: Vec<Window>,
}

impl Outlook {
    /// What `to_json` wrote; whatever the JSON holds, the answer is a sound model or an error.
    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let model = Self::deserialize(json).map_err(|error| LoadError(error.to_string()))?;
        let horizons = model.horizons_days.iter().chain(model.windows.iter().map(|window| &window.horizon_days));
        if let Some(days) = horizons.copied().find(|days| check_horizon(*days).is_err()) {
            return Err(LoadError(format!("horizon is {days} days, allowed are 1 to {HORIZON_DAYS_MAX}")));
        }
        let is_rising =
            model.horizons_days.is_sorted_by(|a, b| a < b) && model.windows.is_sorted_by(|a, b| a.horizon_days < b.horizon_days);
        let is_short = model.horizons_days.len().max(model.windows.len()) <= LISTED_MAX;
        if model.horizons_days.is_empty() || !is_rising || !is_short {
            return Err(LoadError(format!("horizons_days and windows must rise, and be at most {LISTED_MAX}")));
        }
        model.windows.iter().try_for_each(Window::check).map_err(LoadError)?;
        Ok(model)
    }

    /// Canonical: the same model always gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::json!(self)
    }

    #[must_use]
    pub fn horizons_days(&self) -> &[i32] {
        &self.horizons_days
    }

    /// Customers the laws were fitted on.
    #[must_use]
    pub const fn customers(&self) -> usize {
        self.customers
    }

    #[must_use]
    pub const fn orders_law(&self) -> &FittedLaw {
        &self.laws.orders
    }

    #[must_use]
    pub const fn spend_law(&self) -> Option<&FittedSpend> {
        self.laws.spend.as_ref()
    }

    /// What the closed windows taught, by rising horizon; empty where none was given or none said anything.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Whether the answer for a horizon goes beyond every closed window; its intervals are widened then.
    #[must_use]
    pub fn is_extrapolated(&self, horizon_days: i32) -> bool {
        self.windows.last().is_none_or(|window| window.horizon_days < horizon_days)
    }

    /// The window nearest to a horizon, in ratio; of two as near the longer.
    pub(super) fn nearest(&self, horizon_days: i32) -> Option<&Window> {
        let days = f64::from(horizon_days);
        let apart = |window: &Window| libm::log(f64::from(window.horizon_days) / days).abs();
        self.windows.iter().rev().min_by(|a, b| apart(a).total_cmp(&apart(b)))
    }
}
