//! Integration tests of the lake crate, one module per topic.

mod features;
mod features_cdnow;
mod features_own;
mod features_shop;
mod features_store;
mod lake;
mod lake_fixture;
