//! Processes as `/proc` shows them; elsewhere there are none to be seen.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal};

use super::mark::VARIABLE;

/// One process. Its pid and its start are one identity: pids are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: i32,
    pub parent: i32,
    pub session: i32,
    pub start: u64,
    pub zombie: bool,
}

/// Every process that can be seen.
pub(super) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(one).collect()
}

/// The process of that pid.
pub(super) fn one(pid: i32) -> Option<Process> {
    parse(pid, &fs::read(at(pid, "stat")).ok()?)
}

/// The namespace that pids are of.
pub(super) fn namespace() -> u64 {
    namespace_of("self")
}

fn namespace_of(pid: &str) -> u64 {
    let link = fs::read_link(format!("/proc/{pid}/ns/pid")).unwrap_or_default();
    let digits: String = link.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// It is of our user and lives among our pids: anybody may write any mark, and root reads everybody's.
pub(super) fn is_among_us(pid: i32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(PathBuf::from(format!("/proc/{pid}"))).map(|meta| meta.uid());
    owner.is_ok_and(|uid| uid == rustix::process::geteuid().as_raw())
        && namespace_of(&pid.to_string()) == namespace()
}

/// The mark in the environment it was started with; none where it may not be read.
pub(super) fn mark(pid: i32) -> Option<String> {
    let environ = fs::read(at(pid, "environ")).ok()?;
    let mut words = environ.split(|byte| *byte == 0).filter_map(|word| std::str::from_utf8(word).ok());
    words.find_map(|word| word.strip_prefix(VARIABLE)?.strip_prefix('=').map(str::to_owned))
}

fn at(pid: i32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{file}"))
}

fn parse(pid: i32, stat: &[u8]) -> Option<Process> {
    let text = String::from_utf8_lossy(stat);
    // The name stands in brackets and may hold anything, brackets too.
    let (_, rest) = text.rsplit_once(')')?;
    let field: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Process {
        pid,
        parent: field.get(1)?.parse().ok()?,
        session: field.get(3)?.parse().ok()?,
        start: field.get(19)?.parse().ok()?,
        zombie: matches!(*field.first()?, "Z" | "X"),
    })
}

impl Process {
    /// The same process is still there, and no zombie.
    pub fn lives(&self) -> bool {
        one(self.pid).is_some_and(|now| now.start == self.start && !now.zombie)
    }

    /// Sends a signal to this process and to no other that got its pid meanwhile.
    pub fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
            match pidfd_open(pid, PidfdFlags::empty()) {
                // The descriptor holds whoever has the pid now; the look after it says whether that is still this one.
                Ok(fd) => {
                    if self.lives() {
                        let _gone_meanwhile = pidfd_send_signal(fd, signal);
                    }
                    return;
                }
                Err(rustix::io::Errno::SRCH) => return,
                // An old kernel, or no descriptor to be had.
                Err(_) => {}
            }
        }
        if self.lives() {
            let _gone_meanwhile = rustix::process::kill_process(pid, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_hides_nothing() {
        let stat = b"7 (a) Z (b) S 3 7 5 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0 18446744073709551615";
        let seen = parse(7, stat).unwrap();
        assert_eq!(seen, Process { pid: 7, parent: 3, session: 5, start: 4711, zombie: false });
        assert_eq!(parse(7, b"7 (a) S 3"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_seen() {
        let me = std::process::id().cast_signed();
        let seen = one(me).unwrap();
        assert!(seen.lives() && all().contains(&seen));
        assert!(!Process { start: seen.start + 1, ..seen }.lives());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_is_of_another_user_or_has_other_pids_is_not_among_us() {
        assert!(is_among_us(std::process::id().cast_signed()));
        let started = |program: &str, args: &[&str]| {
            let child = std::process::Command::new(program).args(args).args(["sleep", "1000"]).spawn();
            std::thread::park_timeout(std::time::Duration::from_millis(300));
            child.ok()
        };
        for (program, args) in [
            ("setpriv", &["--reuid=65534", "--regid=65534", "--clear-groups"] as &[&str]),
            ("unshare", &["--pid", "--fork", "--kill-child"]),
        ] {
            let Some(mut child) = started(program, args) else { continue };
            let pid = child.id().cast_signed();
            // The one that forks stays with us; its child does not.
            let below = all().into_iter().find(|it| it.parent == pid).map_or(pid, |it| it.pid);
            // Only root may become somebody else.
            if child.try_wait().unwrap().is_none() {
                assert!(!is_among_us(below), "{program}");
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_signal_reaches_no_other_process_that_has_the_pid() {
        use std::os::unix::process::ExitStatusExt;
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let seen = one(child.id().cast_signed()).unwrap();
        Process { start: seen.start - 1, ..seen }.signal(Signal::KILL);
        assert!(child.try_wait().unwrap().is_none() && seen.lives(), "another was meant");
        seen.signal(Signal::KILL);
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(!seen.lives());
        seen.signal(Signal::KILL);
    }
}
