//! Integration tests of the lake crate, one module per topic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod features;
mod features_cdnow;
mod features_lake;
mod features_own;
mod features_shop;
mod features_store;
mod hostile;
mod hostile_zip;
mod lake;
mod lake_consents;
mod lake_crash;
mod lake_damage;
mod lake_delta;
mod lake_engine;
mod lake_fixture;
mod lake_known;
mod lake_speed;
mod lake_vault;
mod limits;
mod source;
mod source_exports;
mod source_mapped;
