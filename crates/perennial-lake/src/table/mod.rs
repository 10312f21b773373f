//! The canonical tables on disk: Delta Lake tables, each row in its customer's bucket, every bucket file sorted.
//!
//! A table changes by whole files only. Which files belong to which version is decided by one SQLite transaction in the
//! [`ledger`]; the Delta logs that other engines read are rolled forward from it.

pub(crate) mod commit;
pub(crate) mod compact;
pub(crate) mod delta;
pub(crate) mod existing;
pub(crate) mod file;
pub(crate) mod hash;
pub(crate) mod import;
pub(crate) mod judge;
pub(crate) mod keys;
pub(crate) mod known;
pub(crate) mod ledger;
pub(crate) mod lock;
pub(crate) mod merge;
pub(crate) mod order;
pub(crate) mod parallel;
pub(crate) mod pending;
pub(crate) mod recover;
pub(crate) mod scan;
pub(crate) mod stage;
pub(crate) mod store;
