//! What the tray says of a view.

use jiff::{Timestamp, tz::TimeZone};

use crate::view::{AppView, ErrorCode, ProfileEntryView, SessionView, Stage, StateView};

/// How the icon looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Somebody is signed in, and all is well.
    SignedIn,
    /// Nobody is.
    SignedOut,
    /// The user pool cannot be reached.
    Offline,
    /// The person must act.
    ActionNeeded,
}

/// What can be done with a profile from the tray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    SignIn,
    SignOut,
}

/// A profile's line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) profile: String,
    pub(super) label: String,
    pub(super) action: Option<Action>,
}

/// The tray, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    pub(super) look: Look,
    pub(super) tooltip: String,
    pub(super) lines: Vec<Line>,
}

impl Glance {
    pub(super) fn of(view: &AppView, zone: &TimeZone, now: Timestamp) -> Self {
        let state = words(&view.session, zone, now);
        let tooltip = match &view.session.profile {
            Some(profile) => format!("Keyfob · {}: {state}", profile.name),
            None => format!("Keyfob: {state}"),
        };
        Self {
            look: look(view),
            tooltip,
            lines: view.profiles.iter().map(line).collect(),
        }
    }
}

fn look(view: &AppView) -> Look {
    let session = &view.session;
    // Not only in the profile that is shown: the person would not find out.
    let ended = |profile: &ProfileEntryView| profile.state == Stage::Expired;
    if view.profiles.iter().any(ended) || session.profile.is_none() || acts(session) {
        Look::ActionNeeded
    } else if session.offline_since.is_some() {
        Look::Offline
    } else if matches!(session.state, StateView::SignedIn { .. }) {
        Look::SignedIn
    } else {
        Look::SignedOut
    }
}

/// Whether the session says that the person must do something beside signing in.
fn acts(session: &SessionView) -> bool {
    let problem = session.problem.as_ref();
    problem.is_some_and(|problem| problem.code == ErrorCode::KeychainUnavailable)
}

fn words(session: &SessionView, zone: &TimeZone, now: Timestamp) -> String {
    if session.profile.is_none() {
        return "no usable profile".into();
    }
    if acts(session) {
        return "the keychain does not open".into();
    }
    match (&session.state, session.offline_since) {
        (StateView::Restoring, _) => "looking for your session".into(),
        (StateView::SignedOut, _) => "signed out".into(),
        (StateView::SigningIn { .. }, _) => "waiting for your browser".into(),
        (StateView::Expired, _) => "your session has ended, sign in again".into(),
        (StateView::SignedIn { user }, Some(since)) => {
            format!(
                "signed in as {}, offline since {}",
                user.shown(),
                moment(since, zone, now)
            )
        }
        (StateView::SignedIn { user }, None) => {
            let until = moment(user.session_expires_at, zone, now);
            format!("signed in as {} until {until}", user.shown())
        }
    }
}

fn line(profile: &ProfileEntryView) -> Line {
    let (state, action) = match (profile.state, &profile.user) {
        (Stage::Restoring, _) => ("…".into(), None),
        (Stage::SignedOut, _) => ("signed out".into(), Some(Action::SignIn)),
        (Stage::SigningIn, _) => ("waiting for your browser".into(), None),
        (Stage::Expired, _) => ("session ended".into(), Some(Action::SignIn)),
        (Stage::SignedIn, user) => (user.clone().unwrap_or_default(), Some(Action::SignOut)),
    };
    Line {
        profile: profile.name.clone(),
        label: format!("{} · {state}", profile.name),
        action,
    }
}

/// The time on the person's clock; with the day, unless that is today.
fn moment(unix_seconds: u64, zone: &TimeZone, now: Timestamp) -> String {
    let seconds = i64::try_from(unix_seconds).ok();
    let Some(then) = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
        return "…".into();
    };
    let (then, now) = (then.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let format = if then.date() == now.date() {
        "%H:%M"
    } else {
        "%-d %b %Y, %H:%M"
    };
    then.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{CommandError, Origin, UserView};

    fn view(state: StateView, others: &[(&str, Stage)]) -> AppView {
        let profile = cognito_client::Profile::local_demo();
        let mut session = SessionView::without_profile(CommandError {
            code: ErrorCode::Offline,
            message: String::new(),
            remedy: String::new(),
        });
        session.profile = Some((&profile).into());
        session.problem = None;
        let origin = cognito_client::Origin::BuiltIn;
        let mut profiles = vec![ProfileEntryView::new(&profile, origin, true, &state)];
        profiles.extend(others.iter().map(|(name, state)| ProfileEntryView {
            name: (*name).into(),
            issuer: String::new(),
            origin: Origin::User,
            current: false,
            state: *state,
            user: None,
        }));
        session.state = state;
        AppView {
            profiles,
            unusable_profiles: Vec::new(),
            can_add_profiles: true,
            session,
        }
    }

    fn signed_in() -> StateView {
        StateView::SignedIn {
            user: UserView {
                sub: String::new(),
                username: "alex".into(),
                name: Some("Alex Morgan".into()),
                email: None,
                groups: Vec::new(),
                signed_in_at: 0,
                token_expires_at: 0,
                session_expires_at: 1_800_000_000,
            },
        }
    }

    fn glance(view: &AppView) -> Glance {
        // 21 December 2026, 09:00 UTC.
        Glance::of(
            view,
            &TimeZone::UTC,
            Timestamp::from_second(1_797_843_600).unwrap(),
        )
    }

    #[test]
    fn the_state_is_told_in_a_line() {
        let told = |view: &AppView| {
            let glance = glance(view);
            (glance.look, glance.tooltip)
        };
        let mut signed_in = view(signed_in(), &[]);
        let until = "Keyfob · Local demo: signed in as Alex Morgan until 15 Jan 2027, 08:00";
        assert_eq!(told(&signed_in), (Look::SignedIn, until.into()));
        signed_in.session.offline_since = Some(1_797_840_000);
        let since = "Keyfob · Local demo: signed in as Alex Morgan, offline since 08:00";
        assert_eq!(told(&signed_in), (Look::Offline, since.into()));
        let out = "Keyfob · Local demo: signed out";
        assert_eq!(
            told(&view(StateView::SignedOut, &[])),
            (Look::SignedOut, out.into())
        );
        let ended = "Keyfob · Local demo: your session has ended, sign in again";
        assert_eq!(
            told(&view(StateView::Expired, &[])),
            (Look::ActionNeeded, ended.into())
        );
    }

    #[test]
    fn another_profile_s_end_is_seen_too() {
        let glance = glance(&view(
            signed_in(),
            &[("Acme", Stage::Expired), ("Umbrella", Stage::SigningIn)],
        ));
        assert_eq!(glance.look, Look::ActionNeeded);
        let lines: Vec<_> = glance
            .lines
            .iter()
            .map(|line| (line.label.as_str(), line.action))
            .collect();
        let expected = [
            ("Local demo · Alex Morgan", Some(Action::SignOut)),
            ("Acme · session ended", Some(Action::SignIn)),
            ("Umbrella · waiting for your browser", None),
        ];
        assert_eq!(lines, expected);
    }
}
