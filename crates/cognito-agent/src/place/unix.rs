//! A Unix domain socket in a folder that nobody else may enter; who connects is asked of the system as well.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::{StreamCommon, tokio::Listener as _};
use interprocess::local_socket::{
    GenericFilePath, ListenerOptions, PeerCreds, Stream as Blocking, ToFsName as _,
    traits::Stream as _,
};

/// What is listened at.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: Listener,
    socket: PathBuf,
}

/// A connection to whoever listens.
pub(crate) type Connection = Blocking;

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

pub(super) fn connect(folder: &Path) -> io::Result<Connection> {
    is_private(folder)?;
    let connection = Blocking::connect(socket(folder).to_fs_name::<GenericFilePath>()?)?;
    is_own(&connection.peer_creds()?)?;
    Ok(connection)
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
