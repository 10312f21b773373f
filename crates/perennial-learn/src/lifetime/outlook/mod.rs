//! What will each customer do next, and how surely? Calibrated predictive distributions on top of the lifetime models.
//!
//! `Outlook::fit` learns from [`Customers`] as of the newest day and [`ClosedWindow`]s; `Outlook::answer` gives [`Answers`] about customers of
//! any day; [`stage`] puts them into words. See docs/models/outlook.md.

pub mod stage;

mod answer;
mod answers;
mod calendar;
mod counts;
mod coverage;
mod curve;
mod customers;
mod estimator;
#[cfg(test)]
mod exact;
mod fit;
mod judge;
mod law;
mod living;
mod model;
mod money;
mod recalibration;
mod refusal;
mod spend;
mod walk;

pub use answer::{Ask, BANDS, NEXT_ORDER_CHANCES};
pub use answers::{Answers, Band, BandOutlook, CustomerOutlook, HorizonOutlook, Spend, SpendOutlook};
pub use counts::OrdersBand;
pub use coverage::{Coverage, TenthCoverage};
pub use customers::{ClosedWindow, Customers, HORIZON_DAYS_MAX, Outcomes, Slices};
pub use estimator::{BtydOutlook, OutlookModel};
pub use fit::{HORIZONS_DAYS, Settings};
pub use law::{Basis, FittedLaw, LawName};
pub use living::DAYS_MAX;
pub use model::{Outlook, Window};
pub use money::{Factors, Money};
pub use recalibration::Recalibration;
pub use refusal::Refusal;
pub use spend::FittedSpend;
