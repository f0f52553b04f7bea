//! A private copy of a context, for the one thing that no tar can say to buildx: a Dockerfile that is left out of the
//! context it builds.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::FileType;
use tokio_util::sync::CancellationToken;

use crate::guard::build::ignore::Ignore;

use super::folder::{Entry, Folder, Unread};

/// What stays free where the copy lies.
const FLOOR: u64 = 256 << 20;

/// Everything in `folder` that is not left out, into `to`, a folder of ours that is not there yet. Blocks.
pub(super) fn copy(
    folder: &Folder,
    ignore: &Ignore,
    to: &Path,
    stop: &CancellationToken,
) -> Result<(), Unread> {
    private(to).map_err(Unread::Untaken)?;
    folder.walk(ignore, |entry| match stop.is_cancelled() {
        true => Err(io::ErrorKind::Interrupted.into()),
        false => one(entry, to),
    })?;
    Ok(())
}

fn private(at: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).recursive(true).create(at)
}

fn one(entry: &Entry<'_>, to: &Path) -> io::Result<()> {
    let at = to.join(entry.path);
    // Of a folder that is left out something may be taken back.
    at.parent().map_or(Ok(()), private)?;
    let mode = |more: u64| Permissions::from_mode(u32::try_from(entry.mode() | more).unwrap_or(0o700));
    match entry.kind() {
        FileType::Directory => {
            private(&at)?;
            // It must take files, and go again.
            fs::set_permissions(&at, mode(0o700))
        }
        FileType::Symlink => entry.link()?.map_or(Ok(()), |to| symlink(to, &at)),
        FileType::RegularFile => {
            let Some((from, size)) = entry.open()? else { return Ok(()) };
            room(&at, size)?;
            let mut file = File::create_new(&at)?;
            io::copy(&mut from.take(size), &mut file)?;
            file.set_modified(UNIX_EPOCH + Duration::from_secs(entry.time()))?;
            File::set_permissions(&file, mode(0o400))
        }
        _ => Ok(()),
    }
}

/// Will the disk take it?
fn room(at: &Path, size: u64) -> io::Result<()> {
    let seen = rustix::fs::statvfs(at.parent().unwrap_or(at))?;
    let free = seen.f_bavail.saturating_mul(seen.f_frsize);
    // Some file systems do not say.
    match seen.f_blocks == 0 || free.saturating_sub(size) >= FLOOR {
        true => Ok(()),
        false => Err(io::Error::other("the disk with the temporary folder is nearly full")),
    }
}
