//! The person's AWS access for other programs: the agent that answers them, the clipboard, the AWS CLI's
//! config file.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cognito_agent::{Account as Handed, Agent, HandingOut, Place, SignInWanted};
use cognito_aws::{Addition, CallerIdentity, ConfigChange, SharedConfig, SharedConfigError};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use zeroize::Zeroizing;

use super::Keyfob;
use super::account::Account;
use crate::clipboard::Clipboard;
use crate::view::{
    AccessView, AwsConfigView, CommandError, CopiedView, CredentialsFormat, ErrorCode,
    HandingOutView, RolesView, sentence, unix_seconds,
};

/// So much is wanted of credentials that are copied, which nobody can renew there: as much as there can be.
const LASTING: Duration = Duration::from_secs(12 * 60 * 60);
/// How many handings-out are shown.
const SHOWN: usize = 200;

/// What of this computer the person's programs and the app have in common.
pub struct Surroundings {
    /// Where programs find the app; nothing for a person without folders.
    pub place: Option<Place>,
    /// A file that is there when the person does not want programs answered.
    pub programs_off: Option<PathBuf>,
    /// The AWS CLI's files.
    pub aws_files: Result<SharedConfig, SharedConfigError>,
    /// The `keyfob` command, where it is installed.
    pub command: Option<PathBuf>,
    /// Where credentials are copied to.
    pub clipboard: Clipboard,
}

/// The same at work.
pub(super) struct Access {
    agent: Option<Agent>,
    programs_off: Option<PathBuf>,
    aws_files: Result<SharedConfig, SharedConfigError>,
    command: Option<PathBuf>,
    clipboard: Clipboard,
    programs: watch::Sender<Programs>,
    /// What the person has seen, and may have done.
    planned: Mutex<Option<ConfigChange>>,
    /// The task that tells the page; a reloaded page takes the place of the one before.
    page: Mutex<Option<AbortHandle>>,
}

/// Whether programs are answered, and what the person handed out themself.
#[derive(Clone, Default)]
struct Programs {
    allowed: bool,
    problem: Option<CommandError>,
    copied: Vec<HandingOutView>,
}

impl Keyfob {
    /// Opens the app to the person's other programs. None is answered before
    /// [`answer_programs_as_before`](Self::answer_programs_as_before).
    #[must_use]
    pub fn within(mut self, surroundings: Surroundings) -> Self {
        let accounts = Arc::downgrade(&self.accounts);
        let find = move |profile: &str| {
            let accounts = accounts.upgrade()?;
            let accounts = accounts.borrow();
            let live = &accounts.named(profile)?.live;
            Some(Handed {
                session: live.session.clone(),
                aws: live.aws.clone(),
            })
        };
        self.access = Some(Access {
            agent: surroundings.place.map(|place| Agent::new(place, find)),
            programs_off: surroundings.programs_off,
            aws_files: surroundings.aws_files,
            command: surroundings.command,
            clipboard: surroundings.clipboard,
            programs: watch::Sender::default(),
            planned: Mutex::default(),
            page: Mutex::default(),
        });
        self
    }

    fn access(&self) -> Result<&Access, CommandError> {
        self.access.as_ref().ok_or_else(|| CommandError {
            code: ErrorCode::Unexpected,
            message: "Keyfob was started without other programs.".into(),
            remedy: "Quit Keyfob and start it again.".into(),
        })
    }

    /// Answers programs, unless the person has said that they do not want that. Must be called inside a
    /// Tokio runtime.
    pub fn answer_programs_as_before(&self) {
        if let Ok(access) = self.access() {
            access.answer(access.is_allowed());
        }
    }

    /// Answers programs from now on, or does not, and remembers it.
    ///
    /// # Errors
    /// [`CommandError`] when it cannot be remembered. Programs are then answered as before, or not any more.
    pub async fn answer_programs(&self, allowed: bool) -> Result<(), CommandError> {
        let access = self.access()?;
        if !allowed {
            access.answer(false);
        }
        access.remember(allowed).map_err(|error| CommandError {
            code: ErrorCode::NotAllowed,
            message: format!("Keyfob cannot remember this: {error}."),
            remedy: "Make sure that Keyfob's configuration folder is yours and can be written, then try again.".into(),
        })?;
        if allowed {
            access.answer(true);
        }
        Ok(())
    }

    /// Puts a link to a file on the clipboard.
    pub(super) async fn copy_link(&self, link: Zeroizing<String>) -> Result<(), CommandError> {
        let kept = self.access()?.clipboard.keep(link).await;
        kept.map_err(|reason| no_clipboard(&reason, "Try again, or start Keyfob again."))
    }

    /// Gives the present view of what programs get, and each one that follows, until `tell` says nobody
    /// listens any more, or somebody else watches.
    ///
    /// # Errors
    /// [`CommandError`] in an app that has nothing to do with programs.
    pub fn watch_access(
        &self,
        mut tell: impl FnMut(AccessView) -> bool + Send + 'static,
    ) -> Result<(), CommandError> {
        let access = self.access()?;
        let mut programs = access.programs.subscribe();
        let mut handed_out = match &access.agent {
            Some(agent) => agent.handed_out(),
            None => watch::Sender::new(Vec::new()).subscribe(),
        };
        let task = tokio::spawn(async move {
            loop {
                let view = view(
                    &programs.borrow_and_update(),
                    &handed_out.borrow_and_update(),
                );
                if !tell(view) {
                    return;
                }
                let changed = tokio::select! {
                    changed = programs.changed() => changed,
                    Ok(()) = handed_out.changed() => Ok(()),
                };
                if changed.is_err() {
                    return;
                }
            }
        });
        let mut page = access.page.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(former) = page.replace(task.abort_handle()) {
            former.abort();
        }
        Ok(())
    }

    /// The last time a program got nothing because nobody is signed in.
    pub(crate) fn sign_in_wanted(&self) -> Option<watch::Receiver<Option<SignInWanted>>> {
        let agent = self.access().ok()?.agent.as_ref()?;
        Some(agent.sign_in_wanted())
    }

    /// The roles the person may take.
    ///
    /// # Errors
    /// [`CommandError`] when nobody is signed in.
    pub async fn aws_roles(&self) -> Result<RolesView, CommandError> {
        Ok(self.current()?.live.aws()?.roles().await?.into())
    }

    /// Takes another role from now on, or the one that is taken without a choice.
    ///
    /// # Errors
    /// [`CommandError`] when it is none of the person's, or the choice cannot be kept.
    pub async fn choose_role(&self, role: Option<&str>) -> Result<(), CommandError> {
        let account = self.current()?;
        let aws = account.live.aws()?;
        match role {
            Some(role) => aws.choose_role(role).await?,
            None => aws.forget_role()?,
        }
        Ok(())
    }

    /// Puts the person's AWS credentials on the clipboard, for a minute.
    ///
    /// # Errors
    /// [`CommandError`] when there are none, or the clipboard cannot be had.
    pub async fn copy_credentials(
        &self,
        format: CredentialsFormat,
    ) -> Result<CopiedView, CommandError> {
        let access = self.access()?;
        let Account { profile, live, .. } = self.current()?;
        let aws = live.aws()?.clone();
        let provider = aws.credentials_provider();
        let credentials = provider.credentials_lasting(LASTING).await?;
        let settings = [
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key()),
            (
                "AWS_SESSION_TOKEN",
                credentials.session_token().unwrap_or_default(),
            ),
            ("AWS_REGION", &profile.region),
        ];
        let text = written(&SharedConfig::name_for(&profile.name), &settings, format)?;
        let remedy = "Try again, or use the keyfob command: keyfob env prints the same.";
        let until = access.clipboard.copy(text).await;
        let until = until.map_err(|reason| no_clipboard(&reason, remedy))?;
        let expires_at = credentials.expiry().map(unix_seconds);
        let copied = HandingOutView {
            // The clipboard's clock is the computer's, as the agent's is.
            at: unix_seconds(until - Clipboard::STAYS),
            program: None,
            profile: profile.name,
            what: "AWS credentials".into(),
            role: None,
            expires_at,
        };
        access.programs.send_modify(|programs| {
            programs.copied.push(copied.clone());
            let surplus = programs.copied.len().saturating_sub(SHOWN);
            programs.copied.drain(..surplus);
        });
        let programs = access.programs.clone();
        // An identity pool does not say whose they are; nobody waits for AWS to.
        tokio::spawn(async move {
            let caller = aws.caller_identity().await;
            let of_these =
                |caller: &CallerIdentity| Some(unix_seconds(caller.expires)) == expires_at;
            if let Some(caller) = caller.ok().filter(of_these) {
                programs.send_modify(|programs| {
                    for listed in programs
                        .copied
                        .iter_mut()
                        .filter(|listed| **listed == copied)
                    {
                        listed.role = Some(caller.role_arn.clone());
                    }
                });
            }
        });
        Ok(CopiedView {
            cleared_at: unix_seconds(until),
            expires_at,
        })
    }

    /// Leaves no credentials on the clipboard; to be called when the app ends.
    pub fn clear_clipboard(&self) {
        if let Ok(access) = self.access() {
            access.clipboard.clear();
        }
    }

    /// Shows what would make the AWS CLI and the SDKs work as the person with the current profile, or what
    /// would undo that. Nothing is written.
    ///
    /// # Errors
    /// [`CommandError`] when it cannot be done.
    pub fn plan_aws_config(&self, remove: bool) -> Result<AwsConfigView, CommandError> {
        let access = self.access()?;
        let profile = self.current()?.profile;
        let files = access.aws_files.clone()?;
        let entries = files.entries()?.into_iter();
        let ours = entries.filter(|entry| entry.profile == profile.name);
        let ours = ours.map(|entry| entry.name).next();
        let (name, change) = if remove {
            let change = files.plan_remove(&profile.name, None)?;
            (ours.unwrap_or_default(), change)
        } else {
            let name = ours.unwrap_or_else(|| SharedConfig::name_for(&profile.name));
            let plan = |name: String| {
                let addition = Addition {
                    name: name.clone(),
                    ..Addition::of(&profile, access.command()?)
                };
                Ok::<_, CommandError>(files.plan_add(&addition).map(|change| (name, change)))
            };
            match plan(name.clone())? {
                // Somebody else's of that name stays what it is.
                Err(SharedConfigError::Taken { .. }) => plan(format!("keyfob-{name}"))??,
                planned => planned?,
            }
        };
        let view = AwsConfigView::new(name, &change);
        *access
            .planned
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(change);
        Ok(view)
    }

    /// Does what was [shown](Self::plan_aws_config) last.
    ///
    /// # Errors
    /// [`CommandError`] when nothing was shown, or it cannot be done; the file is as it was.
    pub async fn apply_aws_config(&self) -> Result<(), CommandError> {
        let planned = &self.access()?.planned;
        let planned = planned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let change = planned.ok_or_else(|| CommandError {
            code: ErrorCode::Unexpected,
            message: "There is nothing to write.".into(),
            remedy: "Look at the lines again, then try again.".into(),
        })?;
        // It waits for other programs that are writing the file.
        let written = tokio::task::spawn_blocking(move || change.apply()).await;
        written.expect("writing a file does not panic")?;
        Ok(())
    }
}

impl Access {
    fn answer(&self, allowed: bool) {
        let done = self.agent.as_ref().map(|agent| agent.set_enabled(allowed));
        let problem = done.and_then(Result::err).map(|error| CommandError {
            code: ErrorCode::Misconfigured,
            message: sentence(&error.to_string()),
            remedy: error.remedy(),
        });
        self.programs.send_modify(|programs| {
            programs.allowed = allowed;
            programs.problem = problem;
        });
    }

    /// On, unless the person said otherwise or that cannot be read. The socket is for the person's own
    /// programs, which could ask the keychain as well; what is handed out is listed, and not asking is no
    /// protection against a program that runs as the person.
    fn is_allowed(&self) -> bool {
        let off = self.programs_off.as_ref().map(|file| file.try_exists());
        matches!(off, None | Some(Ok(false)))
    }

    fn remember(&self, allowed: bool) -> io::Result<()> {
        let file = self.programs_off.as_ref().ok_or(io::ErrorKind::NotFound)?;
        if allowed {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        } else {
            file.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(
                file,
                "Keyfob answers no programs while this file is here.\n",
            )
        }
    }

    fn command(&self) -> Result<PathBuf, CommandError> {
        self.command.clone().ok_or_else(|| CommandError {
            code: ErrorCode::Misconfigured,
            message: "The keyfob command is not installed.".into(),
            remedy: "Install Keyfob by its package or installer, which brings the command with it, or put keyfob into a folder of PATH; then start Keyfob again.".into(),
        })
    }
}

fn view(programs: &Programs, handed_out: &[HandingOut]) -> AccessView {
    let to_programs = handed_out.iter().map(HandingOutView::from);
    let mut all: Vec<_> = programs.copied.iter().cloned().chain(to_programs).collect();
    // By second, in which the later ones of each list come first.
    all.reverse();
    all.sort_by_key(|one| std::cmp::Reverse(one.at));
    all.truncate(SHOWN);
    AccessView {
        allowed: programs.allowed,
        problem: programs.problem.clone(),
        handed_out: all,
    }
}

/// The settings in the words of a shell or of `~/.aws/credentials`.
fn written(
    name: &str,
    settings: &[(&str, &str)],
    format: CredentialsFormat,
) -> Result<Zeroizing<String>, CommandError> {
    let plain = |value: &str| value.chars().all(|c| c.is_ascii_graphic() && c != '\'');
    if !settings.iter().all(|(_, value)| plain(value)) {
        // Somebody is about to have a shell run it.
        return Err(CommandError {
            code: ErrorCode::Unexpected,
            message: "AWS sent credentials that are none.".into(),
            remedy: "Try again. If it keeps happening, give this message to your administrator."
                .into(),
        });
    }
    // As long as it will be, so that no half of it is left behind.
    let length: usize = settings
        .iter()
        .map(|(name, value)| name.len() + value.len() + 20)
        .sum();
    let mut text = Zeroizing::new(String::with_capacity(length + name.len() + 20));
    if format == CredentialsFormat::Ini {
        let _ = writeln!(text, "[{name}]");
    }
    for (name, value) in settings {
        let _ = match format {
            CredentialsFormat::Shell => writeln!(text, "export {name}='{value}'"),
            CredentialsFormat::PowerShell => writeln!(text, "$env:{name} = '{value}'"),
            CredentialsFormat::Ini => {
                let name = name.to_ascii_lowercase();
                let name = if name == "aws_region" {
                    "region"
                } else {
                    &name
                };
                writeln!(text, "{name} = {value}")
            }
        };
    }
    Ok(text)
}

fn no_clipboard(reason: &str, remedy: &str) -> CommandError {
    tracing::warn!(reason, "the clipboard is not to be had");
    CommandError {
        code: ErrorCode::Unexpected,
        message: "The clipboard could not be written to.".into(),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_written_for_whoever_reads_them() {
        let settings = [("AWS_ACCESS_KEY_ID", "ASIA1"), ("AWS_REGION", "eu-west-1")];
        for (format, expected) in [
            (
                CredentialsFormat::Shell,
                "export AWS_ACCESS_KEY_ID='ASIA1'\nexport AWS_REGION='eu-west-1'\n",
            ),
            (
                CredentialsFormat::PowerShell,
                "$env:AWS_ACCESS_KEY_ID = 'ASIA1'\n$env:AWS_REGION = 'eu-west-1'\n",
            ),
            (
                CredentialsFormat::Ini,
                "[acme]\naws_access_key_id = ASIA1\nregion = eu-west-1\n",
            ),
        ] {
            assert_eq!(*written("acme", &settings, format).unwrap(), expected);
        }
        for hostile in ["a'; rm -rf ~ #", "a\nb", "a b", "“"] {
            let settings = [("AWS_SESSION_TOKEN", hostile)];
            let error = written("acme", &settings, CredentialsFormat::Shell).unwrap_err();
            assert!(!error.message.contains(hostile));
        }
    }
}
