//! What a service mounts.

use crate::guard::create::Ask;

use super::Refused;
use super::model::{Bind, Service};
use super::reach;
use super::reader::{self, At};
use super::resources;
use super::service::Around;
use super::stored::{Files, Source};

pub(super) const KEYS: &[&str] = &["configs", "secrets", "tmpfs", "volumes"];

pub(super) fn read(at: &At<'_>, around: &Around<'_>, service: &mut Service) -> Result<(), Refused> {
    for at in at.key("volumes")?.map(|at| at.list()).transpose()?.unwrap_or_default() {
        volume(&at, around, service)?;
    }
    for word in at.key("tmpfs")?.map(|at| at.words()).transpose()?.unwrap_or_default() {
        service.asks.push(Ask::new("tmpfs", word));
    }
    // Compose's own places: secrets have a folder, configs have none.
    files(at, "secrets", around.secrets, "/run/secrets/", service)?;
    files(at, "configs", around.configs, "/", service)
}

fn volume(at: &At<'_>, around: &Around<'_>, service: &mut Service) -> Result<(), Refused> {
    at.closed(&[&["type", "source", "target", "read_only", "consistency", "bind", "volume", "tmpfs"]])?;
    let text = |key: &str| Ok(at.key(key)?.map(|at| at.text()).transpose()?.unwrap_or_default());
    let target = reader::inside(at, text("target")?)?;
    let writable = !at.key("read_only")?.map(|at| at.flag()).transpose()?.unwrap_or(false);
    let source = text("source")?;
    match text("type")? {
        "bind" => {
            let creates = bind(at, service)?;
            let source = reader::absolute(at, source)?;
            mounted(service, Bind { source, target, writable, creates });
        }
        "volume" => {
            if let Some(at) = at.key("volume")? {
                at.closed(&[&["nocopy", "subpath", "labels"]])?;
                service.asks.extend(reach::labels(&at)?);
            }
            // Without a source the engine makes one that is nobody else's.
            if !source.is_empty() {
                let Some(volume) = around.volumes.iter().find(|volume| volume.key == source) else {
                    return Err(at.refuse("there is no such volume", "name it under `volumes`, too"));
                };
                if !service.volumes.contains(&volume.name) {
                    service.volumes.push(volume.name.clone());
                }
                match volume.folder() {
                    Some(source) => {
                        let source = source.to_owned();
                        mounted(service, Bind { source, target, writable, creates: false });
                    }
                    None => {
                        service.asks.extend(volume.asks.iter().cloned());
                        service.asks.push(Ask::new("target", target));
                    }
                }
            } else {
                service.asks.push(Ask::new("target", target));
            }
        }
        "tmpfs" => {
            let mut options = Vec::new();
            if let Some(at) = at.key("tmpfs")? {
                at.closed(&[&["size", "mode"]])?;
                if let Some(size) =
                    at.key("size")?.map(|at| resources::bytes(&at)).transpose()?.filter(|n| *n > 0)
                {
                    options.push(format!("size={size}"));
                }
                if let Some(mode) = at.key("mode")? {
                    options.push(format!("mode={}", mode.scalar()?));
                }
            }
            service.asks.push(Ask::new("tmpfs", format!("{target}:{}", options.join(","))));
        }
        _ => return Err(at.refuse("only bind, volume and tmpfs are mounted here", "use a volume")),
    }
    Ok(())
}

fn mounted(service: &mut Service, bind: Bind) {
    service.asks.push(Ask::new("bind", bind.source.display().to_string()));
    service.asks.push(Ask::new("target", bind.target.clone()));
    service.binds.push(bind);
}

/// What is said of a bind. May its folder be made?
fn bind(at: &At<'_>, service: &mut Service) -> Result<bool, Refused> {
    let Some(at) = at.key("bind")? else { return Ok(true) };
    at.closed(&[&["propagation", "create_host_path", "recursive", "selinux"]])?;
    for key in ["recursive", "selinux"] {
        at.key(key)?.map(|at| at.text()).transpose()?;
    }
    // Shared and slave ones let what is mounted within reach the host, or the host's reach the container.
    if let Some(at) = at.key("propagation")?
        && !matches!(at.text()?, "" | "private" | "rprivate")
    {
        service.asks.push(Ask::new("bind_propagation", at.text()?));
    }
    Ok(at.key("create_host_path")?.map(|at| at.flag()).transpose()?.unwrap_or(true))
}

/// Secrets and configs: files of the host, read only, or contents that compose writes into the container.
fn files(at: &At<'_>, key: &str, known: &Files, folder: &str, service: &mut Service) -> Result<(), Refused> {
    for at in at.key(key)?.map(|at| at.list()).transpose()?.unwrap_or_default() {
        at.closed(&[&["source", "target", "uid", "gid", "mode"]])?;
        let text = |key: &str| Ok(at.key(key)?.map(|at| at.text()).transpose()?.unwrap_or_default());
        let (source, target) = (text("source")?, text("target")?);
        let target = match target {
            "" => format!("{folder}{source}"),
            target if target.starts_with('/') => target.to_owned(),
            target => format!("{folder}{target}"),
        };
        let target = reader::inside(&at, &target)?;
        match known.get(source) {
            Some(Source::File(path)) => {
                let source = path.clone();
                mounted(service, Bind { source, target, writable: false, creates: false });
            }
            Some(Source::Content) => service.asks.push(Ask::new("target", target)),
            None => {
                return Err(at.refuse("there is none of this name", format!("name it under `{key}`, too")));
            }
        }
    }
    Ok(())
}
