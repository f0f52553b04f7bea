//! The fork itself: what is set between it and the new program.

#![expect(
    unsafe_code,
    reason = "a session, a death signal, a mask and limits can only be set between fork and exec. The closure there makes \
              system calls alone: it allocates nothing, locks nothing, and reads only what was laid out before the fork"
)]

use std::ffi::{CString, OsStr, c_char};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, Rlimit, getpid, getppid, setrlimit, setsid, umask};

use super::{Spec, Stdin};

/// A list of strings as `execve` wants it.
struct List {
    _strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers point into the strings beside them, which nobody changes or frees before the list is dropped.
unsafe impl Send for List {}
// SAFETY: as above; nothing can be changed through a shared reference.
unsafe impl Sync for List {}

impl List {
    fn new(strings: Vec<CString>) -> Self {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(std::ptr::null());
        Self { _strings: strings, pointers }
    }
}

/// Starts `program`. The thread that calls this must live as long as the child: the kernel kills the child when it ends.
pub(super) fn start(spec: &Spec, program: &Path, mark: &str) -> io::Result<Child> {
    let path = c_string(program.as_os_str())?;
    let argv = [program.as_os_str()].into_iter().chain(spec.args.iter().map(AsRef::as_ref));
    let argv = List::new(argv.map(c_string).collect::<io::Result<_>>()?);
    let mut envp = vec![c_string(OsStr::new(&format!("{}={mark}", super::VARIABLE)))?];
    for (name, value) in &spec.env {
        envp.push(c_string(&[name.as_os_str(), value.as_os_str()].join(OsStr::new("=")))?);
    }
    let envp = List::new(envp);
    let us = getpid();

    let mut command = Command::new(program);
    command.current_dir(&spec.cwd).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(match spec.stdin {
        Stdin::Null => Stdio::null(),
        Stdin::Piped => Stdio::piped(),
    });
    let between = move || {
        // The whole values are taken in, so that the strings stay with their pointers.
        let (argv, envp) = (&argv, &envp);
        setsid()?;
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // We may have died before the kernel was asked to tell.
        if getppid() != Some(us) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
        // Not left to `Command`: what it calls runs files of an unknown format through a shell.
        // SAFETY: a string and two lists that end with null; all were made before the fork.
        unsafe { libc::execve(path.as_ptr(), argv.pointers.as_ptr(), envp.pointers.as_ptr()) };
        Err(io::Error::last_os_error())
    };
    // SAFETY: `between` keeps to what may be done after a fork of a process with threads: see the reason above.
    unsafe { command.pre_exec(between) };
    command.spawn()
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}
