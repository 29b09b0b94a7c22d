//! `/signup`, `/confirm`, `/resendcode`: a new account.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/managed-login-endpoints.html>

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use minijinja::context;

use crate::{
    config::User,
    delivery::Purpose,
    forms::{Page, Posted},
    login, password,
    state::{Shared, UserRecord},
};

pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match Page::open(&shared, &query.unwrap_or_default(), &headers) {
        Ok(page) => page.show("signup.html", context! {}),
        Err(refusal) => refusal.into_response(),
    }
}

pub(crate) async fn submit(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let page = match Page::open(&shared, &query, &headers) {
        Ok(page) => page,
        Err(refusal) => return refusal.into_response(),
    };
    let fields = match page.posted(&body) {
        Posted::Fields(fields) => fields,
        Posted::Abandoned => return login::show(&page, Some(login::ABANDONED), None, ""),
        Posted::Forged => return page.forged(),
    };
    let username = fields.value("username").unwrap_or_default().trim();
    let email = fields.value("email").unwrap_or_default().trim();
    let chosen = fields.value("password").unwrap_or_default();
    let again = |error: Option<&str>, rules: Option<Vec<password::Rule>>| {
        page.show(
            "signup.html",
            context! { error, rules => rules, username, email },
        )
    };
    // Cognito's pattern for user names: no white space, at most 128 characters.
    if username.is_empty() || username.len() > 128 || username.contains(char::is_whitespace) {
        return again(Some("Enter a username without spaces."), None);
    }
    let is_email = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !email.contains(char::is_whitespace)
    });
    if !is_email {
        return again(Some("Invalid email address format."), None);
    }
    let rules = password::check(chosen);
    if rules.iter().any(|rule| !rule.met) {
        return again(Some(password::REFUSED), Some(rules));
    }
    {
        let mut state = shared.state();
        if state.user(username).is_some() {
            drop(state);
            return again(Some("User already exists"), None);
        }
        let mut user = User::new(username, chosen)
            .with_attribute("email", email)
            .with_attribute("email_verified", "false");
        user.confirmed = false;
        let record = UserRecord::new(&shared.config.pool_id, user);
        state.users.insert(username.to_lowercase(), record);
        shared.deliver(&mut state, username, Purpose::SignUp);
    }
    login::continue_at(&page, "/confirm", username, Purpose::SignUp)
}

pub(crate) async fn confirm_page(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match Page::open(&shared, &query.unwrap_or_default(), &headers) {
        Ok(page) => match page.flow(Purpose::SignUp) {
            Some(username) => show_confirm(&page, &username, None, None),
            // Reached from the sign-up page only.
            None => page.go("/login"),
        },
        Err(refusal) => refusal.into_response(),
    }
}

pub(crate) async fn confirm(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let page = match Page::open(&shared, &query, &headers) {
        Ok(page) => page,
        Err(refusal) => return refusal.into_response(),
    };
    let Some(username) = page.flow(Purpose::SignUp) else {
        return page.go("/login");
    };
    let fields = match page.posted(&body) {
        Posted::Fields(fields) => fields,
        Posted::Abandoned => return login::show(&page, Some(login::ABANDONED), None, ""),
        Posted::Forged => return page.forged(),
    };
    let code = fields.value("code").unwrap_or_default().trim();
    let outcome = shared.redeem(&username, Purpose::SignUp, code, |user| {
        user.confirmed = true;
        let verified = "true".to_owned();
        user.attributes.insert("email_verified".into(), verified);
    });
    match outcome {
        Ok(()) => {
            page.end_flow();
            // The password was given on the page before.
            login::sign_in(&page, &username).await
        }
        Err(message) => show_confirm(&page, &username, Some(message), None),
    }
}

pub(crate) async fn resend(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let page = match Page::open(&shared, &query, &headers) {
        Ok(page) => page,
        Err(refusal) => return refusal.into_response(),
    };
    let Some(username) = page.flow(Purpose::SignUp) else {
        return page.go("/login");
    };
    shared.deliver(&mut shared.state(), &username, Purpose::SignUp);
    show_confirm(&page, &username, None, Some("We have sent a new code."))
}

fn show_confirm(
    page: &Page<'_>,
    username: &str,
    error: Option<&str>,
    notice: Option<&str>,
) -> Response {
    let destination = page.shared.masked_destination(username);
    page.show("confirm.html", context! { error, notice, destination })
}
