//! The memory of a process, as the kernel counts it.

/// Resident memory now, in bytes.
pub fn now(pid: u32) -> u64 {
    field(pid, "VmRSS:")
}

/// The most it ever was, in bytes.
pub fn peak(pid: u32) -> u64 {
    field(pid, "VmHWM:")
}

/// The same of a process that may be gone.
pub fn peak_if_alive(pid: u32) -> Option<u64> {
    read(pid, "VmHWM:")
}

fn field(pid: u32, name: &str) -> u64 {
    read(pid, name).expect("the process lives")
}

fn read(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().unwrap() * 1024)
}

/// In MiB, for messages.
#[expect(clippy::cast_precision_loss, reason = "shown, not counted with")]
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
