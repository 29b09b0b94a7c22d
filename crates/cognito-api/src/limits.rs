use std::time::Duration;

/// What one server lets its callers take of it. Beyond a limit, a caller is refused; the server never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request's line and headers; more is 431. Tokens are at most 16 KiB.
    pub header_bytes: usize,
    /// Header lines of a request; more is 431.
    pub headers: usize,
    /// Bytes of a request's body; more is 413, and the connection is closed.
    pub body_bytes: usize,
    /// The header of a request must be there this long after its first byte, and the first byte this long after the
    /// connection was made; else the connection is closed.
    pub header_timeout: Duration,
    /// A request that is not answered after this long, its body's arrival included, is answered 503.
    pub request_timeout: Duration,
    /// A connection without a request is closed after this long. A load balancer in front must close its idle connections
    /// earlier than this, or it sends requests into closed ones (Elastic Load Balancing: 60 seconds by default).
    pub keep_alive: Duration,
    /// A caller who takes in nothing of the answer for this long is cut off.
    pub write_timeout: Duration,
    /// Connections at once; one more is answered 503 and closed. Each takes a file descriptor, of which a process has 1024
    /// unless it is given more, and up to 64 refusals take theirs as well.
    pub connections: usize,
    /// Requests being answered at once; one more is answered 503. The probes are not counted.
    pub requests: usize,
    /// When the server stops, requests in progress get this long.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 32 * 1024,
            headers: 100,
            body_bytes: 64 * 1024,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            connections: 768,
            requests: 512,
            drain_timeout: Duration::from_secs(20),
        }
    }
}
