//! Processes of a container, where they live on this machine: not children of ours, but found and ended like them.

use std::fs;

use rustix::process::Signal;

use super::tree::{self, Process};

/// Kills the processes of a command in a container: its first one, those of its session, those with `mark`
/// (`NAME=value`) in their environment, and the children of all these; each only where its cgroup is the container's.
///
/// Gives how many were alive and may be still, so that 0 is certain; none if nothing of the container can be seen here.
#[must_use]
pub fn kill(container: &str, mark: &str, leader: i32) -> Option<usize> {
    let all = inside(container);
    if all.is_empty() {
        return None;
    }
    // A stopped one is killed as well; one that forks meanwhile is seen in the next round.
    let found = of_command(all, mark, leader);
    for process in &found {
        process.signal(Signal::KILL);
    }
    Some(found.len())
}

/// How many processes of a command there are, whose first one is gone; none if nothing of the container can be seen here.
#[must_use]
pub fn left(container: &str, mark: &str) -> Option<usize> {
    let all = inside(container);
    if all.is_empty() { None } else { Some(of_command(all, mark, 0).len()) }
}

fn inside(container: &str) -> Vec<Process> {
    let of_it = |process: &Process| {
        let groups = fs::read_to_string(format!("/proc/{}/cgroup", process.pid));
        groups.is_ok_and(|groups| groups.contains(container))
    };
    tree::all().into_iter().filter(|process| !process.zombie && of_it(process)).collect()
}

fn of_command(all: Vec<Process>, mark: &str, leader: i32) -> Vec<Process> {
    let marked = |process: &Process| {
        let environ = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|word| word == mark.as_bytes())
    };
    let first = |process: &Process| {
        (leader > 0 && (process.pid == leader || process.session == leader)) || marked(process)
    };
    let (mut found, mut others): (Vec<Process>, Vec<Process>) = all.into_iter().partition(first);
    loop {
        let (more, rest): (Vec<Process>, Vec<Process>) =
            others.into_iter().partition(|process| found.iter().any(|parent| parent.pid == process.parent));
        if more.is_empty() {
            return found;
        }
        found.extend(more);
        others = rest;
    }
}
