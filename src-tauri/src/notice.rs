//! One notification when a session has truly ended, with a button to sign in again.

use std::sync::Arc;

use notify_rust::{Notification, NotificationResponse, Timeout};
use tauri::AppHandle;

use crate::view::{ProfileEntryView, Stage};
use crate::{Keyfob, act};

const SIGN_IN: &str = "sign-in";

/// Tells of every session that ends from now on; what had ended before, the window shows.
pub(crate) fn follow(app: &AppHandle, keyfob: &Arc<Keyfob>) {
    let app = app.clone();
    let mut before: Vec<ProfileEntryView> = Vec::new();
    keyfob.follow(move |view| {
        for profile in ended(&before, &view.profiles) {
            tell(&app, profile);
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

fn tell(app: &AppHandle, profile: &str) {
    let (app, profile) = (app.clone(), profile.to_owned());
    // It waits for the person, for as long as they take.
    let waiting = std::thread::Builder::new().name("notification".into());
    let started = waiting.spawn(move || {
        let shown = notification(&profile).show();
        let answered = shown.and_then(|notification| {
            notification.wait_for_response(|response: &NotificationResponse| match response {
                NotificationResponse::Action(action) if action == SIGN_IN => {
                    act::sign_in(&app, &profile);
                }
                NotificationResponse::Default | NotificationResponse::Action(_) => {
                    act::show(&app, &profile);
                }
                NotificationResponse::Closed(_) | NotificationResponse::Reply(_) => {}
            })
        });
        if let Err(error) = answered {
            tracing::warn!(%error, "the end of a session was not notified");
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "the end of a session was not notified");
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
    notification.action(SIGN_IN, "Sign in");
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
