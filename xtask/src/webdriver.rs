//! As much of the W3C WebDriver protocol as the journey speaks (<https://www.w3.org/TR/webdriver2/>).

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use crate::process::{Result, wait_for};

/// The key under which the protocol hands out an element (section "Elements").
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// An HTTP client for servers on this machine: no proxy, and a 4xx is an answer like any other.
pub(crate) fn http() -> Agent {
    Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

/// One driven window or browser; its session at the driver is deleted with it.
pub(crate) struct Page {
    agent: Agent,
    session: String,
}

/// An element of the page as it was when it was found.
pub(crate) struct Element<'a> {
    page: &'a Page,
    url: String,
}

impl Page {
    /// A new session at the driver listening on `port`.
    pub(crate) fn open(port: u16, capabilities: &Value) -> Result<Self> {
        let agent = http();
        let driver = format!("http://127.0.0.1:{port}/session");
        let created = call(
            agent
                .post(&driver)
                .send_json(json!({ "capabilities": { "alwaysMatch": capabilities } }))?,
        )?;
        let id = created["sessionId"]
            .as_str()
            .ok_or("the driver named no session")?;
        Ok(Self {
            session: format!("{driver}/{id}"),
            agent,
        })
    }

    fn ask(&self, path: &str) -> Result<Value> {
        call(self.agent.get(format!("{}/{path}", self.session)).call()?)
    }

    fn tell(&self, path: &str, body: &Value) -> Result<Value> {
        call(
            self.agent
                .post(format!("{}/{path}", self.session))
                .send_json(body)?,
        )
    }

    /// The first element that matches a CSS selector.
    pub(crate) fn find(&self, selector: &str) -> Result<Element<'_>> {
        let found = self.tell(
            "element",
            &json!({ "using": "css selector", "value": selector }),
        )?;
        let id = found[ELEMENT]
            .as_str()
            .ok_or("the driver named no element")?;
        Ok(Element {
            page: self,
            url: format!("element/{id}"),
        })
    }

    /// Waits until an element is there and can be seen.
    pub(crate) fn wait_for(&self, selector: &str, deadline: Duration) -> Result<Element<'_>> {
        wait_for(selector, deadline, || {
            let element = self.find(selector)?;
            Ok(element.displayed()?.then_some(element))
        })
    }

    /// What a script's body returns.
    pub(crate) fn execute(&self, script: &str) -> Result<Value> {
        self.tell("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Handles of the windows or tabs, in no particular order.
    pub(crate) fn windows(&self) -> Result<Vec<String>> {
        let handles = self.ask("window/handles")?;
        Ok(handles
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|h| Some(h.as_str()?.to_owned()))
            .collect())
    }

    pub(crate) fn switch_to(&self, window: &str) -> Result {
        self.tell("window", &json!({ "handle": window })).map(drop)
    }

    /// Waits until what moves has come to rest and the last change is painted.
    pub(crate) fn settled(&self) -> Result {
        const SETTLED: &str = "
            const done = arguments[arguments.length - 1];
            const moving = document.getAnimations().filter(a => isFinite(a.effect.getComputedTiming().endTime));
            Promise.allSettled(moving.map(a => a.finished))
                .then(() => requestAnimationFrame(() => requestAnimationFrame(() => done(null))));";
        self.tell("execute/async", &json!({ "script": SETTLED, "args": [] }))
            .map(drop)
    }

    /// Saves what the settled page shows as a PNG.
    pub(crate) fn screenshot(&self, file: &Path) -> Result {
        self.settled()?;
        let picture = self.ask("screenshot")?;
        let png = from_base64(picture.as_str().unwrap_or_default())
            .ok_or("the driver's picture is not Base64")?;
        Ok(std::fs::write(file, png)?)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // The driver forgets it anyway when it ends, which the journey makes sure of.
        let _ = self.agent.delete(&self.session).call();
    }
}

impl Element<'_> {
    pub(crate) fn click(&self) -> Result {
        self.page
            .tell(&format!("{}/click", self.url), &json!({}))
            .map(drop)
    }

    /// Replaces what a field holds, key by key.
    pub(crate) fn fill(&self, text: &str) -> Result {
        self.page.tell(&format!("{}/clear", self.url), &json!({}))?;
        self.page
            .tell(&format!("{}/value", self.url), &json!({ "text": text }))
            .map(drop)
    }

    /// The text a person sees.
    pub(crate) fn text(&self) -> Result<String> {
        Ok(self
            .page
            .ask(&format!("{}/text", self.url))?
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// What a field holds.
    pub(crate) fn value(&self) -> Result<String> {
        Ok(self
            .page
            .ask(&format!("{}/property/value", self.url))?
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    pub(crate) fn displayed(&self) -> Result<bool> {
        Ok(self
            .page
            .ask(&format!("{}/displayed", self.url))?
            .as_bool()
            .unwrap_or(false))
    }
}

/// The `value` of an answer, or the driver's error.
fn call(mut answer: ureq::http::Response<ureq::Body>) -> Result<Value> {
    // A picture of a large screen is larger than ureq's own limit allows.
    let mut body: Value = answer
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_json()?;
    let value = body["value"].take();
    if answer.status().is_success() {
        return Ok(value);
    }
    // The first line says it; what follows is the driver's own stack.
    let message = value["message"]
        .as_str()
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    Err(format!(
        "{}: {message}",
        value["error"].as_str().unwrap_or("driver error")
    )
    .into())
}

/// RFC 4648 section 4, padding included; `None` for anything else.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|&known| known == digit)?;
        buffer = buffer << 6 | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::from_base64;

    #[test]
    fn base64_as_rfc_4648_section_10_gives_it() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(from_base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(from_base64("Zm9*"), None);
    }
}
