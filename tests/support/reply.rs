//! What a server answered.

use std::time::Duration;

use serde_json::Value;

/// One answer to one request.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The whole message.
    pub message: Value,
    /// From the request's last byte to the answer's last byte, by the test's clock.
    pub took: Duration,
}

impl Reply {
    /// The result, or the test fails.
    pub fn result(&self) -> &Value {
        self.message.get("result").unwrap_or_else(|| panic!("an error: {}", self.message))
    }

    /// The code of a protocol error, if it is one.
    pub fn code(&self) -> Option<i64> {
        self.message.pointer("/error/code").and_then(Value::as_i64)
    }

    /// As the result of a tool.
    pub fn tool(&self) -> ToolResult {
        let result = self.result();
        let blocks = result["content"].as_array().expect("content");
        let text = blocks.iter().filter_map(|b| b["text"].as_str()).collect::<Vec<_>>().join("\n");
        ToolResult {
            text,
            structured: result["structuredContent"].clone(),
            is_error: result["isError"].as_bool().unwrap_or(false),
            took: self.took,
        }
    }
}

/// The result of one call of a tool.
#[derive(Debug, Clone)]
pub struct ToolResult {
    /// Its text.
    pub text: String,
    /// Its JSON.
    pub structured: Value,
    /// It failed or was refused.
    pub is_error: bool,
    /// By the test's clock.
    pub took: Duration,
}

impl ToolResult {
    /// The kind of failure; empty for a success.
    pub fn kind(&self) -> &str {
        self.structured.pointer("/error/kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// Text and JSON in one string.
    pub fn whole(&self) -> String {
        format!("{}\n{}", self.text, self.structured)
    }

    /// The call went well, or the test fails.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(!self.is_error, "{}", self.text);
        self
    }
}
