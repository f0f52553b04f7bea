//! What builders say, made fit for a caller: without paths of the engine's host, or of ours.

use std::sync::LazyLock;

use regex::Regex;

/// Folders in which builders keep contexts and images while they work. What stands behind them is the caller's own.
static HOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let work = r"buildkit-mount\d+|docker-builder\d+|containerd-mount\d+|snapshots/\d+(?:/fs)?";
    let images = r"(?:overlay2?|fuse-overlayfs|vfs/dir|btrfs/subvolumes|zfs/graph|aufs/mnt)/[\w-]{20,}(?:/(?:merged|diff|work))?";
    let ours = r"docker-mcp-build-\w+(?:/(?:context|file))?";
    // BuildKit's names of what it looked into say nothing to anybody.
    let names = r"failed to calculate checksum of ref \S+: ";
    Regex::new(&format!(r#"(?:/[^\s"'`:,/]+)*/(?:{work}|{images}|{ours})|{names}"#)).ok()
});

/// The same words without those paths.
pub(super) fn without_host_paths(text: &str) -> String {
    match HOST.as_ref() {
        Some(host) => host.replace_all(text, "").into_owned(),
        // There is always one; and without it nothing is told.
        None => String::new(),
    }
}

/// Do they tell who answers at an address? What a registry says, or does not say, is not for the caller: I7.
pub(super) fn of_a_registry(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "dial ",
        "lookup ",
        "connect",
        "refused",
        "http",
        "tls",
        "x509",
        "timeout",
        "deadline",
        "eof",
        "registry",
        "manifest",
        "metadata",
        "unauthorized",
        "authoriz",
        "denied",
        "resolve",
        "pull",
    ]
    .iter()
    .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_host_go_and_those_of_the_context_stay() {
        for (said, want) in [
            (
                "failed to walk /data/x/tmp/buildkit-mount2280696709/sub: lstat /data/x/tmp/buildkit-mount2280696709/sub: no such file",
                "failed to walk /sub: lstat /sub: no such file",
            ),
            (
                "COPY failed: stat /var/lib/docker/tmp/docker-builder83/nosuch: no such file",
                "COPY failed: stat /nosuch: no such file",
            ),
            ("lchown /data/overlay2/0123456789abcdef0123456789-init/merged/etc: x", "lchown /etc: x"),
            ("failed to calculate checksum of ref e28-1::krx5sl: \"/x\": not found", "\"/x\": not found"),
            ("open \"/tmp/docker-mcp-build-aB3/context/a\"", "open \"/a\""),
            ("\"/nosuch\": not found", "\"/nosuch\": not found"),
            ("cat: /data/file: no", "cat: /data/file: no"),
        ] {
            assert_eq!(without_host_paths(said), want);
        }
    }

    #[test]
    fn registries_are_not_quoted() {
        assert!(of_a_registry(
            "x/y: failed to do request: Head \"https://x\": dial tcp: lookup x: no such host"
        ));
        assert!(!of_a_registry("circular dependency detected on stage: a"));
    }
}
