//! Tests of the learning crate through its public face.

mod boost;
mod cdnow;
mod conformance;
mod forest;
mod iris;
mod lifetime;
mod logistic;
mod outlook;
mod retention;
mod stack;
mod survival;
