//! Dockerfiles: which images they name, and what no build of ours may do.
//!
//! The reader is strict where builders are generous: what two of them could read in two ways is refused, for what is
//! not seen here is not decided on. Refusals name lines, and never what stands in them: the file may be no Dockerfile.

mod heredoc;
pub mod ignore;
mod instructions;
mod lines;
mod sources;
mod stages;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::policy::reference::ImageRef;

pub use instructions::trigger;
pub use stages::{Needed, Origin, Stage};

/// What a Dockerfile brings in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// Every image that it names, stages that are not built included.
    pub images: Vec<Named>,
    /// Its stages, in their order.
    pub stages: Vec<Stage>,
    /// It has here-documents, which only BuildKit reads.
    pub here_documents: bool,
    /// It names a frontend, which only BuildKit uses.
    pub frontend: Option<Named>,
}

/// An image, and the line that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Counted from 1.
    pub line: usize,
    /// Canonical.
    pub image: ImageRef,
}

/// Why a Dockerfile is not built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Counted from 1.
    pub line: usize,
    /// A lowercase fragment without anything of the file but images' names.
    pub why: String,
    /// It is safe or unsafe; this is a mistake.
    pub mistake: bool,
}

impl Refused {
    /// Something that no build may do.
    fn unsafe_(line: usize, why: impl Into<String>) -> Self {
        Self { line, why: why.into(), mistake: false }
    }

    /// Something that is no Dockerfile, or not for certain.
    fn unclear(line: usize, why: impl Into<String>) -> Self {
        Self { line, why: why.into(), mistake: true }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the Dockerfile: {}", self.line, self.why)
    }
}

impl std::error::Error for Refused {}

/// Reads a Dockerfile as it would be built with these build arguments.
///
/// # Errors
/// The first line that is refused.
pub fn read(text: &str, build_args: &BTreeMap<String, String>) -> Result<Dockerfile, Refused> {
    let lines::File { statements, frontend, here_documents } = lines::split(text)?;
    let (mut images, stages) = instructions::walk(&statements, build_args)?;
    images.extend(frontend.clone());
    Ok(Dockerfile { images, stages, here_documents, frontend })
}

/// May a build argument have that name? It is not for those that steer the builder itself.
#[must_use]
pub fn steers_the_builder(key: &str) -> bool {
    key.to_ascii_uppercase().starts_with("BUILDKIT_")
}
