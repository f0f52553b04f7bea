//! A connection to an engine, before a deadline, or the reason why there is none.
//!
//! One connection serves one request (reuse gains under 0.1 ms), so nothing is pooled here. The deadline covers the
//! name's resolution, the connection and the TLS or ssh handshake. What fails at once is answered at once; only a full
//! backlog is retried, for at most two seconds.

mod error;
mod ssh;
mod tls;
mod unix;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use super::endpoint::Endpoint;
pub use error::{DialError, DialKind};
pub use unix::Peer;

/// What a connection can do.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Connects to `endpoint` before `deadline`. Dropping the result, or this future, leaves nothing behind. A unix socket also
/// tells who is at its other end.
///
/// # Errors
/// The cause and, in [`DialError::hint`], the next step.
pub async fn dial(endpoint: &Endpoint, deadline: Instant) -> Result<(Box<dyn Io>, Option<Peer>), DialError> {
    endpoint.check().map_err(|error| DialError::new(DialKind::Other, endpoint, error))?;
    let io: Box<dyn Io> = match endpoint {
        Endpoint::Unix(path) => {
            let stream = unix::connect(endpoint, path, deadline).await?;
            let peer = unix::peer(&stream, path);
            return Ok((Box::new(stream), peer));
        }
        Endpoint::Tcp { host, port } => Box::new(tcp(endpoint, host, *port, deadline).await?),
        Endpoint::Tls { host, port, material } => {
            Box::new(tls::connect(endpoint, (host, *port), material, deadline).await?)
        }
        Endpoint::Ssh { .. } => Box::new(ssh::connect("ssh".as_ref(), endpoint, deadline).await?),
    };
    Ok((io, None))
}

async fn tcp(endpoint: &Endpoint, host: &str, port: u16, deadline: Instant) -> Result<TcpStream, DialError> {
    let addresses = within(endpoint, deadline, "resolving the name", lookup_host((host, port)))
        .await?
        .map_err(|error| DialError::new(DialKind::Dns, endpoint, error))?;
    let mut last = DialError::new(DialKind::Dns, endpoint, "the name has no address");
    for address in addresses {
        match within(endpoint, deadline, "connecting", TcpStream::connect(address)).await? {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(|error| DialError::of_io(endpoint, &error))?;
                return Ok(stream);
            }
            Err(error) => last = DialError::of_io(endpoint, &error),
        }
    }
    Err(last)
}

/// Waits for one step until the deadline.
async fn within<T>(
    endpoint: &Endpoint,
    deadline: Instant,
    step: &str,
    work: impl Future<Output = io::Result<T>>,
) -> Result<io::Result<T>, DialError> {
    timeout_at(deadline, work)
        .await
        .map_err(|_| DialError::new(DialKind::Timeout, endpoint, format_args!("{step} took too long")))
}
