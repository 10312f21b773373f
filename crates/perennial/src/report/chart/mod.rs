//! Charts as inline SVG: no script, no library, no colour of their own.
//!
//! A mark carries a class and the page's style sheet gives it a colour, so that one drawing serves light, dark and paper. Every
//! drawing has a title and a description for those who cannot see it, and each mark that stands for a number says it in a `<title>`.
//! Values are drawn as given: a number that is not finite is left out, never drawn as 0.

mod bars;
mod canvas;
mod columns;
mod curve;
mod estimates;
mod flows;
mod intervals;
mod lines;
mod scale;

pub use bars::{Bar, BarMark, bars, signed_bar};
pub use canvas::{Caption, Markup};
pub use columns::{Column, Spacing, columns};
pub use curve::{Curve, Marker, UnitPlot, unit_plot};
pub use estimates::{EstimateRow, estimates};
pub use flows::{Flows, flows};
pub use intervals::{Interval, intervals};
pub use lines::{Line, lines, spark};

/// How a number is written on an axis.
pub type Label<'a> = &'a dyn Fn(f64) -> String;

#[cfg(test)]
mod tests;
