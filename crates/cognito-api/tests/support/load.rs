//! A crowd: connections that are kept, each asking again as soon as it was answered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// What the crowd asks with, one request after the other; it may be changed while it asks.
pub type Requests = Arc<Mutex<Arc<Vec<Vec<u8>>>>>;

/// What the crowd heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// How many answers had each status.
    pub statuses: BTreeMap<u16, u64>,
    /// Connections that ended without an answer to what was asked, or answers that were none.
    pub lost: u64,
    /// The first answers of the server's failing (5xx).
    pub failures: Vec<String>,
    /// Microseconds from asking to the whole answer, of one answer in sixteen.
    pub micros: Vec<u32>,
}

/// `GET path` with a bearer token.
pub fn request(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: load\r\nauthorization: Bearer {token}\r\n\r\n").into()
}

/// Asks over `connections` until `stop`; a connection that the server closes is made anew.
pub async fn crowd(
    address: &str,
    connections: usize,
    requests: &Requests,
    stop: &Arc<AtomicBool>,
) -> Heard {
    let mut crowd = JoinSet::new();
    for nth in 0..connections {
        let (address, requests) = (address.to_owned(), Arc::clone(requests));
        let stop = Arc::clone(stop);
        crowd.spawn(async move { ask(&address, nth * 157, &requests, &stop).await });
    }
    let mut all = Heard::default();
    for heard in crowd.join_all().await {
        for (status, count) in heard.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
        all.lost += heard.lost;
        all.micros.extend(heard.micros);
        all.failures.extend(heard.failures);
    }
    all
}

async fn ask(address: &str, from: usize, requests: &Requests, stop: &AtomicBool) -> Heard {
    let mut heard = Heard::default();
    let mut next = from;
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            heard.lost += 1;
            continue;
        };
        drop(stream.set_nodelay(true)); // Slower without, nothing else.
        let mut buffer = Vec::with_capacity(4096);
        loop {
            if stop.load(Ordering::Relaxed) {
                return heard;
            }
            let current = Arc::clone(&requests.lock().unwrap_or_else(PoisonError::into_inner));
            next += 1;
            let begin = Instant::now();
            let answer = exchange(&mut stream, &current[next % current.len()], &mut buffer).await;
            let Some((status, close)) = answer else {
                heard.lost += 1;
                break;
            };
            if next.is_multiple_of(16) {
                let micros = u32::try_from(begin.elapsed().as_micros());
                heard.micros.push(micros.unwrap_or(u32::MAX));
            }
            *heard.statuses.entry(status).or_default() += 1;
            if status >= 500 && heard.failures.len() < 4 {
                heard
                    .failures
                    .push(String::from_utf8_lossy(&buffer).into_owned());
            }
            if close {
                break;
            }
        }
    }
    heard
}

/// The status, and whether the server closes the connection; `None` for no answer.
async fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> Option<(u16, bool)> {
    stream.write_all(request).await.ok()?;
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(&buffer[..end])
            .ok()?
            .to_ascii_lowercase();
        let field = |name: &str| {
            let mut lines = head.lines();
            lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
        };
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length: usize = field("content-length:")?.parse().ok()?;
        let close = field("connection:").is_some_and(|value| value == "close");
        let whole = end + 4 + length;
        while buffer.len() < whole {
            if stream.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        }
        return (buffer.len() == whole).then_some((status, close));
    }
}
