//! `docker_images`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::engine::images::SeenImage;
use crate::engine::snapshot::short;
use crate::output::{Draft, Row, bytes};
use crate::policy::reference::ImageRef;
use crate::policy::{Level, Permits};
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::words::{age, count, name_fits, names, now};

pub struct Images;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    filter: Option<Filter>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Part of a reference, or a glob with `*`.
    reference: Option<String>,
    /// Without a tag.
    dangling: Option<bool>,
}

impl Tool for Images {
    const SPEC: Spec = Spec {
        name: "docker_images",
        title: "List images",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "List images with id, tags, size, age and how many containers use each.",
    };
    type Args = Args;

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let filter = args.filter.unwrap_or_default();
        let seen = ctx.engine.images(&ctx.budget, &permits.world).await?;
        let now = now();
        let rows: Vec<Row> = seen.iter().filter(|s| filter.fits(s)).map(|s| row(s, now)).collect();
        let dangling = seen.iter().filter(|s| tags(s).is_empty()).count();
        let mut summary = count(seen.len(), "image");
        if dangling > 0 {
            summary.push_str(&format!(", {dangling} without a tag"));
        }
        Ok(Draft::list("images", &["id", "size", "created", "in_use", "tags"], rows)
            .with("summary", summary.clone())
            .tail(summary)
            .hint("narrow with filter.reference")
            .keep_empty(&["images", "tags"])
            .told(&["summary"]))
    }
}

impl Filter {
    fn fits(&self, seen: &SeenImage) -> bool {
        let written = |r: &ImageRef| {
            let familiar = r.familiar();
            // A glob is meant for the repository as well: `myorg/*`, not only `myorg/*:*`.
            let repository = familiar.split(['@', ':']).next().unwrap_or_default().to_owned();
            [r.to_string(), familiar, repository]
        };
        self.dangling.is_none_or(|want| tags(seen).is_empty() == want)
            && self.reference.as_ref().is_none_or(|want| {
                seen.identity.references.iter().flat_map(written).any(|have| name_fits(want, &have))
            })
    }
}

fn tags(seen: &SeenImage) -> Vec<String> {
    seen.identity.references.iter().filter(|r| r.tag().is_some()).map(ImageRef::familiar).collect()
}

fn row(seen: &SeenImage, now: i64) -> Row {
    let mut tags = tags(seen);
    if tags.is_empty() {
        // Pulled by digest: that is its only name.
        tags = seen.identity.references.iter().map(ImageRef::familiar).collect();
    }
    let id = short(&seen.identity.id);
    let size = bytes(u64::try_from(seen.size).unwrap_or(0));
    let age = age(seen.created, now);
    let users = seen.containers.len();
    let cells = [
        id.to_owned(),
        size.clone(),
        age.clone().unwrap_or_default(),
        users.to_string(),
        if tags.is_empty() { "<none>".to_owned() } else { names(&tags) },
    ];
    Row::new(json!({ "id": id, "tags": tags, "size": size, "created": age, "in_use": users }), cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Image;

    fn image(references: &[&str]) -> SeenImage {
        let references = references.iter().map(|r| ImageRef::parse(r).unwrap()).collect();
        let identity = Image { id: format!("sha256:{}", "ab".repeat(32)), references };
        SeenImage { identity, created: 0, size: 4_300_000, containers: vec!["web".into()] }
    }

    #[test]
    fn filters() {
        let nginx = image(&["nginx:1.27", "localhost:5000/team/nginx:1.27"]);
        let fits =
            |reference: &str| Filter { reference: Some(reference.into()), dangling: None }.fits(&nginx);
        for yes in ["nginx", "nginx:*", "ngi*", "docker.io/library/nginx:1.27", "localhost:5000/*", "1.27"] {
            assert!(fits(yes), "{yes}");
        }
        for no in ["nginx:1.26", "myorg/*", "ginx*"] {
            assert!(!fits(no), "{no}");
        }
        let dangling = Filter { reference: None, dangling: Some(true) };
        assert!(!dangling.fits(&nginx) && dangling.fits(&image(&[])));
    }

    #[test]
    fn a_row() {
        let Row { json, cells } = row(&image(&["nginx:1.27"]), 10);
        assert_eq!(
            json,
            json!({ "id": "abababababab", "tags": ["nginx:1.27"], "size": "4.3MB", "created": null, "in_use": 1 })
        );
        assert_eq!(cells, ["abababababab", "4.3MB", "", "1", "nginx:1.27"]);
        assert_eq!(row(&image(&[]), 10).cells.get(4).unwrap(), "<none>");
    }
}
