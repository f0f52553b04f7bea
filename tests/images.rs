//! Fetching, sending, naming and removing images, on a real engine and a real registry.

mod killed;
mod names;
mod offered;
mod registries;
mod removal;
pub mod space;
mod transfers;

/// With nothing to confirm.
const ON: &str = "[permissions]\nimages = true\n[confirm]\nrequire = \"none\"\n";
