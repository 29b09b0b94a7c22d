//! `/forgotPassword`, `/confirmforgotPassword`: a new password by way of a code.
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
    delivery::Purpose,
    forms::{Page, Posted},
    login, password,
    state::Shared,
};

pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match Page::open(&shared, &query.unwrap_or_default(), &headers) {
        Ok(page) => page.show("forgot.html", context! {}),
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
    // Nothing is delivered to somebody who does not exist, and the page does not tell.
    shared.deliver(&mut shared.state(), username, Purpose::ForgotPassword);
    let next = "/confirmforgotPassword";
    login::continue_at(&page, next, username, Purpose::ForgotPassword)
}

pub(crate) async fn confirm_page(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match Page::open(&shared, &query.unwrap_or_default(), &headers) {
        Ok(page) => match page.flow(Purpose::ForgotPassword) {
            Some(_) => page.show("confirm_forgot.html", context! {}),
            None => page.go("/forgotPassword"),
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
    let Some(username) = page.flow(Purpose::ForgotPassword) else {
        return page.go("/forgotPassword");
    };
    let fields = match page.posted(&body) {
        Posted::Fields(fields) => fields,
        Posted::Abandoned => return login::show(&page, Some(login::ABANDONED), None, ""),
        Posted::Forged => return page.forged(),
    };
    let chosen = fields.value("password").unwrap_or_default();
    let again = |error: &str, rules: Option<Vec<password::Rule>>| {
        page.show("confirm_forgot.html", context! { error, rules => rules })
    };
    if fields.value("confirmPassword").unwrap_or_default() != chosen {
        return again("The two passwords are not the same.", None);
    }
    let rules = password::check(chosen);
    if rules.iter().any(|rule| !rule.met) {
        return again(password::REFUSED, Some(rules));
    }
    let code = fields.value("code").unwrap_or_default().trim();
    let outcome = shared.redeem(&username, Purpose::ForgotPassword, code, |user| {
        chosen.clone_into(&mut user.password);
    });
    match outcome {
        Ok(()) => {
            page.end_flow();
            let notice = "Your password is changed. Sign in with the new one.";
            login::show(&page, None, Some(notice), &username)
        }
        Err(message) => again(message, None),
    }
}
