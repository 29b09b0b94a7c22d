//! The steps with a second organisation beside the first.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::stage::{DEADLINE, Stage};
use super::steps::{asked, click, id, keychain, new_tab, picture, shows, submit, wait_state};
use crate::demo::{CLIENT_ID, PASSWORD};
use crate::process::{Result, built, output, wait_for};
use crate::webdriver::{Page, http};

const FIRST: &str = "Local demo";
const SECOND: &str = "Second Organisation";
/// As long as its tokens live, after which the app must have asked for new ones.
const UNTIL_NOTICED: Duration = Duration::from_secs(120);

pub(super) fn second(stage: &mut Stage) -> Result {
    // Without a way back from signing out, so that the browser is left alone by it.
    let text: Vec<String> = fs::read_to_string(&stage.second.profile)?
        .lines()
        .filter(|line| !line.starts_with("sign_out_redirects"))
        .map(|line| line.replace(FIRST, SECOND))
        .collect();
    let app = stage.app()?;
    click(app, "account-menu")?;
    app.settled()?;
    app.screenshot(&picture("app-account-menu"))?;
    click(app, "add-profile")?;
    app.wait_for(&id("profile-text"), DEADLINE)?.click()?;
    // Pasted: WebKit's driver types no line breaks.
    let text = serde_json::Value::from(text.join("\n"));
    app.execute(&format!(
        "document.execCommand('insertText', false, {text})"
    ))?;
    click(app, "profile-preview")?;
    shows(app, "profile-facts", &stage.second.issuer)?;
    app.screenshot(&picture("app-profile-preview"))?;
    click(app, "profile-trust")?;
    shows(app, "account-menu", SECOND)?;
    wait_state(app, "signedOut")
}

pub(super) fn loopback(stage: &mut Stage) -> Result {
    let tabs = stage.browser.windows()?;
    let app = stage.app()?;
    click(app, "sign-in")?;
    wait_state(app, "signingIn")?;
    app.screenshot(&picture("app-waiting-loopback"))?;
    new_tab(&stage.browser, &tabs)?;
    stage.browser_window.activate()?;
    submit(&stage.browser, PASSWORD)?;
    wait_state(app, "signedIn")?;
    // Before the browser is asked anything: its driver would bring it to the front.
    in_front(stage)?;
    let page = stage.browser.wait_for("h1", DEADLINE)?.text()?;
    if page != "Return to Keyfob" {
        return Err(format!("the browser shows {page:?}").into());
    }
    stage.browser.screenshot(&picture("browser-loopback"))
}

pub(super) fn switch(stage: &mut Stage) -> Result {
    let tabs = stage.browser.windows()?.len();
    let app = stage.app()?;
    for name in [FIRST, SECOND, FIRST] {
        switch_to(app, name)?;
        wait_state(app, "signedIn")?;
        click(app, "call-api")?;
        shows(app, "api-answer", "Hi alex")?;
    }
    if stage.browser.windows()?.len() == tabs {
        Ok(())
    } else {
        Err("switching opened the browser".into())
    }
}

pub(super) fn ending(stage: &mut Stage) -> Result {
    let tabs = stage.browser.windows()?.len();
    // As another program of the same person may, or an administrator.
    let kept = keychain()?;
    let refresh = kept
        .split("[/")
        .filter(|item| item.contains(&stage.second.issuer))
        .find_map(|item| item.split("\"refresh\":\"").nth(1)?.split('"').next())
        .ok_or("the second session is not kept")?;
    let revoked = http()
        .post(format!("{}/oauth2/revoke", stage.second.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .send(format!("token={refresh}&client_id={CLIENT_ID}"))?;
    if revoked.status() != 200 {
        return Err(format!("the revocation was answered {}", revoked.status()).into());
    }
    notified(1, UNTIL_NOTICED)?;
    stage.display.screenshot(&picture("notification"))?;
    stage.app()?.screenshot(&picture("app-another-ended"))?;
    if stage.browser.windows()?.len() != tabs {
        return Err("a browser window was opened that nobody asked for".into());
    }
    // The list of what can be done with it, in which the desktop's script chooses the button.
    output(Command::new("dunstctl").arg("context"))?;
    // The browser knows the person still, so nothing needs to be typed.
    let app = stage.app()?;
    shows(app, "account-menu", SECOND)?;
    wait_state(app, "signedIn")?;
    shows(app, "user-name", "Alex Morgan")?;
    in_front(stage)?;
    let opened = stage.browser.windows()?.len() - tabs;
    if opened != 1 {
        return Err(format!("{opened} browser windows were opened").into());
    }
    notified(0, DEADLINE)
}

/// Waits until so many notifications can be seen.
fn notified(number: usize, deadline: Duration) -> Result {
    wait_for(&format!("{number} notifications"), deadline, || {
        let shown = output(Command::new("dunstctl").args(["count", "displayed"]))?;
        Ok((shown == number.to_string()).then_some(()))
    })
}

pub(super) fn get_out(stage: &mut Stage) -> Result {
    let (tabs, requests) = (
        stage.browser.windows()?.len(),
        stage.second.requests().len(),
    );
    let app = stage.app()?;
    for choice in ["account-menu", "sign-out", "sign-out-everywhere"] {
        click(app, choice)?;
    }
    wait_state(app, "signedOut")?;
    app.wait_for(&id("sign-out-outcome"), DEADLINE)?;
    app.screenshot(&picture("app-signed-out-everywhere"))?;
    asked(&stage.second, requests, "GlobalSignOut")?;
    switch_to(app, FIRST)?;
    wait_state(app, "signedIn")?;
    if stage.browser.windows()?.len() == tabs {
        Ok(())
    } else {
        Err("the profile names no way back, and the browser was opened".into())
    }
}

pub(super) fn in_vain(stage: &mut Stage) -> Result {
    let asked = Command::new(built("keyfob"))
        .args(["credential-process", "--profile", SECOND])
        .output()?;
    if asked.status.code() != Some(4) || !asked.stdout.is_empty() {
        return Err(format!(
            "it was not told to sign in, and ended with {}",
            asked.status
        )
        .into());
    }
    notified(1, DEADLINE)?;
    stage.display.screenshot(&picture("notification-in-vain"))?;
    let app = stage.app()?;
    switch_to(app, SECOND)?;
    click(app, "sign-in")?;
    wait_state(app, "signedIn")?;
    notified(0, DEADLINE)?;
    for choice in ["account-menu", "sign-out", "sign-out-device"] {
        click(app, choice)?;
    }
    wait_state(app, "signedOut")?;
    switch_to(app, FIRST)?;
    wait_state(app, "signedIn")
}

fn switch_to(app: &Page, name: &str) -> Result {
    click(app, "account-menu")?;
    let item = format!("{}[data-profile=\"{name}\"]", id("switch-profile"));
    app.wait_for(&item, DEADLINE)?.click()?;
    shows(app, "account-menu", name)
}

fn in_front(stage: &Stage) -> Result {
    let window = stage.app_window()?;
    wait_for("the app's window in front", DEADLINE, || {
        Ok(window.is_active()?.then_some(()))
    })
}
