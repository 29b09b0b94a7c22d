//! `/forgotPassword`, `/confirmforgotPassword`: a new password by way of a code.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/managed-login-endpoints.html>

use axum::response::Response;
use minijinja::context;

use crate::{
    delivery::Purpose,
    forms::{Page, Posted},
    login, password,
};

pub(crate) async fn page(page: Page) -> Response {
    page.show("forgot.html", context! {})
}

pub(crate) async fn submit(Posted { page, fields }: Posted) -> Response {
    let username = fields.value("username").unwrap_or_default().trim();
    // Nothing is delivered to somebody who does not exist, and the page does not tell.
    page.shared
        .deliver(&mut page.shared.state(), username, Purpose::ForgotPassword);
    let next = "/confirmforgotPassword";
    login::continue_at(&page, next, username, Purpose::ForgotPassword)
}

pub(crate) async fn confirm_page(page: Page) -> Response {
    match page.flow(Purpose::ForgotPassword) {
        Some(_) => page.show("confirm_forgot.html", context! {}),
        None => page.go("/forgotPassword"),
    }
}

pub(crate) async fn confirm(Posted { page, fields }: Posted) -> Response {
    let Some(username) = page.flow(Purpose::ForgotPassword) else {
        return page.go("/forgotPassword");
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
    let outcome = page
        .shared
        .redeem(&username, Purpose::ForgotPassword, code, |user| {
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
