//! The report: one self-contained HTML file a person enjoys reading, and one customer's picture in the terminal.
//!
//! `data` (what the pipeline found) → `section` and `findings` (what to say about it, in one language) → `view` (ready to print) →
//! template. Both languages stand in the file and a radio button shows one; nothing needs a script or the network.

mod chart;
mod customer;
mod data;
mod findings;
mod language;
mod page;
mod section;
mod text;
mod view;
pub mod words;

#[cfg(test)]
mod example;
#[cfg(test)]
mod example_outlook;
#[cfg(test)]
mod tests;

pub use customer::{CustomerPicture, HorizonPicture, OutlookPicture, PastOrder};
pub use data::*;
pub use language::{Language, Locale, NONE};
pub use page::render;
