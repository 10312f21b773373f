//! What answers SQL: DataFusion, embedded. A cluster engine would stand beside it.

mod bind;
mod embedded;
mod fence;
mod imports;

pub use embedded::Embedded;
