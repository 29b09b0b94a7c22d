//! The hosted UI as a browser without scripts sees it: sign-up, new password, forgery, abandoned pages, CSS.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use cognito_emulator::{Config, CssError, Emulator, Purpose, StartError, User};
use common::*;

fn path(page: &str) -> String {
    format!("{page}?{}", authorize_query(&[]))
}

fn last_code(emulator: &Emulator) -> String {
    emulator.deliveries().last().unwrap().code.clone()
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

/// Follows a redirect within the hosted UI, cookies in hand.
async fn follow(
    emulator: &Emulator,
    page: &FormPage,
    answer: reqwest::Response,
    expected: &str,
) -> FormPage {
    assert_eq!(answer.status(), 302);
    let target = location(&answer);
    assert_eq!(target, path(expected));
    let mut cookies = page.cookies.clone();
    cookies.extend(cookies_of(&answer));
    FormPage::open(emulator, &target, cookies).await
}

#[tokio::test]
async fn the_sign_in_page_is_safe_and_can_be_automated() {
    let emulator = start().await;
    let answer = get(format!("{}{}", emulator.domain(), path("/login"))).await;
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'nonce-"),
        "{policy}"
    );
    assert!(
        policy.contains("form-action 'self' dev.keyfob.desktop:;"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"));
    let page = FormPage::of(answer, Vec::new()).await;
    assert!(
        page.cookies
            .iter()
            .any(|cookie| cookie.starts_with("XSRF-TOKEN="))
    );
    for part in [
        "name=\"username\"",
        "name=\"password\"",
        "name=\"signInSubmitButton\"",
        "for=\"signInFormUsername\"",
        "for=\"signInFormPassword\"",
        "lang=\"en\"",
        "<kbd>alex</kbd>",
        "<kbd>Keyfob-demo-1</kbd>",
        "prefers-color-scheme: dark",
    ] {
        assert!(page.html.contains(part), "{part}");
    }
    assert!(!page.html.contains("<script") && !page.html.contains("loginErrorMessage"));

    let mut config = Config::demo();
    config.show_demo_credentials = false;
    let emulator = start_with(config).await;
    let page = FormPage::open(&emulator, &path("/login"), Vec::new()).await;
    assert!(!page.html.contains("Keyfob-demo-1"));
}

#[tokio::test]
async fn a_wrong_password_stays_on_the_page() {
    let emulator = start().await;
    let page = FormPage::open(&emulator, &path("/login"), Vec::new()).await;
    let nasty = "<script>\"'alex";
    let fields = [("username", nasty), ("password", "wrong")];
    let answer = page.post(&emulator, &path("/login"), &fields).await;
    assert_eq!(answer.status(), 200);
    let again = FormPage::of(answer, page.cookies).await;
    assert!(again.html.contains("id=\"loginErrorMessage\""));
    assert!(again.html.contains("Incorrect username or password."));
    assert!(!again.html.contains("<script"), "what was typed is escaped");
    let fields = [("username", "alex"), ("password", PASSWORD)];
    let answer = again.post(&emulator, &path("/login"), &fields).await;
    assert!(location(&answer).starts_with(REDIRECT));
}

#[tokio::test]
async fn forms_of_elsewhere_are_refused() {
    let emulator = start().await;
    let fields = [("username", "alex"), ("password", PASSWORD)];
    let (mine, theirs) = (
        FormPage::open(&emulator, &path("/login"), Vec::new()).await,
        FormPage::open(&emulator, &path("/login"), Vec::new()).await,
    );
    let without_cookie = FormPage {
        cookies: Vec::new(),
        csrf: mine.csrf.clone(),
        html: String::new(),
    };
    let mixed = FormPage {
        cookies: theirs.cookies,
        csrf: mine.csrf.clone(),
        html: String::new(),
    };
    let without_token = FormPage {
        cookies: mine.cookies.clone(),
        csrf: String::new(),
        html: String::new(),
    };
    for forged in [without_cookie, mixed, without_token] {
        let answer = forged.post(&emulator, &path("/login"), &fields).await;
        assert!(location(&answer).starts_with("/error?error=invalid_request"));
        assert!(
            !cookies_of(&answer)
                .iter()
                .any(|cookie| cookie.starts_with("cognito="))
        );
    }
    // Two tabs of one browser both work.
    let second = FormPage::open(&emulator, &path("/login"), mine.cookies.clone()).await;
    for tab in [mine, second] {
        let answer = tab.post(&emulator, &path("/login"), &fields).await;
        assert!(location(&answer).starts_with(REDIRECT));
    }
}

#[tokio::test]
async fn an_abandoned_page_starts_again() {
    let emulator = start().await;
    let page = FormPage::open(&emulator, &path("/login"), Vec::new()).await;
    emulator.advance(Duration::from_secs(300));
    let fields = [("username", "alex"), ("password", PASSWORD)];
    let answer = page.post(&emulator, &path("/login"), &fields).await;
    let again = FormPage::of(answer, page.cookies).await;
    assert!(again.html.contains("Something went wrong"));
    let answer = again.post(&emulator, &path("/login"), &fields).await;
    assert!(location(&answer).starts_with(REDIRECT));
}

#[tokio::test]
async fn somebody_signs_up_confirms_and_is_signed_in() {
    let emulator = start().await;
    let page = FormPage::open(&emulator, &path("/signup"), Vec::new()).await;
    let attempt = async |username: &str, email: &str, password: &str| {
        let fields = [
            ("username", username),
            ("email", email),
            ("password", password),
        ];
        page.post(&emulator, &path("/signup"), &fields).await
    };
    for (username, email, password, message) in [
        (
            "casey",
            "casey@example.com",
            "short",
            "Password did not conform with policy",
        ),
        (
            "casey",
            "casey@example.com",
            "nouppercase-1",
            "passwordCheck-notValid-customizable",
        ),
        (
            "casey",
            "nonsense",
            "Casey-pass-1",
            "Invalid email address format.",
        ),
        (
            "ca sey",
            "casey@example.com",
            "Casey-pass-1",
            "Enter a username without spaces.",
        ),
        (
            "Alex",
            "alex@example.com",
            "Casey-pass-1",
            "User already exists",
        ),
    ] {
        let answer = attempt(username, email, password).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().contains(message), "{message}");
    }
    assert!(emulator.deliveries().is_empty());

    let answer = attempt("casey", "casey@example.com", "Casey-pass-1").await;
    let confirm = follow(&emulator, &page, answer, "/confirm").await;
    assert!(confirm.html.contains("c***@e***"));
    let sent = emulator.deliveries().pop().unwrap();
    assert_eq!(
        (sent.purpose, sent.destination.as_str()),
        (Purpose::SignUp, "casey@example.com")
    );

    let post = async |page: &FormPage, code: &str| {
        page.post(&emulator, &path("/confirm"), &[("code", code)])
            .await
    };
    let refused = post(&confirm, wrong(&sent.code))
        .await
        .text()
        .await
        .unwrap();
    assert!(refused.contains("Invalid verification code provided, please try again."));
    let resent = FormPage::open(&emulator, &path("/resendcode"), confirm.cookies.clone()).await;
    assert!(resent.html.contains("We have sent a new code."));
    assert_eq!(emulator.deliveries().len(), 2);

    let done = post(&resent, &last_code(&emulator)).await;
    let back = url::Url::parse(&location(&done)).unwrap();
    let tokens: serde_json::Value = redeem(&emulator, &query_of(&back)["code"])
        .await
        .json()
        .await
        .unwrap();
    let id = claims(&tokens["id_token"]);
    assert_eq!(
        (&id["cognito:username"], &id["email_verified"]),
        (&"casey".into(), &true.into())
    );
    assert!(id["cognito:groups"].is_null());
    let url = authorize_url(&emulator, &[]);
    assert!(
        emulator
            .sign_in_with(&url, "casey", "Casey-pass-1")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn whoever_is_not_confirmed_is_sent_to_confirm_and_codes_age() {
    let mut dana = User::new("dana", "Dana-pass-1");
    dana.confirmed = false;
    let emulator = start_with(Config::demo().with_user(dana)).await;
    let open_confirm = async || {
        let page = FormPage::open(&emulator, &path("/login"), Vec::new()).await;
        let fields = [("username", "dana"), ("password", "Dana-pass-1")];
        let answer = page.post(&emulator, &path("/login"), &fields).await;
        follow(&emulator, &page, answer, "/confirm").await
    };
    open_confirm().await;
    let old = last_code(&emulator);
    emulator.advance(Duration::from_secs(24 * 3600));
    // The page is new, the code is not.
    let page = FormPage::open(&emulator, &path("/login"), Vec::new()).await;
    let direct = get(format!("{}{}", emulator.domain(), path("/confirm"))).await;
    assert_eq!(
        location(&direct),
        path("/login"),
        "only from the page before"
    );
    drop(page);
    let confirm = open_confirm().await;
    if old != last_code(&emulator) {
        let answer = confirm
            .post(&emulator, &path("/confirm"), &[("code", &old)])
            .await;
        assert_eq!(answer.status(), 200, "replaced by a newer one");
    }
    let code = last_code(&emulator);
    let answer = confirm
        .post(&emulator, &path("/confirm"), &[("code", &code)])
        .await;
    assert!(location(&answer).starts_with(REDIRECT));
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_with_a_code() {
    let emulator = start().await;
    let ask = async |username: &str| {
        let page = FormPage::open(&emulator, &path("/forgotPassword"), Vec::new()).await;
        let answer = page
            .post(
                &emulator,
                &path("/forgotPassword"),
                &[("username", username)],
            )
            .await;
        follow(&emulator, &page, answer, "/confirmforgotPassword").await
    };
    let stranger = ask("nobody").await;
    assert!(
        emulator.deliveries().is_empty(),
        "and the page does not tell"
    );
    let page = ask("alex").await;
    assert_eq!(page.html.contains("alex"), stranger.html.contains("nobody"));
    let code = last_code(&emulator);
    let set = async |page: &FormPage, code: &str, password: &str, repeated: &str| {
        let fields = [
            ("code", code),
            ("password", password),
            ("confirmPassword", repeated),
        ];
        let answer = page
            .post(&emulator, &path("/confirmforgotPassword"), &fields)
            .await;
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    };
    let new = "Another-pass-2";
    for (code, password, repeated, message) in [
        (
            code.as_str(),
            new,
            "different",
            "The two passwords are not the same.",
        ),
        (
            code.as_str(),
            "weak",
            "weak",
            "Password did not conform with policy",
        ),
        (
            wrong(&code),
            new,
            new,
            "Invalid verification code provided, please try again.",
        ),
    ] {
        assert!(
            set(&page, code, password, repeated).await.contains(message),
            "{message}"
        );
    }
    assert!(
        set(&page, &code, new, new)
            .await
            .contains("Your password is changed.")
    );
    let url = authorize_url(&emulator, &[]);
    assert!(emulator.sign_in_with(&url, "alex", PASSWORD).await.is_err());
    assert!(emulator.sign_in_with(&url, "alex", new).await.is_ok());

    let page = ask("alex").await;
    let code = last_code(&emulator);
    emulator.advance(Duration::from_secs(3600));
    let page = FormPage::open(&emulator, &path("/confirmforgotPassword"), page.cookies).await;
    let late = set(&page, &code, "Third-pass-3", "Third-pass-3").await;
    assert!(late.contains("Invalid code provided, please request a code again."));
}

#[tokio::test]
async fn custom_css_is_on_the_page_or_refused_at_the_start() {
    let mut config = Config::demo();
    config.css = Some(".submitButton-customizable { background-color: #228b22; }".into());
    let emulator = start_with(config.clone()).await;
    let page = FormPage::open(&emulator, &path("/login"), Vec::new()).await;
    assert!(page.html.contains("#228b22"));
    config.css = Some("@media print { }".into());
    let refused = Emulator::start(config.port(0)).await.unwrap_err();
    assert!(
        matches!(refused, StartError::Css(CssError::AtRule(_))),
        "{refused}"
    );
    assert!(refused.to_string().contains("@media"));
}
