//! A Unix domain socket in a folder that nobody else may enter; who connects is asked of the system as well.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use interprocess::ConnectWaitMode;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::{StreamCommon, tokio::Listener as _};
use interprocess::local_socket::{
    ConnectOptions, GenericFilePath, ListenerOptions, PeerCreds, Stream as Blocking, ToFsName as _,
    traits::Stream as _,
};

/// What is listened at.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: Listener,
    socket: PathBuf,
}

/// A connection to whoever listens, until a moment after which it fails with [`io::ErrorKind::TimedOut`].
pub(crate) struct Connection {
    stream: Blocking,
    until: Instant,
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("agent.sock")
}

pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    is_private(folder)
}

/// Whether nobody but the user can put anything there, or look at what is there.
fn is_private(folder: &Path) -> io::Result<()> {
    // Not where a link leads: its owner could lead it elsewhere later.
    let metadata = fs::symlink_metadata(folder)?;
    if metadata.is_dir() && metadata.uid() == own_uid() && metadata.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the folder is not the user's alone (mode 0700)",
        ))
    }
}

pub(super) fn listen(folder: &Path) -> io::Result<Listening> {
    let socket = socket(folder);
    // Left by a process that was killed. Anything else is not ours to remove.
    if let Ok(left) = fs::symlink_metadata(&socket) {
        if !left.file_type().is_socket() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        super::remove(&socket)?;
    }
    let listener = ListenerOptions::new()
        .name(socket.as_path().to_fs_name::<GenericFilePath>()?)
        .reclaim_name(false)
        .create_tokio()?;
    let listening = Listening { listener, socket };
    // The folder has kept everybody else out meanwhile.
    fs::set_permissions(&listening.socket, Permissions::from_mode(0o600))?;
    Ok(listening)
}

pub(super) fn connect(folder: &Path, until: Instant) -> io::Result<Connection> {
    is_private(folder)?;
    // Where so many wait that the system takes no more, it says so at once, and nobody is heard below.
    let stream = ConnectOptions::new()
        .name(socket(folder).to_fs_name::<GenericFilePath>()?)
        .wait_mode(ConnectWaitMode::Timeout(left(until)?))
        .connect_sync_as::<Blocking>()?;
    is_own(&stream.peer_creds()?)?;
    Ok(Connection { stream, until })
}

/// Of the time there is; some, for no time at all would be without end.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(io::ErrorKind::TimedOut.into())
    } else {
        Ok(left)
    }
}

/// A socket's own time-out is told as if it had been asked not to wait (socket(7), `SO_RCVTIMEO`).
fn in_time(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// macOS sets nothing any more when the other end is gone, whose last words can still be read, and nothing is waited for.
fn or_gone(set: io::Result<()>) -> io::Result<()> {
    match set {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        set => set,
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = left(self.until)?;
        or_gone(self.stream.set_recv_timeout(Some(left)))?;
        self.stream.read(buffer).map_err(in_time)
    }
}

impl Write for Connection {
    fn write(&mut self, what: &[u8]) -> io::Result<usize> {
        let left = left(self.until)?;
        or_gone(self.stream.set_send_timeout(Some(left)))?;
        self.stream.write(what).map_err(in_time)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Listening {
    /// The next connection of the same user, and the process that made it, where the system tells.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Option<u32>)> {
        let stream = self.listener.accept().await?;
        let peer = stream.peer_creds()?;
        is_own(&peer)?;
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
        Ok((stream, pid))
    }

    /// Cannot be found any more.
    pub(crate) fn vanish(&self) {
        if let Err(error) = super::remove(&self.socket) {
            tracing::warn!(%error, "the agent's socket is left behind");
        }
    }

    /// What is said before the answer: here the system says who listens.
    #[expect(clippy::unused_self, reason = "on Windows it is the listener's")]
    pub(crate) fn greeting(&self) -> &[u8] {
        b""
    }
}

fn is_own(peer: &PeerCreds) -> io::Result<()> {
    if peer.euid() == Some(own_uid()) {
        Ok(())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
