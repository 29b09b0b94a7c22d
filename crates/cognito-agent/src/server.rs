//! The end that answers: the app's.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cognito_client::{Clock, SystemClock};
use interprocess::local_socket::tokio::Stream;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::answer::{Account, answer};
use crate::ledger::{HandingOut, Ledger, SignInWanted};
use crate::place::{Listening, Place};
use crate::program::Program;
use crate::protocol::{Answer, MAX_REQUEST, Request, Want, line, parse};

/// How long a program may take to say what it wants, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// After a connection that could not be had.
const PAUSE: Duration = Duration::from_millis(200);
/// How many are answered at a time; the others wait their turn.
const AT_ONCE: usize = 128;

/// Answers the person's own programs: hands them AWS credentials, and tokens, from live sessions.
///
/// Off until [`set_enabled`](Self::set_enabled). Cheap to clone; all clones are the same agent. Must be used
/// inside a Tokio runtime.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

/// The account of the profile with this name.
type Find = dyn Fn(&str) -> Option<Account> + Send + Sync;

struct Inner {
    place: Place,
    find: Box<Find>,
    clock: Arc<dyn Clock>,
    ledger: Ledger,
    /// Of the last credentials that were handed out from each profile: whose they are at AWS.
    roles: Mutex<Vec<Role>>,
    at_once: Arc<Semaphore>,
    running: Mutex<Option<Running>>,
}

/// What AWS says of an access key.
#[derive(Clone)]
struct Role {
    profile: String,
    access_key_id: String,
    arn: String,
    account: String,
}

struct Running {
    listening: Arc<Listening>,
    accepting: JoinHandle<()>,
    claim: File,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.listening.vanish();
        self.accepting.abort();
        // Last, so that nobody else listens before. By name, because a program that is just being started has the file
        // open still (flock(2)).
        if let Err(error) = self.claim.unlock() {
            tracing::warn!(%error, "the right to answer programs is given back later");
        }
    }
}

/// Why an agent does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// Another process of the same user answers there.
    #[error("another Keyfob answers programs already")]
    Taken,
    /// There is something else where the socket would be.
    #[error("{} is in the way of the agent's socket", path.display())]
    Occupied {
        /// What is in the way.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error("the agent cannot listen in {}: {reason}", folder.display())]
    Listen {
        /// Where.
        folder: PathBuf,
        /// Its reason.
        reason: io::Error,
    },
}

impl AgentError {
    /// What the person can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Taken => "Close the other Keyfob, or leave it to that one.".into(),
            Self::Occupied { path } => format!(
                "Look at what {} is, and move it away if you do not need it there.",
                path.display()
            ),
            Self::Listen { folder, .. } => format!(
                "Make sure that {} is a folder that belongs to you and that nobody else may enter (mode 0700).",
                folder.display()
            ),
        }
    }
}

impl Agent {
    /// An agent at this place, which answers for the accounts that `find` finds by their profiles' names.
    pub fn new(
        place: Place,
        find: impl Fn(&str) -> Option<Account> + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                place,
                find: Box::new(find),
                clock: Arc::new(SystemClock),
                ledger: Ledger::new(),
                roles: Mutex::default(),
                at_once: Arc::new(Semaphore::new(AT_ONCE)),
                running: Mutex::default(),
            }),
        }
    }

    /// Begins to answer, or stops it: then the socket is gone, and what is being answered is dropped.
    ///
    /// # Errors
    /// [`AgentError`], when it cannot begin; it is off then.
    pub fn set_enabled(&self, enabled: bool) -> Result<(), AgentError> {
        let mut running = self.running();
        if !enabled {
            *running = None;
        } else if running.is_none() {
            *running = Some(self.start()?);
        }
        Ok(())
    }

    /// Whether it answers.
    pub fn is_enabled(&self) -> bool {
        self.running().is_some()
    }

    /// What was handed out since the start of the app, the newest last; the last 200 times.
    pub fn handed_out(&self) -> watch::Receiver<Vec<HandingOut>> {
        self.inner.ledger.handed_out.subscribe()
    }

    /// The last time that a program got nothing because nobody is signed in: to be told to the person, who
    /// cannot be asked by the program.
    pub fn sign_in_wanted(&self) -> watch::Receiver<Option<SignInWanted>> {
        self.inner.ledger.sign_in_wanted.subscribe()
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        let running = self.inner.running.lock();
        running.unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Result<Running, AgentError> {
        let place = &self.inner.place;
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => AgentError::Occupied {
                path: place.folder().join("agent.sock"),
            },
            _ => AgentError::Listen {
                folder: place.folder().to_owned(),
                reason: error,
            },
        };
        let claim = place.claim().map_err(refused)?.ok_or(AgentError::Taken)?;
        let listening = Arc::new(place.listen().map_err(refused)?);
        Ok(Running {
            accepting: tokio::spawn(accept(self.inner.clone(), listening.clone())),
            listening,
            claim,
        })
    }
}

/// Takes connections until aborted; those that are open end with it.
async fn accept(inner: Arc<Inner>, listening: Arc<Listening>) {
    let mut open = tokio::task::JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let Ok(turn) = inner.at_once.clone().acquire_owned().await else {
            return;
        };
        match listening.accept().await {
            Ok((stream, pid)) => {
                let (inner, listening) = (inner.clone(), listening.clone());
                open.spawn(async move {
                    if let Err(error) = serve(&inner, stream, pid, listening.greeting()).await {
                        tracing::debug!(kind = %error.kind(), "a program was not answered");
                    }
                    drop(turn);
                });
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tracing::warn!("another user's program asked, and was refused");
            }
            Err(error) => {
                tracing::warn!(%error, "a program could not be heard");
                // Most likely there are no more open files to be had, which a moment may change.
                inner.clock.sleep_until(inner.clock.now() + PAUSE).await;
            }
        }
    }
}

async fn serve(
    inner: &Arc<Inner>,
    mut stream: Stream,
    pid: Option<u32>,
    greeting: &[u8],
) -> io::Result<()> {
    let request = timeout(PATIENCE, async {
        stream.write_all(greeting).await?;
        let mut said = Vec::new();
        BufReader::new((&mut stream).take(MAX_REQUEST))
            .read_until(b'\n', &mut said)
            .await?;
        // What is no request gets no answer: a browser, for one, is told nothing.
        parse::<Request>(&said)
    })
    .await??;
    // While the program waits; afterwards it may be gone.
    let program = match request.want {
        Want::Status => Program::default(),
        _ => Program::behind(pid),
    };
    let account = (inner.find)(&request.profile);
    let mut answer = match account.clone() {
        None => Answer::NotMine,
        Some(account) => {
            let request = request.clone();
            // In a task of its own: what has begun is finished, although nobody may wait any more.
            let answering = tokio::spawn(async move { answer(&account, &request).await });
            tokio::select! {
                answer = answering => answer.map_err(io::Error::other)?,
                _ = stream.read_u8() => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
    };
    inner.complete(&request, &mut answer);
    timeout(PATIENCE, async {
        stream.write_all(&line(&answer)).await?;
        stream.flush().await
    })
    .await??;
    inner.note(&request, &answer, program, account);
    Ok(())
}

impl Inner {
    fn roles(&self) -> std::sync::MutexGuard<'_, Vec<Role>> {
        self.roles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn role_of(&self, access_key_id: &str) -> Option<Role> {
        let roles = self.roles();
        roles
            .iter()
            .find(|role| role.access_key_id == access_key_id)
            .cloned()
    }

    /// Adds what is known by now.
    fn complete(&self, request: &Request, answer: &mut Answer) {
        let Answer::Credentials(credentials) = answer else {
            return;
        };
        if matches!(request.want, Want::Credentials { .. }) && credentials.account.is_none() {
            credentials.account = self
                .role_of(&credentials.access_key_id)
                .map(|role| role.account);
        }
    }

    /// Writes down what has just been answered.
    fn note(
        self: &Arc<Self>,
        request: &Request,
        answer: &Answer,
        program: Program,
        account: Option<Account>,
    ) {
        let when = self.clock.now();
        let mut handing_out = HandingOut {
            when,
            program: program.name.clone(),
            pid: program.pid,
            profile: request.profile.clone(),
            what: "",
            access_key_id: None,
            role: None,
            expires: None,
        };
        match (answer, request.want) {
            (Answer::Credentials(credentials), _) => {
                let role = self.role_of(&credentials.access_key_id);
                handing_out.what = "AWS credentials";
                handing_out.access_key_id = Some(credentials.access_key_id.clone());
                handing_out.expires = Some(credentials.expires);
                if role.is_none() {
                    self.learn_role(
                        request.profile.clone(),
                        credentials.access_key_id.clone(),
                        account,
                    );
                }
                handing_out.role = role.map(|role| role.arn);
            }
            (Answer::Token(_), Want::IdToken) => handing_out.what = "ID token",
            (Answer::Token(_), _) => handing_out.what = "access token",
            (Answer::SignInRequired { .. }, _) => {
                return self
                    .ledger
                    .want_sign_in(when, program, request.profile.clone());
            }
            _ => return,
        }
        self.ledger.hand_out(handing_out);
    }

    /// Asks AWS whose the credentials are, which an identity pool does not say.
    fn learn_role(
        self: &Arc<Self>,
        profile: String,
        access_key_id: String,
        account: Option<Account>,
    ) {
        let Some(aws) = account.and_then(|account| account.aws) else {
            return;
        };
        let inner = self.clone();
        tokio::spawn(async move {
            let caller = match aws.caller_identity().await {
                Ok(caller) => caller,
                Err(error) => {
                    return tracing::info!(%error, "the role that was handed out is not known");
                }
            };
            let role = Role {
                profile,
                access_key_id,
                arn: caller.role_arn,
                account: caller.account,
            };
            let (key, arn) = (role.access_key_id.clone(), role.arn.clone());
            {
                let mut roles = inner.roles();
                roles.retain(|known| known.profile != role.profile);
                roles.push(role);
            }
            // Whoever reads of it may ask for more at once.
            inner.ledger.name_role(&key, &arn);
        });
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("place", &self.inner.place)
            .field("enabled", &self.is_enabled())
            .finish_non_exhaustive()
    }
}
