//! Who belongs together, and what sets each group apart, in words.

pub mod kmeans;
pub mod partition;
pub mod profile;
pub mod rfm;
mod traits;

pub use profile::{Profile, profiles_of};
