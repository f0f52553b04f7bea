//! What this process writes is for its user alone, whatever umask it was started with: one that takes the rights of the
//! owner would make a folder for the audit that cannot be written to.

/// Sets it, for this process and the programs it runs.
pub(super) fn private() {
    use rustix::fs::Mode;
    let _before = rustix::process::umask(Mode::RWXG | Mode::RWXO);
}
