//! Starting, steering and watching an emulator.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinSet};
use url::Url;

use crate::{
    config::Config,
    css::CssError,
    delivery::Delivery,
    faults::{Endpoint, Fault},
    iam::Roles,
    pages::Pages,
    record::{ArrivedAt, RecordedRequest},
    s3, server,
    state::Shared,
};

/// A running emulator. Dropping it ends it.
pub struct Emulator {
    shared: Arc<Shared>,
    s3: s3::Endpoint,
    port: u16,
    /// One for each address; dropped, they end.
    servers: Mutex<JoinSet<()>>,
}

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens there.
    #[error(
        "port {port} on 127.0.0.1 is taken: end the program that uses it, or choose another with --port"
    )]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// The operating system refused to listen.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// Its reason.
        source: io::Error,
    },
    /// A role with a policy document that cannot be used.
    #[error("the policies of {role} cannot be used: {reason}")]
    Policy {
        /// The role's ARN.
        role: String,
        /// What is wrong.
        reason: String,
    },
    /// The folder for the contents of buckets cannot be used.
    #[error("cannot keep objects in {}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The operating system's reason, or what is wrong with a record in it.
        source: io::Error,
    },
    /// Custom CSS that Cognito would refuse.
    #[error(transparent)]
    Css(#[from] CssError),
}

impl Emulator {
    /// Listens on 127.0.0.1, and nowhere else, until dropped. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the port is taken, the custom CSS breaks Cognito's rules, a policy says what is not understood here, or the
    /// folder for objects cannot be used.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let pages = Pages::new(config.css.as_deref())?;
        let roles = Roles::check(&config.roles)
            .map_err(|(role, reason)| StartError::Policy { role, reason })?;
        let folder = config.s3_folder.clone().unwrap_or_else(std::env::temp_dir);
        let explain = |source: io::Error| StartError::Folder {
            folder: folder.clone(),
            source,
        };
        let store =
            s3::Store::open(config.s3_folder.as_deref(), &config.buckets).map_err(explain)?;
        let (listener, port) = listen(config.port).await?;
        let shared = Arc::new(Shared::new(config, origin(port), pages, roles, store));
        s3::add_samples(&shared)
            .await
            .map_err(|error| explain(io::Error::other(error)))?;
        let s3 = s3::Endpoint::new(&shared);
        let mut servers = JoinSet::new();
        servers.spawn(server::serve(
            listener,
            ArrivedAt(port),
            Arc::clone(&shared),
            s3.clone(),
        ));
        Ok(Self {
            shared,
            s3,
            port,
            servers: Mutex::new(servers),
        })
    }

    /// Gives the user pool one more domain, on a free port: `http://127.0.0.1:PORT`. The same endpoints answer there as at
    /// [`domain`](Self::domain), so that requests can be told apart by whom the domain was given to; or, as a proxy's, by who goes by way of it.
    ///
    /// # Errors
    /// When the operating system refuses to listen.
    pub async fn add_domain(&self) -> Result<String, StartError> {
        let (listener, port) = listen(0).await?;
        let shared = Arc::clone(&self.shared);
        let server = server::serve(listener, ArrivedAt(port), shared, self.s3.clone());
        let mut servers = self.servers.lock().expect("no panic while locked");
        servers.spawn(server);
        Ok(origin(port))
    }

    /// `http://127.0.0.1:PORT/`: the user pool's domain, and the endpoint of every AWS service here.
    pub fn url(&self) -> Url {
        Url::parse(&self.shared.base).expect("an IP address and a port make a URL")
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The root of the OAuth endpoints and the hosted UI, without a slash at the end.
    pub fn domain(&self) -> String {
        self.shared.base.clone()
    }

    /// The `iss` of every token; discovery and JWKS are below it.
    pub fn issuer(&self) -> String {
        self.shared.issuer()
    }

    /// The issuer without its scheme: the key of `Logins` at the identity pool.
    pub fn provider_name(&self) -> String {
        self.shared.provider_name()
    }

    #[cfg(feature = "test-browser")]
    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Moves the emulator's clock forward. Tokens, codes, cookies, credentials and the `Date` header follow.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Answers the next request to `endpoint` with `fault`; several queue up.
    pub fn fail_next(&self, endpoint: Endpoint, fault: Fault) {
        self.shared.faults.queue(endpoint, fault);
    }

    /// Takes back every fault that is queued and has struck nobody yet; gives those.
    pub fn clear_faults(&self) -> Vec<(Endpoint, Fault)> {
        self.shared.faults.clear()
    }

    /// Lets every request held by [`Fault::Stall`] go on.
    pub fn release(&self) {
        self.shared.faults.release();
    }

    /// Replaces both signing keys. The old ones leave the JWKS, so tokens they signed are worth nothing.
    pub fn rotate_keys(&self) {
        self.shared.keys.rotate();
    }

    /// Disables a user: no sign-in, no refresh, and the tokens count as revoked.
    pub fn disable_user(&self, username: &str) {
        if let Some(record) = self.shared.state().user_mut(username) {
            record.enabled = false;
        }
    }

    /// What `AdminUserGlobalSignOut` does: revokes every token of the user. Browser sessions survive.
    pub fn sign_out_everywhere(&self, username: &str) {
        self.shared.state().revoke_all_of(username);
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().requests.clone()
    }

    /// Every code "sent" so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.state().deliveries.clone()
    }

    /// Ends it and waits until its ports are free.
    pub async fn shutdown(self) {
        let mut servers = self.servers.into_inner().expect("no panic while locked");
        servers.shutdown().await;
        self.shared.store.close();
    }
}

async fn listen(port: u16) -> Result<(TcpListener, u16), StartError> {
    let explain = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { port },
        _ => StartError::Listen { port, source },
    };
    let listener = server::bind(port).await.map_err(explain)?;
    let port = listener.local_addr().map_err(explain)?.port();
    Ok((listener, port))
}

fn origin(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("url", &self.shared.base)
            .finish_non_exhaustive()
    }
}
