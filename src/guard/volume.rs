//! Volumes that a caller may make. A volume of the driver `local` with options is a mount(8) as root: of anything on the host.

use std::collections::BTreeMap;

use super::refusal::Refusal;

const RULE: &str = "a volume has the driver local and no options, or exactly type=tmpfs, device=tmpfs and o with a size and \
                    at most uid, gid and mode: other options mount what is on the host";

/// What holds the data of a new volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backing {
    /// A folder of the engine's own.
    Folder,
    /// Memory, lost with the last container that uses it.
    Memory(Tmpfs),
}

/// Memory as a file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tmpfs {
    size: u64,
    uid: Option<u32>,
    gid: Option<u32>,
    mode: Option<u32>,
}

impl Backing {
    /// As the engine takes it, written anew from what was understood.
    #[must_use]
    pub fn options(&self) -> BTreeMap<String, String> {
        let Self::Memory(tmpfs) = self else { return BTreeMap::new() };
        let mut o = format!("size={}", tmpfs.size);
        for (key, value) in [("uid", tmpfs.uid), ("gid", tmpfs.gid)] {
            if let Some(value) = value {
                o.push_str(&format!(",{key}={value}"));
            }
        }
        if let Some(mode) = tmpfs.mode {
            o.push_str(&format!(",mode={mode:04o}"));
        }
        [("type", "tmpfs"), ("device", "tmpfs"), ("o", o.as_str())]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }
}

/// May a volume be made of this driver, with these options? `most`: what may be taken of the host's memory.
///
/// # Errors
/// Why not.
pub fn check(
    driver: Option<&str>,
    options: &BTreeMap<String, String>,
    most: Option<u64>,
) -> Result<Backing, Refusal> {
    if let Some(other) = driver.filter(|driver| *driver != "local") {
        return Err(Refusal::forbidden(format!("the volume driver `{other}`"), RULE));
    }
    if options.is_empty() {
        return Ok(Backing::Folder);
    }
    let forbidden = |key: &str, value: &str| Refusal::forbidden(format!("driver_opts `{key}={value}`"), RULE);
    for (key, value) in options {
        match (key.as_str(), value.as_str()) {
            ("type" | "device", "tmpfs") | ("o", _) => {}
            _ => return Err(forbidden(key, value)),
        }
    }
    let o = match (options.get("type"), options.get("device"), options.get("o")) {
        (Some(_), Some(_), Some(o)) => o,
        _ => return Err(Refusal::forbidden("driver_opts without all of type, device and o", RULE)),
    };
    let tmpfs = tmpfs(o).ok_or_else(|| forbidden("o", o))?;
    match most {
        Some(most) if tmpfs.size > most => Err(Refusal::forbidden(
            format!("a volume of {} bytes of memory", tmpfs.size),
            "it is more than limits.memory under [create_safety]",
        )),
        _ => Ok(Backing::Memory(tmpfs)),
    }
}

fn tmpfs(o: &str) -> Option<Tmpfs> {
    let (mut size, mut found) = (None, Tmpfs::default());
    for part in o.split(',') {
        let (key, value) = part.split_once('=')?;
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let number = || value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok()).flatten();
        let twice = match key {
            "size" => size.replace(bytes(value)?).is_some(),
            "uid" => found.uid.replace(number()?).is_some(),
            "gid" => found.gid.replace(number()?).is_some(),
            "mode" => found.mode.replace(mode(value)?).is_some(),
            _ => return None,
        };
        if twice {
            return None;
        }
    }
    // Without a size it would be half of the host's memory.
    Some(Tmpfs { size: size?, ..found })
}

/// `64m`; never a share of the memory.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|size| *size > 0)
}

fn mode(text: &str) -> Option<u32> {
    // No bit beyond the sticky one: set-uid and set-gid have no use here.
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode & !0o1777 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(driver: Option<&str>, options: &[(&str, &str)]) -> Result<Backing, Refusal> {
        let options = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        check(driver, &options, Some(1 << 30))
    }

    #[test]
    fn a_folder_or_memory() {
        assert_eq!(asked(None, &[]), Ok(Backing::Folder));
        assert_eq!(asked(Some("local"), &[]), Ok(Backing::Folder));
        let memory = |o: &str| asked(Some("local"), &[("type", "tmpfs"), ("device", "tmpfs"), ("o", o)]);
        let o = |o: &str| memory(o).map(|b| b.options().get("o").cloned().unwrap_or_default());
        assert_eq!(o("size=64m"), Ok("size=67108864".into()));
        assert_eq!(o("mode=1777,gid=5,uid=0,size=1G"), Ok("size=1073741824,uid=0,gid=5,mode=1777".into()));
        for bad in [
            "",
            "size=2g",
            "uid=1",
            "size=50%",
            "size=0",
            "size=-1",
            "size=1m,size=2m",
            "size=1m,bind",
            "bind,size=1m",
            "size=1m,exec",
            "size=1m,mode=4777",
            "size=1m,uid=+5",
            "size=1m,uid=",
            "size=1m,mpol=bind:0",
            "size=1m, uid=1",
            "SIZE=1m",
            "size=1m,",
            "size=99999999999999999999",
            "size=1t",
        ] {
            assert!(matches!(memory(bad), Err(Refusal::Forbidden { .. })), "{bad}");
        }
    }

    /// Threat M1: each of them mounted what is on the host.
    #[test]
    fn m1_mounts_of_the_host() {
        for options in [
            &[("type", "none"), ("o", "bind"), ("device", "/")][..],
            &[("type", "none"), ("o", "rbind,ro"), ("device", "/etc")],
            &[("type", "none"), ("o", "bind"), ("device", "/tmp/../etc")],
            &[("type", "overlay"), ("o", "lowerdir=/etc:/usr"), ("device", "overlay")],
            &[("type", "ext4"), ("device", "/dev/vda")],
            &[("type", "proc"), ("device", "proc")],
            &[("type", "sysfs"), ("device", "sysfs")],
            &[("type", "devtmpfs"), ("device", "devtmpfs")],
            &[("type", "cgroup"), ("device", "cgroup"), ("o", "devices")],
            &[("type", "debugfs"), ("device", "debugfs")],
            &[("type", "nfs"), ("device", ":/export"), ("o", "addr=10.0.0.1")],
            &[("type", "cifs"), ("device", "//host/share"), ("o", "username=x")],
            &[("type", "tmpfs"), ("device", "/etc"), ("o", "size=1m")],
            &[("type", "tmpfs"), ("device", "tmpfs")],
            &[("type", "tmpfs"), ("o", "size=1m")],
            &[("device", "tmpfs"), ("o", "size=1m")],
            &[("Type", "none"), ("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m")],
            &[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m"), ("size", "1m")],
            &[("mountpoint", "/etc")],
        ] {
            let refused = asked(None, options);
            assert!(matches!(refused, Err(Refusal::Forbidden { .. })), "{options:?}: {refused:?}");
        }
        for driver in ["vieux/sshfs", "Local", "", "local-persist", "nfs"] {
            assert!(asked(Some(driver), &[]).is_err(), "{driver}");
        }
    }
}
