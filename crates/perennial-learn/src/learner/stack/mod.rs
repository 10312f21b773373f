//! A stacked ensemble of the churn families: several models answer, past closed windows say how much each counts.
//!
//! One file, one step: `member` is one model on its own, `lifetime` the two that need no label, `evidence` what members said of windows they
//! had not seen, `blend` the weights that follow, `model` the answer and its reasons, `fit` all of it in order.

mod blend;
mod evidence;
mod fit;
mod lifetime;
mod member;
mod model;

pub use fit::{StackChurn, Stacked, fit};
pub use model::StackModel;
