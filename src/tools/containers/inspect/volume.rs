//! A volume and the visible containers that mount it.

use serde_json::Value;

use super::pick::copy;
use crate::engine::outlook::Outlook;
use crate::policy::Volume;

pub(super) fn curated(raw: &Value, volume: &Volume, outlook: &Outlook<'_>) -> Value {
    let mut out = copy(
        raw,
        &[
            ("driver", "/Driver"),
            ("mountpoint", "/Mountpoint"),
            ("created", "/CreatedAt"),
            ("scope", "/Scope"),
            ("labels", "/Labels"),
            ("options", "/Options"),
            ("status", "/Status"),
        ],
    );
    // A `local` volume may be a bind of another volume's folder.
    if let Some(device) = raw.pointer("/Options/device").and_then(Value::as_str)
        && let Some(Value::Object(options)) = out.get_mut("options")
    {
        options.insert("device".into(), outlook.host_path(device).into());
    }
    out.insert("name".into(), volume.name.as_str().into());
    out.insert("used_by".into(), outlook.users_of_volume(&volume.name).into());
    Value::Object(out)
}
