//! Containers are made: what comes of the options, what is refused, and what stays when something goes wrong.

mod attacks;
mod edges;
mod globs;
mod guard;
mod lost;
mod plain;
mod profiles;
mod pulls;
mod restart;
mod secrets;
mod words;

use serde_json::Value;

use crate::support::engine::BASE;
use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Launch};

const ON: &str = "[permissions]\ncreate = true\nlifecycle = true\n";

/// A scope with an image whose labels say that it, and everything that is made from it, is this test's.
struct Place {
    engine: Engine,
    scope: Scope,
    image: String,
}

impl Place {
    fn new(engine: &Engine) -> Self {
        let scope = Scope::new(engine);
        let image = format!("{}/app:1", scope.prefix);
        let place = Self { engine: engine.clone(), scope, image: image.clone() };
        place.image("1", &[]);
        place
    }

    /// One more image of this test.
    fn image(&self, tag: &str, changes: &[&str]) -> String {
        let seed = format!("seed{tag}");
        self.scope.container(&["create"], &seed, &[], BASE, &["sleep", "9999"]);
        let (seed, image) = (self.scope.name(&seed), format!("{}/app:{tag}", self.scope.prefix));
        let mut args = vec!["commit"];
        for change in changes {
            args.extend(["--change", change]);
        }
        args.extend([seed.as_str(), image.as_str()]);
        self.engine.docker(&args);
        self.engine.docker(&["rm", &seed]);
        image
    }

    fn name(&self, short: &str) -> String {
        self.scope.name(short)
    }

    fn client(&self, config: &str) -> Client {
        Launch::at(&self.engine.host).config(&format!("{ON}{config}")).connect()
    }

    /// Every container of this test, running or not.
    fn containers(&self) -> Vec<String> {
        let label = format!("label={}", self.scope.label());
        let out = self.engine.docker(&["ps", "-a", "--filter", &label, "--format", "{{.Names}}"]);
        out.lines().map(str::to_owned).collect()
    }

    fn inspect(&self, name: &str) -> Value {
        self.engine.inspect("container", name)
    }
}
