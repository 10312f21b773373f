//! Every model that was ever trained, what it showed, who answers now: `registry.db` and the files under `models/`.

mod card;
mod file;
mod store;

pub use card::{Card, MetricRow};
pub use store::{Filing, Noted, REGISTRY_FILE, Registry, RegistryError, Row, Status};
