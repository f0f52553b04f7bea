//! The catalogue of faults and what is promised under each: the rows of `docs/NEVERHANG.md`.

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its id, as in the reference.
    pub id: &'static str,
    /// What goes wrong.
    pub fault: &'static str,
    /// What the caller sees nevertheless.
    pub promise: &'static str,
    /// The part that it needs is not built yet.
    pub later: Option<&'static str>,
}

/// The row of that id.
pub fn find(id: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.id == id)
}

const fn row(id: &'static str, fault: &'static str, promise: &'static str) -> Row {
    Row { id, fault, promise, later: None }
}

/// A row whose part of the product is not built yet.
const fn later(id: &'static str, fault: &'static str, promise: &'static str, part: &'static str) -> Row {
    Row { id, fault, promise, later: Some(part) }
}

/// Every row, in the order of the table.
pub const ROWS: &[Row] = &[
    row(
        "A1",
        "the socket is missing when the server starts",
        "the server starts; `daemon_unreachable` within 100 ms; works when the socket appears",
    ),
    row(
        "A2",
        "the socket goes away, or another one takes its place",
        "the next call connects anew; a change on its way is looked at again",
    ),
    row(
        "A4",
        "the socket may not be opened",
        "`daemon_permission` within 100 ms; the circuit does not count it",
    ),
    row("A5", "the engine is dead, its socket file is left", "`daemon_unreachable` within 100 ms"),
    row("A6", "the engine's backlog is full", "retried for 2 s, then `daemon_unreachable`"),
    row("A7", "TCP packets vanish", "`daemon_timeout`, phase `connect`, after the connect clock"),
    row(
        "A8",
        "TLS stalls, or the certificate is wrong",
        "within the connect clock: `daemon_timeout` or `daemon_unreachable`",
    ),
    row(
        "A9",
        "ssh asks, or its banner hangs",
        "`daemon_unreachable` or `daemon_timeout` within the connect clock; no `ssh` is left",
    ),
    row("A10", "something else is behind the socket", "`daemon_protocol` within the headers clock"),
    row(
        "A11",
        "the engine's API is too old or too new",
        "one version is agreed on, anew after a reconnect; older than 1.41 is refused clearly",
    ),
    row(
        "A12",
        "another engine behind the same socket",
        "noticed by its ID: what was remembered of the first is forgotten",
    ),
    row("B1", "the engine takes the request and never reads or answers", "`daemon_timeout`, phase `headers`"),
    row(
        "B2",
        "a real engine is stopped in its tracks (SIGSTOP)",
        "`daemon_timeout`; works again after SIGCONT; late answers are nobody's",
    ),
    row(
        "B3",
        "half a head, or a head at 10 bytes a second",
        "`daemon_timeout`, phase `headers`: the clock is for all of the head",
    ),
    row("B4", "the body stalls in the middle", "`daemon_timeout`, phase `idle`"),
    row("B5", "the body comes a byte a second", "`daemon_timeout`, phase `total`"),
    row(
        "B6",
        "the body of an error stalls",
        "the status counts: `daemon_error` or `daemon_protocol`, in time",
    ),
    row(
        "B7",
        "a log that never ends is followed",
        "ends by itself with success; the engine's connection is closed within 1 s",
    ),
    row(
        "B8",
        "a silent container is followed",
        "ends at its time with success; the circuit does not count it",
    ),
    row(
        "B9",
        "JSON that is malformed, of another type, with a tail, or empty",
        "`daemon_protocol`; at most 200 bytes of it are repeated",
    ),
    row("B10", "500 with Docker's message", "`daemon_error`; the circuit does not count it"),
    row("B11", "500, 502 or 504 without Docker's message", "`daemon_protocol`; the circuit counts it"),
    row("B12", "503 because Swarm is off", "`unsupported`; the circuit does not count it"),
    row(
        "B13",
        "the answer is cut short or reset",
        "`daemon_protocol`; of a log what came is given, of JSON nothing",
    ),
    row("B14", "reset in the middle of a pull", "looked at again: done, not done or unknown"),
    row("B15", "a pull fails inside a 200 answer", "`daemon_error`"),
    row(
        "B16",
        "an inspection of 300 MB",
        "`response_too_large` or a shortened answer; memory at most 32 MiB more",
    ),
    row("B17", "JSON without end or without bottom", "refused within a second; memory bounded"),
    row(
        "B18",
        "log frames of 4 GiB, of an unknown type, of no length",
        "streamed and capped, or `daemon_protocol`",
    ),
    row("B19", "300 MB of log without a newline", "answered in time with its end; memory bounded"),
    row("B20", "TTY output that begins like a frame", "shown byte by byte"),
    row("B22", "a head that is huge, or full of odd bytes", "`daemon_protocol`"),
    row(
        "B23",
        "the switch to a command's streams is refused or breaks",
        "`daemon_protocol`; whether it ran is looked up",
    ),
    row("B24", "a command's streams end while it runs", "it is killed; `outcome_unknown`"),
    row("B25", "a command's exit code comes late", "asked again for 2 s"),
    row(
        "B27",
        "one container never answers, the others do",
        "`container_unresponsive` for it; the others are untouched",
    ),
    row("B28", "statistics of 150 containers", "bounded at once; in time; what is missing is named"),
    row(
        "B29",
        "`system df` takes minutes",
        "a class of its own; what is not counted in time is left out, and it is said",
    ),
    row("B30", "the engine's clock is off", "`since` and `until` go by the engine's clock"),
    row(
        "C1",
        "a slow start after a restart",
        "fails fast meanwhile; the first success soon after the engine is ready",
    ),
    row("C2", "the engine is killed in the middle of a command", "`outcome_unknown`, with the output so far"),
    row(
        "C3",
        "the engine is killed in the middle of a change",
        "looked at again by id: `done`, `none` or `unknown`, and the audit says the same",
    ),
    row("C4", "a graceful restart that keeps containers running", "as C3"),
    row("C5", "the engine has no space left", "`daemon_error`; the circuit does not count it"),
    row(
        "C6",
        "the engine is restarted while its events are followed",
        "the stream ends in time and says so; what was hidden stays hidden",
    ),
    row(
        "C7",
        "containerd hangs, the engine does not",
        "lists work; a start ends at its clock; the circuit stays closed",
    ),
    row("C8", "a paused container", "stop and restart work; what cannot work is a `conflict` at once"),
    row(
        "D1",
        "a command that ends at no signal, or never",
        "killed at its time; `exec_timeout` with the output so far",
    ),
    row(
        "D2",
        "what a command left behind: in sessions of their own, without environment, as another user, behind TCP",
        "killed with it; never the container; what cannot be killed is said to run still",
    ),
    row("D3", "something left behind holds a command's streams", "the answer 2 s after the command itself"),
    row("D4", "1 GB of output", "head and tail; memory bounded"),
    row("D5", "the caller gives up in the middle of a command", "it is killed, and recorded so"),
    row(
        "D6",
        "the container ends, is removed or is paused under a command",
        "its exit code, or `conflict`, or the clock; at once where nothing runs any more",
    ),
    row("E1", "a child ignores SIGTERM", "the answer at its time; the child killed after 5 s"),
    row(
        "E2",
        "a grandchild in its own session holds the pipe",
        "answered 2 s after the child's end at the latest; the grandchild gone within 5 s",
    ),
    row("E3", "a daemon forked twice, with an empty environment", "gone within 5 s"),
    row("E4", "a child floods stdout and stderr", "both are read, the end is kept, memory is bounded"),
    row("E5", "a child reads stdin", "it finds its end at once; the protocol's stdin is untouched"),
    row("E6", "a child that cannot be started", "`child_unavailable`, with the reason"),
    row("E7", "a child says 0 and did nothing", "the outcome is looked at, not the code"),
    row("E8", "compose is ended, the engine goes on", "`continuing`"),
    row("E9", "the engine hangs under compose", "the child is killed at its time"),
    row("E10", "ten thousand children", "no zombie, no descriptor more"),
    row("E12", "docker-mcp is killed with SIGKILL", "its children die with it"),
    later("G1", "HTTP disconnects in the middle of a call", "reads end within 1 s, changes go on", "HTTP"),
    row(
        "G2",
        "`notifications/cancelled`, at any time, for any id",
        "no answer for what was cancelled; reads end within 1 s",
    ),
    row("G3", "1,000 calls at once", "all answered; health meanwhile within 200 ms; memory under 256 MiB"),
    row(
        "G4",
        "1,000 changes of one container at once",
        "one at a time; who finds the queue full is told at once",
    ),
    row("G5", "stdin ends, nothing to do", "exit within 1 s"),
    row("G6", "stdin ends during a read", "exit within 2 s"),
    row(
        "G7",
        "stdin ends during a change",
        "the change is waited for, at most 10 s, and its outcome recorded",
    ),
    row("G8", "the client never reads stdout", "exit 74 after 10 s; memory bounded"),
    row(
        "G9",
        "lines of 100 MB, garbage, half lines, bad UTF-8, NUL",
        "refused by their size or as -32700; the session goes on",
    ),
    row("G11", "a flood of progress, and a client that reads slowly", "thinned out, bounded"),
    later("G12", "HTTP in slow motion, idle sessions", "header and idle clocks, caps", "HTTP"),
    row("G13", "a client whose own time is shorter", "progress at once and every 5 s"),
    row(
        "H1",
        "the audit's disk is full",
        "reads go on and say so; changes `audit_unavailable` with no effect; recovers",
    ),
    row("H2", "a line of the audit is torn", "the next begins on its own line"),
    row("H3", "the audit's disk is slow or hangs", "a change is refused after 1 s; reads are not delayed"),
    row("H5", "the audit file is a link, a pipe or somebody else's", "refused"),
    row("H6", "the clock of the machine jumps by a day", "clocks, circuit and audit order are untouched"),
    row("H7", "memory is limited to 256 MiB", "the caps keep it below"),
    row("H8", "no CPU to be had", "answered in its time and 2 s"),
    row("H9", "no network but the socket", "no name is looked up"),
    row(
        "H10",
        "no HOME, odd locale and umask, full `/tmp`, a working folder that is gone",
        "starts and serves",
    ),
    row(
        "H11",
        "SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGTERM twice",
        "ends in time; what was running is answered or recorded",
    ),
    row("H12", "a tool panics", "`internal` with a correlation id; the server lives"),
    later("H13", "the configuration is reloaded during calls", "a running call keeps its own", "HTTP"),
    row(
        "H14",
        "the audit's folder cannot be written at the start",
        "refused, unless `audit.required = false`",
    ),
    row("K1", "two faults, and a third after the window", "closed"),
    row("K2", "three faults within the window", "open at the third"),
    row("K3", "faults at the window's very edge", "the edge counts"),
    row("K4", "a hundred timeouts at once", "one transition, one line in the log"),
    row("K5", "half open, 500 callers", "exactly one reaches the engine"),
    row("K6", "the trial is cancelled, panics or times out", "half open is left soon"),
    row("K7", "a success from before the opening", "does not close"),
    row("K8", "the wall clock jumps by an hour", "no effect"),
    row("K9", "a real engine hangs and goes on", "open after three, closed again in seconds"),
    row("K10", "three port conflicts, denials, cancellations, 404s, slow streams", "closed"),
    row("K11", "an engine that comes and goes", "every answer in its time; no thread or descriptor more"),
    row("K12", "any sequence of events", "as the reference model says"),
    row(
        "S",
        "five calls of a hundred meet a fault, 50 calls a second",
        "no answer lost; memory and descriptors flat; no zombie",
    ),
];
