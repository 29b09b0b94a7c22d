//! `/signup`, `/confirm`, `/resendcode`: a new account.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/managed-login-endpoints.html>

use axum::response::Response;
use minijinja::context;

use crate::{
    config::User,
    delivery::Purpose,
    forms::{Page, Posted},
    login, password,
    state::UserRecord,
};

pub(crate) async fn page(page: Page) -> Response {
    page.show("signup.html", context! {})
}

pub(crate) async fn submit(Posted { page, fields }: Posted) -> Response {
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
        let mut state = page.shared.state();
        if state.user(username).is_some() {
            drop(state);
            return again(Some("User already exists"), None);
        }
        let mut user = User::new(username, chosen)
            .with_attribute("email", email)
            .with_attribute("email_verified", "false");
        user.confirmed = false;
        let record = UserRecord::new(&page.shared.config.pool_id, user);
        state.users.insert(username.to_lowercase(), record);
        page.shared.deliver(&mut state, username, Purpose::SignUp);
    }
    login::continue_at(&page, "/confirm", username, Purpose::SignUp)
}

pub(crate) async fn confirm_page(page: Page) -> Response {
    match page.flow(Purpose::SignUp) {
        Some(username) => show_confirm(&page, &username, None, None),
        // Reached from the sign-up page only.
        None => page.go("/login"),
    }
}

pub(crate) async fn confirm(Posted { page, fields }: Posted) -> Response {
    let Some(username) = page.flow(Purpose::SignUp) else {
        return page.go("/login");
    };
    let code = fields.value("code").unwrap_or_default().trim();
    let outcome = page
        .shared
        .redeem(&username, Purpose::SignUp, code, |user| {
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

pub(crate) async fn resend(page: Page) -> Response {
    let Some(username) = page.flow(Purpose::SignUp) else {
        return page.go("/login");
    };
    page.shared
        .deliver(&mut page.shared.state(), &username, Purpose::SignUp);
    show_confirm(&page, &username, None, Some("We have sent a new code."))
}

fn show_confirm(
    page: &Page,
    username: &str,
    error: Option<&str>,
    notice: Option<&str>,
) -> Response {
    let destination = page.shared.masked_destination(username);
    page.show("confirm.html", context! { error, notice, destination })
}
