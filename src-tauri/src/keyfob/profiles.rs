//! The profiles, and how they change while their sessions live.

use std::sync::Arc;

use cognito_client::{Error, Origin, Profile, ProfileDocument, ProfileError, ProfileStore};

use super::Keyfob;
use super::account::Account;
use crate::profile::{Known, ProfileSource};
use crate::view::{
    self, CommandError, ErrorCode, ProfileEntryView, ProfilePreviewView, SignOutScope, SignOutView,
};

/// The profiles that can be used, each with its session, and the others.
#[derive(Default)]
pub(super) struct Accounts {
    list: Vec<Account>,
    /// The name of the one the window shows; nothing, where it must not be guessed.
    current: Option<String>,
    pub(super) unusable: Vec<CommandError>,
    pub(super) scheme_not_registered: bool,
}

impl Accounts {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Account> {
        self.list.iter()
    }

    pub(super) fn current(&self) -> Option<&Account> {
        self.named(self.current.as_deref()?)
    }

    pub(super) fn named(&self, name: &str) -> Option<&Account> {
        self.list.iter().find(|account| account.name() == name)
    }

    /// Why there is no current one.
    pub(super) fn none(&self) -> CommandError {
        self.unusable.first().cloned().unwrap_or_else(|| {
            let name = self.current.clone().unwrap_or_default();
            ProfileError::Unknown { name }.into()
        })
    }

    pub(super) fn entries(&self) -> Vec<ProfileEntryView> {
        let entry =
            |account: &Account| account.entry(self.current.as_deref() == Some(account.name()));
        self.list.iter().map(entry).collect()
    }
}

impl Keyfob {
    /// Reads the profiles. Those that are what they were keep their sessions, also under another name.
    pub(super) fn load(&self, current: Option<String>) {
        let Known {
            usable,
            mut unusable,
        } = self.source.load();
        let former = self.accounts.borrow().list.clone();
        let mut list = Vec::with_capacity(usable.len());
        for (profile, origin) in usable {
            let same = former.iter().filter(|account| account.is_for(&profile));
            // Of two that differ in nothing but their names, each keeps its own.
            let same = same.max_by_key(|account| account.name() == profile.name);
            let session = match same {
                Some(same) => Ok(Account {
                    profile,
                    origin,
                    live: same.live.clone(),
                }),
                None => self.account(profile, origin),
            };
            match session {
                Ok(account) => list.push(account),
                Err(error) => unusable.push(error.into()),
            }
        }
        self.accounts.send_if_modified(|accounts| {
            let current = current.or_else(|| accounts.current.take());
            let is_usable = |name: &String| list.iter().any(|account| account.name() == name);
            let current = current
                .filter(is_usable)
                .or_else(|| self.source.selected().filter(is_usable));
            // What cannot be used is never passed over silently: the person would sign in somewhere else.
            let first = list.first().filter(|_| unusable.is_empty());
            let current = current.or_else(|| Some(first?.name().to_owned()));
            *accounts = Accounts {
                list,
                current,
                unusable,
                scheme_not_registered: accounts.scheme_not_registered,
            };
            true
        });
    }

    pub(super) fn named(&self, name: &str) -> Result<Account, CommandError> {
        let account = self.accounts.borrow().named(name).cloned();
        account.ok_or_else(|| ProfileError::Unknown { name: name.into() }.into())
    }

    fn account(&self, profile: Profile, origin: Origin) -> Result<Account, Error> {
        let session = (self.make)(profile.clone())?;
        let accounts = Arc::downgrade(&self.accounts);
        let choices = self.store().ok().cloned();
        Ok(Account::new(profile, origin, session, choices, move || {
            if let Some(accounts) = accounts.upgrade() {
                accounts.send_modify(|_| {});
            }
        }))
    }

    /// Makes another profile the current one, now and after a restart. Nobody is signed out.
    ///
    /// # Errors
    /// [`CommandError`] when there is no such profile, or when it cannot be remembered.
    pub async fn switch(&self, name: &str) -> Result<(), CommandError> {
        let _changing = self.changing.lock().await;
        self.show(name)
    }

    fn show(&self, name: &str) -> Result<(), CommandError> {
        self.named(name)?;
        self.accounts.send_if_modified(|accounts| {
            let before = accounts.current.replace(name.to_owned());
            before.as_deref() != Some(name)
        });
        match &self.source {
            ProfileSource::Stored(store) => Ok(store.select(name)?),
            ProfileSource::Only(_) => Ok(()),
        }
    }

    /// Shows a profile that is not trusted yet.
    ///
    /// # Errors
    /// [`CommandError`] when it is none.
    pub async fn preview(
        &self,
        source: view::ProfileSource,
    ) -> Result<ProfilePreviewView, CommandError> {
        let document = match source {
            view::ProfileSource::Text { text } => ProfileDocument::from_text(text)?,
            view::ProfileSource::Url { url } => {
                let url = url.trim().parse().map_err(|_| ProfileError::NotHttps)?;
                ProfileDocument::fetch(&url).await?
            }
        };
        let ProfileDocument { text, profile, .. } = document;
        let replaces = self.accounts.borrow().named(&profile.name).is_some();
        Ok(ProfilePreviewView::new(text, &profile, replaces))
    }

    /// Adds a profile, or puts it in the place of the one of its name, and makes it the current one. The
    /// session of a user pool that is thereby left is signed out first.
    ///
    /// # Errors
    /// [`CommandError`] when the text is no profile, when there is one of that name and `replace` does
    /// not say so, or when it cannot be kept; nothing has changed then.
    pub async fn add(&self, text: &str, replace: bool) -> Result<(), CommandError> {
        let changing = self.changing.lock().await;
        let store = self.store()?;
        let profile = if replace {
            let profile: Profile = text.parse().map_err(CommandError::from)?;
            let former = self.accounts.borrow().named(&profile.name).cloned();
            if let Some(former) = former.filter(|former| {
                former.origin == Origin::User
                    && former.profile.session_key() != profile.session_key()
            }) {
                self.leave(&former).await?;
            }
            store.replace(text)?
        } else {
            store.add(text)?
        };
        self.load(Some(profile.name.clone()));
        let shown = self.show(&profile.name);
        drop(changing);
        self.restored().await;
        shown
    }

    /// Gives a profile of the person's own another name; its session goes on.
    ///
    /// # Errors
    /// [`CommandError`] when it is not theirs, or when the name is taken or no name.
    pub async fn rename(&self, name: &str, new: &str) -> Result<(), CommandError> {
        let _changing = self.changing.lock().await;
        let profile = self.store()?.rename(name, new)?;
        let is_current = self.accounts.borrow().current.as_deref() == Some(name);
        self.load(is_current.then_some(profile.name));
        Ok(())
    }

    /// Signs a profile of the person's own out of this device, says what of that could not be done, and
    /// removes it. Where another profile shares its session, that goes on, and nobody is signed out.
    ///
    /// # Errors
    /// [`CommandError`] when it is not theirs, when its tokens may still be in the keychain, or when the
    /// file cannot be removed; the profile is there still.
    pub async fn remove(&self, name: &str) -> Result<Option<SignOutView>, CommandError> {
        let changing = self.changing.lock().await;
        let store = self.store()?;
        let account = self.named(name)?;
        if account.origin != Origin::User {
            let (name, origin) = (name.to_owned(), account.origin);
            return Err(ProfileError::NotYours { name, origin }.into());
        }
        let signed_out = self.leave(&account).await?;
        store.remove(name)?;
        self.load(None);
        drop(changing);
        self.restored().await;
        Ok(signed_out)
    }

    /// Signs out what no other profile uses.
    async fn leave(&self, account: &Account) -> Result<Option<SignOutView>, CommandError> {
        let key = account.profile.session_key();
        let shares =
            |other: &Account| other.name() != account.name() && other.profile.session_key() == key;
        if self.accounts.borrow().iter().any(shares) {
            return Ok(None);
        }
        account.live.restored().await;
        let signed_out = self
            .sign_out_of(&account.live, SignOutScope::Device)
            .await?;
        account.live.clone().pay_debts();
        Ok(Some(signed_out))
    }

    fn store(&self) -> Result<&ProfileStore, CommandError> {
        match &self.source {
            ProfileSource::Stored(store) => Ok(store),
            ProfileSource::Only(_) => Err(CommandError {
                code: ErrorCode::NotAllowed,
                message: "Keyfob was started with one profile file, and works with no other."
                    .into(),
                remedy: "Start Keyfob without KEYFOB_PROFILE_FILE to add or change profiles."
                    .into(),
            }),
        }
    }
}
