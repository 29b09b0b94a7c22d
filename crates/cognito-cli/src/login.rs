//! `keyfob login` and `keyfob logout`.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::pin::pin;
use std::thread;
use std::time::Duration;

use cognito_client::{
    Error, Profile, Prompt, Route, Session, SessionState, SignInRequest, SignOutScope, User,
};
use tokio::sync::mpsc;
use url::Url;

use crate::account;
use crate::arguments::Login;
use crate::browser;
use crate::failure::{Failure, complain, say};
use crate::printable::printable;

/// Signs in: the browser's answer comes to a port of this computer, by way of the app, or is pasted.
pub(crate) fn login(profile: Profile, how: Login) -> Result<(), Failure> {
    let name = profile.name.clone();
    let route = if how.paste || !profile.routes().contains(&Route::Loopback) {
        Route::Paste
    } else {
        Route::Loopback
    };
    let request = SignInRequest {
        route: Some(route),
        prompt: how.again.then_some(Prompt::Login),
        login_hint: how.hint,
        ..SignInRequest::default()
    };
    let session = account::session(profile, true)?;
    account::block_on(async {
        let failed = |error: &Error| Failure::of_session(error, &name);
        let url = session
            .begin_with(request)
            .await
            .map_err(|error| failed(&error))?;
        let mut given_up = pin!(tokio::signal::ctrl_c());
        // Listened to before anybody is told of it.
        tokio::select! {
            biased;
            _ = &mut given_up => {
                session.cancel().await;
                return Err(Failure::Cancelled);
            }
            () = std::future::ready(()) => invite(&url, route, how.no_browser),
        }
        let user = tokio::select! {
            user = answered(&session, route) => user.map_err(|error| failed(&error))?,
            _ = &mut given_up => {
                session.cancel().await;
                return Err(Failure::Cancelled);
            }
        };
        let who = user.name.as_ref().unwrap_or(&user.username);
        say(&format!(
            "signed in to {} as {}",
            printable(&name),
            printable(who)
        ));
        // Nobody has to wait for it.
        tokio::select! {
            () = tell_pool(&session) => {}
            _ = &mut given_up => {}
        }
        Ok(())
    })?
}

/// Tells the user pool what it is owed: that the session which this one replaces is over, and earlier sign-outs.
async fn tell_pool(session: &Session) {
    const PATIENCE: Duration = Duration::from_secs(5);
    // What is still owed is kept.
    let _ = tokio::time::timeout(PATIENCE, session.pay_owed()).await;
}

fn invite(url: &Url, route: Route, no_browser: bool) {
    let by_hand = no_browser || route == Route::Paste || !browser::open(url);
    if by_hand {
        say(&format!(
            "open this address in a browser to sign in:\n\n{url}\n"
        ));
    } else {
        say(&format!(
            "your browser opens; if it does not, open this address:\n\n{url}\n"
        ));
    }
    if route == Route::Paste {
        say("then paste the address it ends at, or the code alone, here:");
    } else {
        say("waiting for the browser (Ctrl-C gives up)");
    }
}

/// Waits for the answer, by whatever way it comes.
async fn answered(session: &Session, route: Route) -> Result<User, Error> {
    let mut pasted = (route == Route::Paste || io::stdin().is_terminal()).then(lines);
    let mut status = session.subscribe();
    // Notices when the app takes the answer.
    let mut watching = pin!(session.keep_fresh());
    loop {
        let now = status.borrow_and_update().clone();
        match (now.state, now.problem) {
            (SessionState::SigningIn { .. } | SessionState::Restoring, _) => {}
            (SessionState::SignedIn(user), None) => return Ok(user),
            (_, Some(problem)) => return Err(problem),
            (_, None) => {
                return Err(Error::SignInRequired(
                    cognito_client::SignInReason::SignedOut,
                ));
            }
        }
        let line = async {
            match &mut pasted {
                Some(lines) => lines.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = status.changed() => {}
            () = &mut watching => {}
            line = line => match line {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => match session.complete_pasted(&line).await {
                    Ok(user) => return Ok(user),
                    // The sign-in goes on waiting, for what was meant.
                    Err(error) if matches!(session.status().state, SessionState::SigningIn { .. }) => {
                        complain(&error.to_string());
                        say(&error.remedy());
                    }
                    Err(error) => return Err(error),
                },
                None if route == Route::Paste => {
                    session.cancel().await;
                    return Err(Error::Callback(cognito_client::CallbackError::NotPasted));
                }
                None => pasted = None,
            }
        }
    }
}

/// What is typed or pasted, a line at a time, by a thread that ends with the process.
fn lines() -> mpsc::Receiver<String> {
    let (read, lines) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if read.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Signs out, and says what that did.
pub(crate) fn logout(
    profile: Profile,
    scope: SignOutScope,
    no_browser: bool,
) -> Result<(), Failure> {
    let name = profile.name.clone();
    let failed = |error: &Error| Failure::of_session(error, &name);
    let session = account::session(profile, true)?;
    let done = account::block_on(async {
        match session.user().await {
            Err(Error::SignInRequired(_)) if scope == SignOutScope::Device => {
                tell_pool(&session).await;
                Ok(None)
            }
            _ => session.sign_out(scope).await.map(Some),
        }
    })?;
    let Some(done) = done.map_err(|error| failed(&error))? else {
        say(&format!("nobody is signed in to {}", printable(&name)));
        return Ok(());
    };
    say(&format!(
        "signed out of {} on this computer",
        printable(&name)
    ));
    if let Err(error) = done.revoked {
        complain(&format!("the user pool could not be told: {error}"));
        if done.revocation_owed {
            say("it is told by the Keyfob app, or at the next `keyfob login` or `keyfob logout`");
        }
    }
    if let Some(url) = done.browser {
        if no_browser || !browser::open(&url) {
            say(&format!(
                "open this address to sign out of the browser too:\n\n{url}\n"
            ));
        } else {
            say(&format!("your browser signs out too, at\n\n{url}\n"));
        }
    } else if scope != SignOutScope::Device {
        complain("the profile has no sign-out URL: the browser stays signed in, for up to an hour");
    }
    match done.everywhere {
        Some(Err(error)) => Err(failed(&error)),
        Some(Ok(())) => {
            say("all your sessions have ended");
            Ok(())
        }
        None => Ok(()),
    }
}
