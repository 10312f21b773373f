//! Tests of the learning crate through its public face.

mod boost;
mod lifetime;
