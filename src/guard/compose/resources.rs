//! What a service takes of the host.

use crate::guard::create::{Amounts, Ask};

use super::Refused;
use super::model::Service;
use super::reader::At;

pub(super) const KEYS: &[&str] =
    &["cpu_period", "cpu_quota", "cpus", "mem_limit", "pids_limit", "shm_size", "ulimits"];

/// The engine's, in microseconds.
const PERIOD: i64 = 100_000;

/// The amounts that are named, the larger where two places name one. Zero and less are no limit, so they count as silence.
pub(super) fn amounts(service: &At<'_>) -> Result<Amounts, Refused> {
    let limits = service.way(&["deploy", "resources", "limits"])?;
    let limit = |key: &str| match &limits {
        Some(limits) => limits.key(key),
        None => Ok(None),
    };
    let mut found = Amounts::default();
    for at in [service.key("mem_limit")?, limit("memory")?].into_iter().flatten() {
        found.memory = found.memory.max(u64::try_from(bytes(&at)?).ok().filter(|n| *n > 0));
    }
    for at in [service.key("pids_limit")?, limit("pids")?].into_iter().flatten() {
        found.pids = found.pids.max(u64::try_from(at.whole()?).ok().filter(|n| *n > 0));
    }
    let mut cpus = Vec::new();
    for at in [service.key("cpus")?, limit("cpus")?].into_iter().flatten() {
        cpus.push(at.number()?);
    }
    let whole = |key: &str| Ok(service.key(key)?.map(|at| at.whole()).transpose()?.unwrap_or(0));
    if let (quota @ 1.., period) = (whole("cpu_quota")?, whole("cpu_period")?) {
        let period = if period > 0 { period } else { PERIOD };
        // Both are far below where a float loses whole numbers, or far above any ceiling.
        #[expect(clippy::cast_precision_loss, reason = "a share of processors needs no more")]
        cpus.push(quota as f64 / period as f64);
    }
    found.cpus = cpus.into_iter().filter(|cpus| *cpus > 0.0).reduce(f64::max);
    Ok(found)
}

/// The asks for memory of the host's and for limits of processes.
pub(super) fn read(at: &At<'_>, service: &mut Service) -> Result<(), Refused> {
    if let Some(at) = at.key("shm_size")? {
        let size = bytes(&at)?;
        if size > 0 {
            service.asks.push(Ask::new("tmpfs", format!("/dev/shm:size={size}")));
        }
    }
    for (name, at) in at.key("ulimits")?.map(|at| at.entries()).transpose()?.unwrap_or_default() {
        let value = match at.map() {
            Err(_) => at.whole()?.to_string(),
            Ok(_) => {
                at.closed(&[&["soft", "hard", "single"]])?;
                // Zeros are not printed.
                let of = |key: &str| Ok(at.key(key)?.map(|at| at.whole()).transpose()?.unwrap_or(0));
                match of("single")? {
                    0 => format!("{}:{}", of("soft")?, of("hard")?),
                    single => single.to_string(),
                }
            }
        };
        service.asks.push(Ask::new("ulimit", format!("{name}={value}")));
    }
    Ok(())
}

/// `52428800`, `50M`, `1.5gb`; -1 is none.
pub(super) fn bytes(at: &At<'_>) -> Result<i64, Refused> {
    let text = at.scalar()?.trim().to_ascii_lowercase();
    let wrong = || at.refuse("it is no amount of memory", "write bytes, or a number with k, m, g or t");
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).ok_or_else(wrong)?;
    let factor = match unit.trim().trim_end_matches('b').trim_end_matches('i') {
        "" => 1.0,
        "k" => 1024.0,
        "m" => 1024.0 * 1024.0,
        "g" => 1024.0 * 1024.0 * 1024.0,
        "t" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * factor;
    #[expect(clippy::cast_possible_truncation, reason = "it is within the range")]
    let bytes = (0.0..9e15).contains(&bytes).then_some(bytes as i64);
    bytes.ok_or_else(wrong)
}
