//! One notification when a session has truly ended, or a program has asked in vain while nobody is signed
//! in; with a button to sign in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

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
            tell(&app, profile, ended_notification(profile), over);
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

/// Tells when a program got nothing because nobody is signed in: the program itself may open no browser, and
/// neither does this, before the person says so. For each profile not again for a while.
pub(crate) fn follow_programs(app: &AppHandle, keyfob: &Arc<Keyfob>) {
    let Some(mut wanted) = keyfob.sign_in_wanted() else {
        return;
    };
    let told = Arc::new(Mutex::new(Told::new()));
    keyfob.follow({
        let told = Arc::clone(&told);
        move |view| {
            forget(&mut lock(&told), &view.profiles);
            true
        }
    });
    let (app, keyfob) = (app.clone(), Arc::downgrade(keyfob));
    tauri::async_runtime::spawn(async move {
        while wanted.changed().await.is_ok() {
            let (Some(asked), Some(keyfob)) =
                (wanted.borrow_and_update().clone(), keyfob.upgrade())
            else {
                continue;
            };
            let mut told = lock(&told);
            let last = told.get(&asked.profile).map(|(last, _)| *last);
            // Who is at the sign-in already need not be told.
            let stage = stage_of(&asked.profile, &keyfob.view().profiles);
            if matches!(stage, Some(Stage::SignedOut | Stage::Expired)) && is_due(last, asked.when)
            {
                let (so, over) = oneshot::channel();
                let notification = asked_notification(&asked.profile, asked.program.as_deref());
                tell(&app, &asked.profile, notification, over);
                told.insert(asked.profile, (asked.when, so));
                // Somebody may have signed in meanwhile.
                forget(&mut told, &keyfob.view().profiles);
            }
        }
    });
}

/// For which profiles the person was told that a program asked in vain, and when. What is dropped takes the
/// notification away.
type Told = HashMap<String, (SystemTime, oneshot::Sender<()>)>;

/// Takes away what is no longer so, because somebody has signed in, or the profile is gone.
fn forget(told: &mut Told, profiles: &[ProfileEntryView]) {
    told.retain(|name, _| {
        let stage = stage_of(name, profiles);
        stage.is_some_and(|stage| stage != Stage::SignedIn)
    });
}

fn stage_of(name: &str, profiles: &[ProfileEntryView]) -> Option<Stage> {
    let found = profiles.iter().find(|profile| profile.name == name);
    found.map(|profile| profile.state)
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Programs ask again and again; the person is told once in a while.
const A_WHILE: Duration = Duration::from_secs(15 * 60);

fn is_due(last: Option<SystemTime>, now: SystemTime) -> bool {
    last.is_none_or(|last| match now.duration_since(last) {
        Ok(since) => since >= A_WHILE,
        // The clock was set back, by nobody knows how much.
        Err(_) => true,
    })
}

fn tell(app: &AppHandle, profile: &str, notification: Notification, over: oneshot::Receiver<()>) {
    let (app, profile) = (app.clone(), profile.to_owned());
    // It waits for the person, for as long as they take.
    let waiting = std::thread::Builder::new().name("notification".into());
    let started = waiting.spawn(move || {
        let shown = notification.show();
        let answered = shown.map(|shown| {
            wait(shown, over, move |response| match response {
                // The one button; macOS gives its label, the others its key.
                NotificationResponse::Action(_) => act::sign_in(&app, &profile),
                NotificationResponse::Default => act::show(&app, &profile),
                NotificationResponse::Closed(_) | NotificationResponse::Reply(_) => {}
            });
        });
        if let Err(error) = answered {
            tracing::warn!(%error, "a notification was not shown");
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "a notification was not shown");
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

fn ended_notification(profile: &str) -> Notification {
    // The name stands where no desktop takes it for markup.
    let summary = format!("{profile}: your session has ended");
    notification(&summary, "Sign in again to go on. Nothing else was lost.")
}

fn asked_notification(profile: &str, program: Option<&str>) -> Notification {
    let program = program.unwrap_or("A program");
    let summary = format!("{program} asked for your AWS access ({profile})");
    notification(
        &summary,
        "You are not signed in, so it got nothing. Sign in, then run it again.",
    )
}

fn notification(summary: &str, body: &str) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname("Keyfob")
        .summary(summary)
        .body(body)
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
    fn a_program_that_asks_and_asks_is_told_once_in_a_while() {
        let at = |minutes: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(60 * minutes);
        assert!(is_due(None, at(100)));
        assert!(!is_due(Some(at(100)), at(100)));
        assert!(!is_due(Some(at(100)), at(114)));
        assert!(is_due(Some(at(100)), at(115)));
        assert!(is_due(Some(at(100)), at(40)), "the clock was set back");
    }

    fn entry(state: Stage) -> ProfileEntryView {
        ProfileEntryView {
            name: "Acme".into(),
            issuer: String::new(),
            origin: Origin::User,
            current: true,
            state,
            user: None,
        }
    }

    #[test]
    fn what_a_program_asked_in_vain_is_no_news_once_somebody_has_signed_in() {
        let is_over = |profiles: &[ProfileEntryView]| {
            let (so, mut over) = oneshot::channel();
            let mut told = Told::from([("Acme".into(), (SystemTime::UNIX_EPOCH, so))]);
            forget(&mut told, profiles);
            over.try_recv() == Err(oneshot::error::TryRecvError::Closed)
        };
        assert!(is_over(&[entry(Stage::SignedIn)]));
        assert!(is_over(&[]), "the profile is gone");
        for waits in [Stage::SignedOut, Stage::Expired, Stage::SigningIn] {
            assert!(!is_over(&[entry(waits)]), "{waits:?}");
        }
    }

    #[test]
    fn each_ending_is_told_once_and_none_at_the_start() {
        let told = |before: Option<Stage>, after: Stage| {
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
