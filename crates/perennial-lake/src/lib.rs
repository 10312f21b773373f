//! All data IO: sources, the lake's tables, the SQL engine, features, the quality gate, and the vault for identities.

pub mod beside;
pub mod engine;
pub mod features;
pub mod lake;
pub mod quality;
pub mod source;
pub mod table;
pub mod vault;
