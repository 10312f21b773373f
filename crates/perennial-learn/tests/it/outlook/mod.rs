//! Outlooks: calibrated on simulated shops and on CDNOW, and what they promise.

mod cdnow;
mod promises;
mod shop;
mod simulated;
