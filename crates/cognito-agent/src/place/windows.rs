//! A named pipe for its owner only. Pipes have one name space for all users, so its name is random and kept in a
//! file of the user's, together with a proof that whoever listens must give: else another user could listen
//! under the name of a pipe that is gone.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Instant;

use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::{StreamCommon as _, tokio::Listener as _};
use interprocess::local_socket::{
    GenericNamespaced, ListenerOptions, Stream as Blocking, ToNsName as _, traits::Stream as _,
};
use interprocess::os::windows::local_socket::ListenerOptionsExt as _;
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use uuid::Uuid;
use widestring::u16cstr;

/// What is listened at.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: Listener,
    greeting: Vec<u8>,
    address: std::path::PathBuf,
}

/// A connection to whoever listens. It knows no time-outs, as pipes do not.
pub(crate) type Connection = Blocking;

/// The length of a UUID without hyphens.
const UUID_BYTES: usize = 32;

pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    // Below %LOCALAPPDATA%, whose access list is inherited: the user, administrators and the system.
    fs::create_dir_all(folder)
}

pub(super) fn listen(folder: &Path) -> io::Result<Listening> {
    let (name, proof) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
    // The owner may do everything, and nobody is named besides (Microsoft, "Security Descriptor String
    // Format", "SID Strings"). Connections from other computers are refused by default.
    let owner_only = SecurityDescriptor::deserialize(u16cstr!("D:P(A;;GA;;;OW)"))?;
    let listener = ListenerOptions::new()
        .name(format!("keyfob-{name}").to_ns_name::<GenericNamespaced>()?)
        .security_descriptor(owner_only)
        .create_tokio()?;
    let address = folder.join("address");
    let unfinished = folder.join("address.unfinished");
    fs::write(&unfinished, format!("{name}{proof}"))?;
    fs::rename(unfinished, &address)?;
    Ok(Listening {
        listener,
        greeting: proof.to_string().into_bytes(),
        address,
    })
}

pub(super) fn connect(folder: &Path, _until: Instant) -> io::Result<Connection> {
    let address = fs::read_to_string(folder.join("address"))?;
    let (name, proof) = address
        .split_at_checked(UUID_BYTES)
        .ok_or(io::ErrorKind::InvalidData)?;
    let name = format!("keyfob-{name}");
    let mut connection = Blocking::connect(name.to_ns_name::<GenericNamespaced>()?)?;
    let mut greeting = [0; UUID_BYTES];
    connection.read_exact(&mut greeting)?;
    if greeting == proof.as_bytes() {
        Ok(connection)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

impl Listening {
    /// The next connection, which only the same user can make, and the process that made it.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Option<u32>)> {
        let stream = self.listener.accept().await?;
        let pid = stream.peer_creds()?.pid();
        Ok((stream, pid))
    }

    /// Cannot be found any more.
    pub(crate) fn vanish(&self) {
        if let Err(error) = super::remove(&self.address) {
            tracing::warn!(%error, "the agent's address is left behind");
        }
    }

    /// What is said before the answer.
    pub(crate) fn greeting(&self) -> &[u8] {
        &self.greeting
    }
}
