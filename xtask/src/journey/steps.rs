//! The steps, in the order in which a newcomer makes them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::Step;
use super::desktop::tray;
use super::files::{delete_and_undo, download_and_share, drag_out, drop_onto, upload};
use super::organisations::{ending, get_out, in_vain, loopback, second, switch};
use super::stage::{APP_CLASS, DEADLINE, Stage};
use crate::demo::{FarSide, PASSWORD, USER, pictures};
use crate::process::{Result, output, variable, wait_for};
use crate::webdriver::{Page, http};

pub(super) const STEPS: &[(&str, Step)] = &[
    ("the app opens signed out: no flash, no jump", opens),
    (
        "Sign in opens the browser at the hosted UI; the app waits",
        sign_in,
    ),
    ("Cancel ends the waiting; Sign in begins anew", cancel),
    (
        "a wrong password is told; the app goes on waiting",
        wrong_password,
    ),
    (
        "the right one comes back through the URL handler, window in front",
        right_password,
    ),
    ("the tokens are in the keychain", in_keychain),
    ("the app shows who", who),
    ("Call the API: answered", call_api),
    (
        "the API refuses no token and a wrong one, with a reason",
        refusals,
    ),
    ("AWS access: identity, account and role", aws_identity),
    (
        "the AWS CLI is set up after a look at the lines, and undone",
        aws_config,
    ),
    (
        "Invoke: the function answers, and its error is shown as one",
        invoke,
    ),
    ("Files: chosen in a dialog, uploaded, listed", upload),
    (
        "Files: downloaded whole; a copied link is all that another needs",
        download_and_share,
    ),
    ("Files: deleted, and had back", delete_and_undo),
    (
        "Files: dragged from another window, dropped, uploaded",
        drop_onto,
    ),
    (
        "Files: dragged out onto another window, which has it whole",
        drag_out,
    ),
    (
        "quit, start again later: renewed silently, no browser",
        restart,
    ),
    (
        "a second profile is pasted, shown, trusted; nobody is signed out",
        second,
    ),
    (
        "its sign-in comes back through a port on 127.0.0.1, window in front",
        loopback,
    ),
    (
        "switch: each profile has its own session, the browser rests",
        switch,
    ),
    (
        "credentials are copied, and that is listed",
        copy_credentials,
    ),
    (
        "the second's session is ended elsewhere: one notification, its button signs in",
        ending,
    ),
    (
        "what was copied is gone from the clipboard after a minute",
        clipboard_cleared,
    ),
    (
        "Sign out everywhere: of the second, at its user pool, and of no other",
        get_out,
    ),
    (
        "a program asks in vain: a notification, gone when the person has signed in",
        in_vain,
    ),
    ("Sign out: keychain empty, browser session ended", sign_out),
    ("the next sign-in asks for the password again", asks_again),
    (
        "the app is closed meanwhile; the URL starts it, and it is signed in",
        cold_start,
    ),
    (
        "Sign out of this computer: the browser is left alone",
        device_sign_out,
    ),
    (
        "with a tray, closing hides the window; the tray brings it back, and quits",
        tray,
    ),
];

fn opens(stage: &mut Stage) -> Result {
    let display = stage.display.clone();
    // Seen from the side, because the driver only answers when the page has loaded.
    let onlooker = std::thread::spawn(move || {
        let background = display
            .window(APP_CLASS)
            .and_then(|window| window.background());
        background.map_err(|error| error.to_string())
    });
    let place = "const {x, y, width, height} = document.querySelector('[data-testid=sign-in]').getBoundingClientRect();
                 return [x, y, width, height]";
    let app = stage.start_app()?;
    wait_state(app, "signedOut")?;
    app.wait_for(&id("sign-in"), DEADLINE)?;
    let first_place = app.execute(place)?;
    app.screenshot(&picture("app-signed-out"))?;
    let last_place = app.execute(place)?;
    if first_place != last_place {
        return Err(format!("the button jumped from {first_place} to {last_place}").into());
    }
    let window = stage.app_window()?;
    wait_for("the window to be painted", DEADLINE, || {
        Ok((window.colours()? > 8).then_some(()))
    })?;
    let at_first = onlooker.join().map_err(|_| "the onlooker panicked")??;
    let now = window.background()?;
    // GTK's own background shows until the page does; a flash is what the eye can tell from it.
    if at_first
        .iter()
        .zip(&now)
        .all(|(first, now)| (first - now).abs() < 12.0)
    {
        Ok(())
    } else {
        Err(format!("the window was {at_first:?} before it was {now:?}").into())
    }
}

fn sign_in(stage: &mut Stage) -> Result {
    let tabs = stage.browser.windows()?;
    let app = stage.app()?;
    click(app, "sign-in")?;
    wait_state(app, "signingIn")?;
    app.wait_for(&id("waiting"), DEADLINE)?;
    let url = app.wait_for(&id("sign-in-url"), DEADLINE)?.value()?;
    for part in [
        "/oauth2/authorize?",
        "response_type=code",
        "code_challenge_method=S256",
        "code_challenge=",
        "state=",
        "nonce=",
        "scope=openid",
    ] {
        if !url.contains(part) {
            return Err(format!("the sign-in URL has no {part}").into());
        }
    }
    new_tab(&stage.browser, &tabs)?;
    stage.browser.wait_for(PASSWORD_FIELD, DEADLINE)?;
    asked(&stage.far_side, 0, "/.well-known/jwks.json")?;
    stage.browser.screenshot(&picture("browser-hosted-ui"))?;
    app.screenshot(&picture("app-waiting"))
}

fn cancel(stage: &mut Stage) -> Result {
    let tabs = stage.browser.windows()?;
    let app = stage.app()?;
    click(app, "cancel")?;
    wait_state(app, "signedOut")?;
    click(app, "sign-in")?;
    wait_state(app, "signingIn")?;
    new_tab(&stage.browser, &tabs)?;
    stage.browser.wait_for(PASSWORD_FIELD, DEADLINE).map(drop)
}

fn wrong_password(stage: &mut Stage) -> Result {
    submit(&stage.browser, "not-the-password")?;
    let told = stage
        .browser
        .wait_for("#loginErrorMessage", DEADLINE)?
        .text()?;
    if told.is_empty() {
        return Err("the hosted UI does not say what is wrong".into());
    }
    stage
        .browser
        .screenshot(&picture("browser-wrong-password"))?;
    wait_state(stage.app()?, "signingIn")
}

fn right_password(stage: &mut Stage) -> Result {
    stage.browser_window.activate()?;
    let light = stage.browser_window.lightness()?;
    submit(&stage.browser, PASSWORD)?;
    stage
        .browser_window
        .accept_dialog(light, &picture("browser-open-keyfob"))?;
    wait_state(stage.app()?, "signedIn")?;
    let window = stage.app_window()?;
    wait_for("the app's window in front", DEADLINE, || {
        Ok(window.is_active()?.then_some(()))
    })?;
    stage.app()?.settled()?;
    stage.display.screenshot(&picture("browser-handed-over"))
}

fn in_keychain(_: &mut Stage) -> Result {
    if keychain_tokens()?.len() == 2 {
        Ok(())
    } else {
        Err("the app says signed in, and the keychain holds no tokens".into())
    }
}

fn who(stage: &mut Stage) -> Result {
    let app = stage.app()?;
    shows(app, "user-name", "Alex Morgan")?;
    shows(app, "user-email", "alex@example.com")?;
    shows(app, "user-groups", "developers")?;
    app.wait_for(&id("session-until"), DEADLINE)?;
    app.screenshot(&picture("app-signed-in"))
}

fn call_api(stage: &mut Stage) -> Result {
    let app = stage.app()?;
    click(app, "call-api")?;
    shows(
        app,
        "api-answer",
        "Hi alex, your API call is authenticated!",
    )?;
    app.screenshot(&picture("app-api-answer"))
}

fn refusals(stage: &mut Stage) -> Result {
    let ask = |token: Option<&str>| -> Result<(u16, String)> {
        let mut request = http().get(format!("{}/api/hello", stage.far_side.api_url));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.call()?;
        let reason = answer
            .headers()
            .get("www-authenticate")
            .map(|value| value.to_str().unwrap_or_default());
        Ok((
            answer.status().as_u16(),
            reason.unwrap_or_default().to_owned(),
        ))
    };
    let refused = |case: &str, (status, reason): (u16, String)| {
        let as_it_should = status == 401 && reason.starts_with("Bearer");
        if as_it_should {
            Ok(())
        } else {
            Err(format!("{case}: {status}, WWW-Authenticate: {reason}"))
        }
    };
    refused("no token", ask(None)?)?;
    refused("no token at all", ask(Some("garbage"))?)?;
    refused("an unsigned token", ask(Some(UNSIGNED))?)?;
    // Which is which shows: the API takes the access token, and not the ID token of the same sign-in.
    let (taken, others): (Vec<_>, Vec<_>) = keychain_tokens()?
        .iter()
        .map(|token| ask(Some(token)))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .partition(|(status, _)| *status == 200);
    if taken.len() != 1 || others.len() != 1 {
        return Err(format!("{} of two tokens taken", taken.len()).into());
    }
    others
        .into_iter()
        .try_for_each(|answer| Ok(refused("the ID token", answer)?))
}

/// A minute, and time to do it.
const UNTIL_CLEARED: Duration = Duration::from_secs(75);

/// `{"alg":"none"}` and `{"token_use":"access"}`.
const UNSIGNED: &str = "eyJhbGciOiJub25lIn0.eyJ0b2tlbl91c2UiOiJhY2Nlc3MifQ.";

fn aws_identity(stage: &mut Stage) -> Result {
    let app = stage.app()?;
    click(app, "room-aws-access")?;
    // It is looked up when the room is opened.
    shows(app, "aws-answer", "123456789012")?;
    shows(app, "aws-answer", "role/KeyfobDemoAuthenticated")?;
    shows(app, "aws-answer", "us-east-1:")?;
    app.screenshot(&picture("app-aws-identity"))
}

fn aws_config(stage: &mut Stage) -> Result {
    let app = stage.app()?;
    let home = variable("HOME").ok_or("there is no home folder")?;
    let file = PathBuf::from(home).join(".aws/config");
    let written = || fs::read_to_string(&file).unwrap_or_default();
    click(app, "set-up-aws-config")?;
    shows(app, "aws-config-plan", "credential_process = ")?;
    app.screenshot(&picture("app-aws-config"))?;
    if !written().is_empty() {
        return Err("something was written before the person had seen it".into());
    }
    click(app, "apply-aws-config")?;
    shows(app, "aws-config-done", "--profile Local-demo")?;
    if !written().contains("[profile Local-demo]") {
        return Err(format!("{} holds {}", file.display(), written()).into());
    }
    click(app, "undo-aws-config")?;
    shows(app, "aws-config-plan", "[profile Local-demo]")?;
    click(app, "apply-aws-config")?;
    wait_for("the lines to be gone", DEADLINE, || {
        Ok((!written().contains("Local-demo")).then_some(()))
    })
}

fn copy_credentials(stage: &mut Stage) -> Result {
    let app = stage.app()?;
    click(app, "room-aws-access")?;
    shows(app, "aws-answer", "123456789012")?;
    click(app, "copy-credentials")?;
    shows(app, "copied", "it is cleared from the clipboard")?;
    shows(app, "handed-out", "You copied")?;
    shows(app, "handed-out", "KeyfobDemoAuthenticated")?;
    app.screenshot(&picture("app-copied"))?;
    click(app, "room-account")?;
    if !on_clipboard(stage)? {
        return Err("no credentials are on the clipboard".into());
    }
    Ok(())
}

fn clipboard_cleared(stage: &mut Stage) -> Result {
    wait_for("the clipboard to be cleared", UNTIL_CLEARED, || {
        Ok((!on_clipboard(stage)?).then_some(()))
    })
}

/// As another program sees it. What it holds is told to nobody.
fn on_clipboard(stage: &Stage) -> Result<bool> {
    let mut paste = stage.display.command("xclip");
    let pasted = paste.args(["-out", "-selection", "clipboard"]).output()?;
    let text = String::from_utf8_lossy(&pasted.stdout);
    Ok(text.contains("AWS_SECRET_ACCESS_KEY="))
}

fn invoke(stage: &mut Stage) -> Result {
    let app = stage.app()?;
    click(app, "room-functions")?;
    app.wait_for("#function-name", DEADLINE)?;
    app.execute(
        "const list = document.getElementById('function-name'); list.value = 'hello'; \
         list.dispatchEvent(new Event('change', { bubbles: true }));",
    )?;
    let ask = |payload: &str| {
        app.wait_for(&id("function-payload"), DEADLINE)?
            .fill(payload)
    };
    ask(r#"{"fail": true}"#)?;
    click(app, "invoke")?;
    shows(app, "function-answer", "RequestedFailure")?;
    // What failed shows its log by itself.
    shows(app, "function-log", "END RequestId: ")?;
    app.screenshot(&picture("app-function-error"))?;
    ask(r#"{"name": "journey"}"#)?;
    click(app, "invoke")?;
    shows(app, "function-answer", "Hello from Lambda, journey!")?;
    app.screenshot(&picture("app-function-answer"))
}

fn restart(stage: &mut Stage) -> Result {
    let (tabs, requests) = (
        stage.browser.windows()?.len(),
        stage.far_side.requests().len(),
    );
    stage.quit_app()?;
    let due = token_expiry()? - 60;
    wait_for("the tokens to be due", DEADLINE, || {
        Ok((unix_seconds() > due).then_some(()))
    })?;
    stage.start_app()?;
    let app = stage.app()?;
    wait_state(app, "signedIn")?;
    shows(app, "user-name", "Alex Morgan")?;
    asked(&stage.far_side, requests, "/oauth2/token")?;
    let app = stage.app()?;
    click(app, "call-api")?;
    shows(app, "api-answer", "Hi alex")?;
    app.screenshot(&picture("app-after-restart"))?;
    let opened = stage.browser.windows()?.len() - tabs;
    let authorized = stage.far_side.requests()[requests..]
        .iter()
        .any(|line| line.contains("/oauth2/authorize"));
    if opened == 0 && !authorized {
        Ok(())
    } else {
        Err("the restart signed in anew, in the browser".into())
    }
}

fn sign_out(stage: &mut Stage) -> Result {
    let requests = stage.far_side.requests().len();
    // Chromium lets pages of other programs open an app only once after the person last used the browser.
    stage.browser_window.click_nowhere()?;
    let light = stage.browser_window.lightness()?;
    let app = stage.app()?;
    for choice in ["account-menu", "sign-out", "sign-out-browser"] {
        click(app, choice)?;
    }
    // /logout sends the browser on to the app's own URL, about which the browser asks again.
    stage
        .browser_window
        .accept_dialog(light, &picture("browser-signed-out"))?;
    wait_state(app, "signedOut")?;
    wait_for("an empty keychain", DEADLINE, || {
        Ok((keychain_items()? == 0).then_some(()))
    })?;
    asked(&stage.far_side, requests, "/oauth2/revoke")?;
    asked(&stage.far_side, requests, "/logout")?;
    app.wait_for(&id("sign-in"), DEADLINE)?;
    app.screenshot(&picture("app-signed-out-again"))
}

fn asks_again(stage: &mut Stage) -> Result {
    let tabs = stage.browser.windows()?;
    click(stage.app()?, "sign-in")?;
    new_tab(&stage.browser, &tabs)?;
    stage.browser.wait_for(PASSWORD_FIELD, DEADLINE).map(drop)
}

fn cold_start(stage: &mut Stage) -> Result {
    stage.quit_app()?;
    stage.browser_window.activate()?;
    let light = stage.browser_window.lightness()?;
    submit(&stage.browser, PASSWORD)?;
    stage
        .browser_window
        .accept_dialog(light, &picture("browser-cold-start"))?;
    let app = stage.attach_app()?;
    wait_state(app, "signedIn")?;
    shows(app, "user-name", "Alex Morgan")?;
    app.screenshot(&picture("app-cold-start"))
}

fn device_sign_out(stage: &mut Stage) -> Result {
    let (tabs, requests) = (
        stage.browser.windows()?.len(),
        stage.far_side.requests().len(),
    );
    let app = stage.app()?;
    for choice in ["account-menu", "sign-out", "sign-out-device"] {
        click(app, choice)?;
    }
    wait_state(app, "signedOut")?;
    asked(&stage.far_side, requests, "/oauth2/revoke")?;
    app.wait_for(&id("sign-out-outcome"), DEADLINE)?;
    app.screenshot(&picture("app-signed-out-of-device"))?;
    if stage.browser.windows()?.len() != tabs || keychain_items()? != 0 {
        return Err("a browser window was opened, or tokens are left".into());
    }
    stage.quit_app()
}

/// The hosted UI has its form twice, for narrow and for wide windows; only one of them can be seen.
pub(super) const PASSWORD_FIELD: &str = "input[name=password]";

/// Fills in and sends the hosted UI's form.
pub(super) fn submit(browser: &Page, password: &str) -> Result {
    browser
        .wait_for("input[name=username]", DEADLINE)?
        .fill(USER)?;
    browser.wait_for(PASSWORD_FIELD, DEADLINE)?.fill(password)?;
    browser
        .wait_for("[name=signInSubmitButton]", DEADLINE)?
        .click()
}

/// Turns to the tab that was not there before.
pub(super) fn new_tab(browser: &Page, before: &[String]) -> Result {
    let tab = wait_for("a new browser page", DEADLINE, || {
        Ok(browser
            .windows()?
            .into_iter()
            .find(|tab| !before.contains(tab)))
    })?;
    browser.switch_to(&tab)
}

/// Waits until the emulator has answered a request for `path`, not counting the first `before` ones.
pub(super) fn asked(far_side: &FarSide, before: usize, path: &str) -> Result {
    wait_for(&format!("a request for {path}"), DEADLINE, || {
        let found = far_side.requests()[before..]
            .iter()
            .any(|line| line.contains(path));
        Ok(found.then_some(()))
    })
}

pub(super) fn id(name: &str) -> String {
    format!("[data-testid={name}]")
}

pub(super) fn click(app: &Page, name: &str) -> Result {
    wait_for(&format!("{name} to be clicked"), DEADLINE, || {
        app.find(&id(name))?.click().map(Some)
    })
}

/// Waits until an element's text has `expected` in it, and brings it into view.
pub(super) fn shows(app: &Page, name: &str, expected: &str) -> Result {
    wait_for(&format!("{name} to show {expected}"), DEADLINE, || {
        // WebKit's driver has no text for what may be cut short with an ellipsis.
        let text = app.execute(&format!(
            "const found = document.querySelector('{}');
             return found?.checkVisibility({{ visibilityProperty: true }}) ? found.innerText : ''",
            id(name)
        ))?;
        if text.as_str().is_some_and(|text| text.contains(expected)) {
            Ok(Some(()))
        } else {
            Err(format!("it shows {text}").into())
        }
    })?;
    let into_view = "scrollIntoView({ block: 'nearest' })";
    app.execute(&format!(
        "document.querySelector('{}').{into_view}",
        id(name)
    ))
    .map(drop)
}

pub(super) fn wait_state(app: &Page, expected: &str) -> Result {
    wait_for(&format!("the app to be {expected}"), DEADLINE, || {
        let state = app.execute("return document.documentElement.dataset.state")?;
        if state == expected {
            Ok(Some(()))
        } else {
            Err(format!("it is {state}").into())
        }
    })
}

/// How many items the app has in the Secret Service.
fn keychain_items() -> Result<usize> {
    Ok(keychain()?
        .lines()
        .filter(|line| line.starts_with("[/"))
        .count())
}

/// The ID and the access token: what has the three parts of a signed JWT.
fn keychain_tokens() -> Result<Vec<String>> {
    let jwt = |word: &&str| word.starts_with("eyJ") && word.split('.').count() == 3;
    Ok(keychain()?
        .split('"')
        .filter(jwt)
        .map(str::to_owned)
        .collect())
}

/// When the kept tokens expire, in Unix seconds.
fn token_expiry() -> Result<u64> {
    let kept = keychain()?;
    let (_, rest) = kept
        .split_once("\"token_expires_at\":")
        .ok_or("the keychain does not say when the tokens expire")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the journey is made in real time"
)]
fn unix_seconds() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

pub(super) fn keychain() -> Result<String> {
    output(Command::new("secret-tool").args(["search", "--all", "service", "dev.keyfob.desktop"]))
}

pub(super) fn picture(name: &str) -> PathBuf {
    pictures().join(format!("{name}.png"))
}
