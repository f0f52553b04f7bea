//! Fetching, sending, naming and removing images, on a real engine and a real registry.

mod names;
mod registries;
mod removal;
mod transfers;

/// With nothing to confirm.
const ON: &str = "[permissions]\nimages = true\n[confirm]\nrequire = \"none\"\n";
