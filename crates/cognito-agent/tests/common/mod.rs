//! An agent for a signed-in person, on an emulator.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::sync::Arc;
use std::time::Duration;

use cognito_agent::{Account, Agent, Answer, AskError, Place, Request, Want, ask};
use cognito_client::{MemoryStore, Profile, Session};
use cognito_emulator::{Config, Emulator};
use tempfile::TempDir;

#[path = "../../../test_log.rs"]
mod test_log;

pub const AT_LEAST: u64 = 15 * 60;
pub const CREDENTIALS: Want = Want::Credentials { at_least: AT_LEAST };
/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Stage {
    pub emulator: Emulator,
    pub session: Session,
    pub agent: Agent,
    pub place: Place,
    pub folder: TempDir,
}

impl Stage {
    /// With `alex` signed in, and the agent on.
    pub async fn new() -> Self {
        let stage = Self::signed_out().await;
        let url = stage.session.begin().await.unwrap();
        let callback = stage
            .emulator
            .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1")
            .await
            .unwrap();
        stage.session.complete(&callback).await.unwrap();
        stage
    }

    pub async fn signed_out() -> Self {
        test_log::start();
        let emulator = Emulator::start(Config::demo().port(0)).await.unwrap();
        let mut profile = Profile::local_demo();
        profile.issuer = emulator.issuer().parse().unwrap();
        profile.domain = emulator.url();
        profile.endpoints.cognito_identity = Some(emulator.url());
        profile.endpoints.sts = Some(emulator.url());
        let session = Session::new(profile, Arc::new(MemoryStore::new())).unwrap();
        session.restore().await;
        let folder = tempfile::tempdir().unwrap();
        let place = Place::within(folder.path().join("keyfob"));
        let agent = agent(&place, &session);
        agent.set_enabled(true).unwrap();
        Self {
            emulator,
            session,
            agent,
            place,
            folder,
        }
    }

    pub fn request(&self, want: Want) -> Request {
        Request::new(self.session.profile(), want)
    }

    /// As another process does.
    pub async fn ask(&self, want: Want) -> Result<Answer, AskError> {
        self.ask_for(self.request(want)).await
    }

    pub async fn ask_for(&self, request: Request) -> Result<Answer, AskError> {
        let place = self.place.clone();
        tokio::task::spawn_blocking(move || ask(&place, &request, PATIENCE))
            .await
            .unwrap()
    }

    /// How often this operation was asked for.
    pub fn asked(&self, operation: &str) -> usize {
        let requests = self.emulator.requests();
        let asked = requests
            .iter()
            .filter(|request| request.operation.as_deref() == Some(operation));
        asked.count()
    }
}

pub fn agent(place: &Place, session: &Session) -> Agent {
    let (name, account) = (
        session.profile().name.clone(),
        Account::new(session.clone()),
    );
    Agent::new(place.clone(), move |profile| {
        (profile == name).then(|| account.clone())
    })
}
