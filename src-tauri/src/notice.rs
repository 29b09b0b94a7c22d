//! One notification when a session has truly ended, with a button to sign in again.

use std::collections::HashMap;
use std::sync::Arc;

use notify_rust::{Notification, NotificationResponse, Timeout};
use tauri::AppHandle;
use tokio::sync::oneshot;

use crate::view::{ProfileEntryView, Stage};
use crate::{Keyfob, act};

/// Tells of every session that ends from now on; what had ended before, the window shows.
pub(crate) fn follow(app: &AppHandle, keyfob: &Arc<Keyfob>) {
    let app = app.clone();
    let mut before: Vec<ProfileEntryView> = Vec::new();
    // Dropped when it is no longer so, which takes the notification away.
    let mut told: HashMap<String, oneshot::Sender<()>> = HashMap::new();
    keyfob.follow(move |view| {
        told.retain(|name, _| {
            let still = |profile: &&ProfileEntryView| profile.state == Stage::Expired;
            view.profiles
                .iter()
                .filter(still)
                .any(|profile| profile.name == *name)
        });
        for profile in ended(&before, &view.profiles) {
            let (so, over) = oneshot::channel();
            told.insert(profile.to_owned(), so);
            tell(&app, profile, over);
        }
        before = view.profiles;
        true
    });
}

/// The profiles whose person was signed in, and is not any more without having asked for it.
fn ended<'a>(
    before: &'a [ProfileEntryView],
    after: &'a [ProfileEntryView],
) -> impl Iterator<Item = &'a str> {
    let was_signed_in = |name: &str| {
        let same = before.iter().find(|profile| profile.name == name);
        same.is_some_and(|profile| profile.state == Stage::SignedIn)
    };
    after
        .iter()
        .filter(|profile| profile.state == Stage::Expired)
        .map(|profile| profile.name.as_str())
        .filter(move |name| was_signed_in(name))
}

fn tell(app: &AppHandle, profile: &str, over: oneshot::Receiver<()>) {
    let (app, profile) = (app.clone(), profile.to_owned());
    // It waits for the person, for as long as they take.
    let waiting = std::thread::Builder::new().name("notification".into());
    let started = waiting.spawn(move || {
        let shown = notification(&profile).show();
        let answered = shown.map(|shown| {
            wait(shown, over, move |response| match response {
                // The one button; macOS gives its label, the others its key.
                NotificationResponse::Action(_) => act::sign_in(&app, &profile),
                NotificationResponse::Default => act::show(&app, &profile),
                NotificationResponse::Closed(_) | NotificationResponse::Reply(_) => {}
            });
        });
        if let Err(error) = answered {
            tracing::warn!(%error, "the end of a session was not notified");
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "the end of a session was not notified");
    }
}

/// Waits for the person's answer, or until there is nothing to be answered any more, and takes the
/// notification away: what it says is no longer so.
#[cfg(target_os = "linux")]
fn wait(
    shown: notify_rust::NotificationHandle,
    over: oneshot::Receiver<()>,
    answer: impl FnOnce(&NotificationResponse),
) {
    tauri::async_runtime::block_on(async move {
        tokio::select! {
            () = shown.wait_for_action_async(answer) => {}
            // Ends with an error, because nothing is ever sent.
            _ = over => {}
        }
        shown.close_async().await;
    });
}

/// Waits for the person's answer. The system takes the notification away in its own time.
#[cfg(not(target_os = "linux"))]
fn wait(
    shown: notify_rust::NotificationHandle,
    _over: oneshot::Receiver<()>,
    answer: impl Fn(&NotificationResponse) + 'static,
) {
    if let Err(error) = shown.wait_for_response(answer) {
        tracing::warn!(%error, "a notification was not answered");
    }
}

fn notification(profile: &str) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname("Keyfob")
        // The name stands where no desktop takes it for markup.
        .summary(&format!("{profile}: your session has ended"))
        .body("Sign in again to go on. Nothing else was lost.")
        .timeout(Timeout::Never);
    #[cfg(target_os = "linux")]
    notification
        .auto_icon()
        // What a click on the rest of it does, where the desktop offers buttons at all.
        .action("default", "Open Keyfob");
    #[cfg(windows)]
    notification.app_id(crate::IDENTIFIER);
    notification.action("sign-in", "Sign in");
    notification
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Origin;

    #[test]
    fn each_ending_is_told_once_and_none_at_the_start() {
        let told = |before: Option<Stage>, after: Stage| {
            let entry = |state| ProfileEntryView {
                name: "Acme".into(),
                issuer: String::new(),
                origin: Origin::User,
                current: true,
                state,
                user: None,
            };
            let before: Vec<_> = before.into_iter().map(entry).collect();
            ended(&before, &[entry(after)]).count()
        };
        assert_eq!(told(Some(Stage::SignedIn), Stage::Expired), 1);
        for (before, after) in [
            (None, Stage::Expired),
            (Some(Stage::Restoring), Stage::Expired),
            (Some(Stage::Expired), Stage::Expired),
            (Some(Stage::SignedIn), Stage::SignedOut),
            (Some(Stage::SignedIn), Stage::SignedIn),
            (Some(Stage::SigningIn), Stage::Expired),
        ] {
            assert_eq!(told(before, after), 0, "{before:?} to {after:?}");
        }
    }
}
