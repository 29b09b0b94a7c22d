//! `/login`: the sign-in page.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/login-endpoint.html>

use axum::response::Response;
use minijinja::context;

use crate::{
    authorize::found,
    cookies,
    delivery::Purpose,
    forms::{FLOW_SECONDS, Page, Posted},
    random,
    state::{BROWSER_SESSION_SECONDS, BrowserSession, Flow},
};

/// Cognito's sentence for a page left open too long.
pub(crate) async fn page(page: Page) -> Response {
    let hint = page.request.login_hint.as_deref();
    show(&page, None, None, hint.unwrap_or_default())
}

pub(crate) async fn submit(Posted { page, fields }: Posted) -> Response {
    let username = fields.value("username").unwrap_or_default().trim();
    let password = fields.value("password").unwrap_or_default();
    let known = page
        .shared
        .state()
        .user(username)
        .filter(|record| record.user.password == password)
        .map(|record| (record.user.clone(), record.enabled));
    let (user, enabled) = match known {
        Some(known) => known,
        // The same sentence whether or not there is such a user.
        None => {
            return show(
                &page,
                Some("Incorrect username or password."),
                None,
                username,
            );
        }
    };
    if !enabled {
        return show(&page, Some("User is disabled."), None, username);
    }
    if user.confirmed {
        sign_in(&page, &user.username).await
    } else {
        page.shared
            .deliver(&mut page.shared.state(), &user.username, Purpose::SignUp);
        continue_at(&page, "/confirm", &user.username, Purpose::SignUp)
    }
}

pub(crate) fn show(
    page: &Page,
    error: Option<&str>,
    notice: Option<&str>,
    username: &str,
) -> Response {
    let config = &page.shared.config;
    let demo = config
        .users
        .first()
        .filter(|_| config.show_demo_credentials);
    page.show(
        "login.html",
        context! {
            error, notice, username,
            demo_username => demo.map(|user| &user.username),
            demo_password => demo.map(|user| &user.password),
        },
    )
}

/// Opens a browser session and sends the browser back to the client.
pub(crate) async fn sign_in(page: &Page, username: &str) -> Response {
    let shared = &page.shared;
    let now = page.shared.clock.unix();
    let cookie = random::base64_url(32);
    {
        let mut state = page.shared.state();
        let old = cookies::value(page.header(), "cognito").unwrap_or_default();
        state.browsers.remove(old);
        state
            .browsers
            .retain(|_, session| now < session.auth_time + BROWSER_SESSION_SECONDS);
        state.browsers.insert(
            cookie.clone(),
            BrowserSession {
                username: username.to_owned(),
                auth_time: now,
            },
        );
    }
    let mut response = found(&page.request.grant(shared, username, now).await);
    let age = Some(BROWSER_SESSION_SECONDS);
    cookies::set(response.headers_mut(), "cognito", &cookie, age);
    response
}

/// Sends the browser to a page that only makes sense after this one.
pub(crate) fn continue_at(page: &Page, path: &str, username: &str, purpose: Purpose) -> Response {
    let cookie = random::base64_url(24);
    let started = page.shared.clock.unix();
    let mut state = page.shared.state();
    state
        .flows
        .retain(|_, flow| started < flow.started + FLOW_SECONDS);
    state.flows.insert(
        cookie.clone(),
        Flow {
            username: username.to_owned(),
            purpose,
            started,
        },
    );
    drop(state);
    let mut response = page.go(path);
    cookies::set(response.headers_mut(), "csrf-state", &cookie, None);
    response
}
