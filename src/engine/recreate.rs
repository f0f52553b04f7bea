//! Making a container anew.

use serde::Deserialize;

use super::budget::Budget;
use super::error::EngineError;
use super::{Engine, raw};

/// The id of the container that one was made to take the place of.
const OF: &str = "docker-mcp.recreate.of";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Labelled {
    id: String,
    #[serde(default, deserialize_with = "raw::nullable")]
    labels: std::collections::BTreeMap<String, String>,
}

impl Engine {
    /// Ids of containers that were made to take another's place, each with that one's. Hidden ones, too: for our own use.
    pub(super) async fn replacements(&self, budget: &Budget) -> Result<Vec<(String, String)>, EngineError> {
        let filters = serde_json::json!({ "label": [OF] }).to_string();
        let query = [("all", "1"), ("filters", filters.as_str())];
        let list: Vec<Labelled> = self.wire.json(budget, "/containers/json", &query).await?;
        let pair = |mut one: Labelled| Some((one.id, one.labels.remove(OF)?));
        Ok(list.into_iter().filter_map(pair).collect())
    }
}
