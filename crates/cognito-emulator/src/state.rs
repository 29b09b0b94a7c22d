//! Everything that changes while the emulator runs, behind one lock that is never held across an await.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    authorize::AuthorizationRequest,
    clock::Clock,
    config::{Config, User},
    delivery::{Delivery, Purpose},
    faults::Faults,
    iam::Roles,
    identity::Identities,
    keys::Keys,
    pages::Pages,
    random,
    record::RecordedRequest,
    s3::Store,
};

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) roles: Roles,
    pub(crate) store: Arc<Store>,
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) base: String,
    pub(crate) clock: Clock,
    pub(crate) keys: Keys,
    pub(crate) faults: Faults,
    pub(crate) pages: Pages,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// By lower-case user name.
    pub(crate) users: HashMap<String, UserRecord>,
    pub(crate) codes: HashMap<String, AuthorizationCode>,
    /// By `origin_jti`: one per sign-in of one client.
    pub(crate) grants: HashMap<String, Grant>,
    pub(crate) refresh_tokens: HashMap<String, RefreshToken>,
    /// By the value of the `cognito` cookie.
    pub(crate) browsers: HashMap<String, BrowserSession>,
    /// By the hidden field of a page that was served.
    pub(crate) forms: HashMap<String, ServedForm>,
    /// By the value of the `csrf-state` cookie.
    pub(crate) flows: HashMap<String, Flow>,
    pub(crate) identities: Identities,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) requests: Vec<RecordedRequest>,
}

pub(crate) struct UserRecord {
    pub(crate) user: User,
    pub(crate) sub: String,
    pub(crate) enabled: bool,
    pub(crate) code: Option<SentCode>,
}

pub(crate) struct SentCode {
    pub(crate) purpose: Purpose,
    pub(crate) code: String,
    pub(crate) expires: u64,
}

pub(crate) struct AuthorizationCode {
    pub(crate) request: AuthorizationRequest,
    pub(crate) username: String,
    pub(crate) auth_time: u64,
    pub(crate) expires: u64,
}

pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) resource: Option<String>,
    pub(crate) auth_time: u64,
    /// End of every refresh token of this grant; rotation does not move it.
    pub(crate) refresh_expires: u64,
    pub(crate) revoked: bool,
}

pub(crate) struct RefreshToken {
    pub(crate) origin_jti: String,
    /// When rotation replaced it: dead from then on, but for the grace period.
    pub(crate) retired: Option<u64>,
}

pub(crate) struct BrowserSession {
    pub(crate) username: String,
    pub(crate) auth_time: u64,
}

pub(crate) struct ServedForm {
    pub(crate) xsrf_cookie: String,
    pub(crate) served: u64,
}

/// Between two pages: somebody who has given a password and owes a code, or asked for a new password.
pub(crate) struct Flow {
    pub(crate) username: String,
    pub(crate) purpose: Purpose,
    pub(crate) started: u64,
}

/// The `cognito` cookie lives one hour from the interactive sign-in; use does not extend it.
pub(crate) const BROWSER_SESSION_SECONDS: u64 = 3600;

impl Shared {
    pub(crate) fn new(
        config: Config,
        base: String,
        pages: Pages,
        roles: Roles,
        store: Store,
    ) -> Self {
        let mut users = HashMap::new();
        for user in &config.users {
            let record = UserRecord::new(&config.pool_id, user.clone());
            users.insert(user.username.to_lowercase(), record);
        }
        Self {
            config,
            roles,
            store: Arc::new(store),
            base,
            clock: Clock::default(),
            keys: Keys::generate(),
            faults: Faults::default(),
            pages,
            state: Mutex::new(State {
                users,
                ..State::default()
            }),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while locked")
    }

    pub(crate) fn issuer(&self) -> String {
        let own = || format!("{}/{}", self.base, self.config.pool_id);
        self.config.issuer.clone().unwrap_or_else(own)
    }

    /// The issuer without its scheme: the key of `Logins`.
    pub(crate) fn provider_name(&self) -> String {
        let issuer = self.issuer();
        issuer
            .split_once("://")
            .map_or(issuer.clone(), |(_, rest)| rest.to_owned())
    }

    /// Makes a code, keeps it for `seconds`, and "sends" it.
    pub(crate) fn deliver(&self, state: &mut State, username: &str, purpose: Purpose) {
        let seconds = match purpose {
            Purpose::SignUp => 24 * 3600,
            Purpose::ForgotPassword => 3600,
        };
        let expires = self.clock.unix() + seconds;
        let Some(record) = state.users.get_mut(&username.to_lowercase()) else {
            return;
        };
        let code = random::six_digits();
        record.code = Some(SentCode {
            purpose,
            code: code.clone(),
            expires,
        });
        let delivery = Delivery {
            username: record.user.username.clone(),
            destination: record
                .user
                .attributes
                .get("email")
                .unwrap_or(&record.user.username)
                .clone(),
            purpose,
            code,
        };
        if let Some(listener) = &self.config.on_delivery {
            listener.call(&delivery);
        }
        state.deliveries.push(delivery);
    }

    /// Takes a delivered code and changes the user, or says what is wrong in Cognito's words.
    pub(crate) fn redeem(
        &self,
        username: &str,
        purpose: Purpose,
        code: &str,
        change: impl FnOnce(&mut User),
    ) -> Result<(), &'static str> {
        const MISMATCH: &str = "Invalid verification code provided, please try again.";
        let mut state = self.state();
        let record = state.user_mut(username).ok_or(MISMATCH)?;
        let sent = record.code.as_ref().ok_or(MISMATCH)?;
        if sent.purpose != purpose || sent.code != code {
            return Err(MISMATCH);
        }
        if self.clock.unix() >= sent.expires {
            return Err("Invalid code provided, please request a code again.");
        }
        record.code = None;
        change(&mut record.user);
        Ok(())
    }

    /// `a***@e***`, as Cognito shows where it sent a code.
    pub(crate) fn masked_destination(&self, username: &str) -> String {
        let state = self.state();
        let email = state
            .user(username)
            .and_then(|record| record.user.attributes.get("email"));
        let first = |text: &str| text.chars().next().map_or(String::new(), String::from);
        email
            .and_then(|email| email.split_once('@'))
            .map_or(String::new(), |(local, domain)| {
                format!("{}***@{}***", first(local), first(domain))
            })
    }
}

impl State {
    pub(crate) fn user(&self, username: &str) -> Option<&UserRecord> {
        self.users.get(&username.to_lowercase())
    }

    pub(crate) fn user_mut(&mut self, username: &str) -> Option<&mut UserRecord> {
        self.users.get_mut(&username.to_lowercase())
    }

    /// Whether tokens of this grant are still honoured by the user pool.
    pub(crate) fn is_active(&self, origin_jti: &str) -> bool {
        self.grants.get(origin_jti).is_some_and(|grant| {
            !grant.revoked && self.user(&grant.username).is_some_and(|user| user.enabled)
        })
    }

    pub(crate) fn revoke_all_of(&mut self, username: &str) {
        for grant in self.grants.values_mut() {
            if grant.username.eq_ignore_ascii_case(username) {
                grant.revoked = true;
            }
        }
    }
}

impl UserRecord {
    pub(crate) fn new(pool_id: &str, user: User) -> Self {
        Self {
            sub: random::derived_uuid(&["sub", pool_id, &user.username.to_lowercase()]),
            user,
            enabled: true,
            code: None,
        }
    }
}
