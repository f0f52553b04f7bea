//! Unix and TCP sockets alike, and what their other side does.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, recv};

#[derive(Debug)]
pub enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    pub fn accept(&self) -> io::Result<Sock> {
        match self {
            Self::Unix(l) => l.accept().map(|(s, _)| Sock::Unix(s)),
            Self::Tcp(l) => {
                let (stream, _) = l.accept()?;
                stream.set_nodelay(true)?;
                Ok(Sock::Tcp(stream))
            }
        }
    }
}

#[derive(Debug)]
pub enum Sock {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Sock {
    pub fn again(&self) -> Self {
        match self {
            Self::Unix(s) => Self::Unix(s.try_clone().unwrap()),
            Self::Tcp(s) => Self::Tcp(s.try_clone().unwrap()),
        }
    }

    pub fn shutdown(&self, how: Shutdown) {
        // The other side may have been first.
        let _gone = match self {
            Self::Unix(s) => s.shutdown(how),
            Self::Tcp(s) => s.shutdown(how),
        };
    }

    pub fn close(&self) {
        self.shutdown(Shutdown::Both);
    }

    /// What came and is not read yet, up to 64 KiB. Waits for the first byte; nothing when the other side is gone.
    pub fn peek(&self) -> Vec<u8> {
        let mut buffer = vec![0; 64 << 10];
        let read = recv(self, &mut buffer[..], RecvFlags::PEEK).map_or(0, |(_, n)| n);
        buffer.truncate(read);
        buffer
    }

    /// The other side closed its end.
    pub fn left(&self, wait: Duration) -> bool {
        let mut fds = [PollFd::new(self, PollFlags::RDHUP)];
        poll(&mut fds, Some(&Timespec::try_from(wait).unwrap())).is_ok_and(|n| n > 0)
    }

    /// Waits until the other side closes.
    pub fn hold(&self) {
        while !self.left(Duration::from_secs(1)) {}
    }

    /// Ends without a farewell: what is unread makes it a reset.
    pub fn reset(&self) {
        if let Self::Tcp(stream) = self {
            // Closing sends RST, whatever was read.
            rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
        }
    }
}

impl AsFd for Sock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(s) => s.as_fd(),
            Self::Tcp(s) => s.as_fd(),
        }
    }
}

impl Read for &Sock {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Sock::Unix(s) => (&mut &*s).read(buffer),
            Sock::Tcp(s) => (&mut &*s).read(buffer),
        }
    }
}

impl Write for &Sock {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Sock::Unix(s) => (&mut &*s).write(data),
            Sock::Tcp(s) => (&mut &*s).write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
