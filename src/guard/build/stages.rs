//! Stages, and what a build of one of them needs.

use crate::policy::reference::ImageRef;

use super::{Dockerfile, Named};

/// Where something comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A stage above, by its place.
    Stage(usize),
    /// An image.
    Image(ImageRef),
    /// `scratch`.
    Nothing,
}

/// One `FROM`, and all until the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Counted from 1.
    pub line: usize,
    /// What stands behind `AS`, in lower case; empty if nothing does.
    pub name: String,
    /// What it begins with.
    pub base: Origin,
    /// What `--platform=` says, as it stands; empty if nothing does.
    pub platform: String,
    /// What is copied from elsewhere, and the lines that do.
    pub copies: Vec<(usize, Origin)>,
}

/// An image that a build needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The line that names it.
    pub named: Named,
    /// A stage begins with it, for that platform: its `ONBUILD` runs in there.
    pub begins: Option<String>,
}

impl Dockerfile {
    /// The images that the build of a stage needs, the last one by default. A stage that is not there needs all: the
    /// builder says so itself.
    #[must_use]
    pub fn needs(&self, target: Option<&str>) -> Vec<Needed> {
        let mut needed = vec![false; self.stages.len()];
        let index = target.and_then(|target| target.parse::<usize>().ok());
        let is = |at: usize, stage: &Stage| match target {
            None => at + 1 == self.stages.len(),
            Some(name) => stage.name.eq_ignore_ascii_case(name) || index == Some(at),
        };
        let mut any = false;
        for ((at, stage), needed) in self.stages.iter().enumerate().zip(&mut needed) {
            *needed = is(at, stage);
            any |= *needed;
        }
        let mut all: Vec<Needed> = Vec::new();
        // A stage needs only those above it.
        for (at, stage) in self.stages.iter().enumerate().rev() {
            if any && needed.get(at) != Some(&true) {
                continue;
            }
            let origins = std::iter::once((stage.line, &stage.base, true))
                .chain(stage.copies.iter().map(|(line, origin)| (*line, origin, false)));
            for (line, origin, begins) in origins {
                match origin {
                    Origin::Stage(above) => needed.iter_mut().skip(*above).take(1).for_each(|n| *n = true),
                    Origin::Image(image) => all.push(Needed {
                        named: Named { line, image: image.clone() },
                        begins: begins.then(|| stage.platform.clone()),
                    }),
                    Origin::Nothing => {}
                }
            }
        }
        all.extend(self.frontend.iter().map(|named| Needed { named: named.clone(), begins: None }));
        all.reverse();
        all
    }
}
