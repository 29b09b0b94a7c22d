//! A very small browser for tests: it fills in the hosted UI's sign-in form over real HTTP.

use reqwest::{
    Client, Response,
    header::{COOKIE, LOCATION, SET_COOKIE},
    redirect::Policy,
};
use url::Url;

use crate::Emulator;

/// Why [`Emulator::sign_in_with`] did not come back with a redirect.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The page says so, e.g. `Incorrect username or password.`
    #[error("the hosted UI says: {0}")]
    Page(String),
    /// The request was refused on Cognito's own error page; the client hears nothing.
    #[error("the hosted UI shows its error page: {0}")]
    ErrorPage(String),
    /// An answer that a browser could do nothing with.
    #[error("unexpected answer from the hosted UI: {0}")]
    Unexpected(String),
    /// No answer.
    #[error("the hosted UI does not answer")]
    Unreachable(#[from] reqwest::Error),
}

impl Emulator {
    /// Opens `authorize_url` in a new browser without cookies, signs in, and returns the URL at which the client
    /// is called back, successfully or with an `error`.
    ///
    /// # Errors
    /// The page's message when it stays on the page, e.g. for a wrong password.
    pub async fn sign_in_with(
        &self,
        authorize_url: &str,
        username: &str,
        password: &str,
    ) -> Result<Url, SignInError> {
        let http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()?;
        let answer = http.get(authorize_url).send().await?;
        let login = redirect_of(&answer)?;
        if !self.is_ours(&login) {
            return Ok(login);
        }
        let answer = http.get(login.clone()).send().await?;
        if answer.status().is_redirection() {
            return redirect_of(&answer);
        }
        let cookies: Vec<_> = answer
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
            .map(str::to_owned)
            .collect();
        let status = answer.status();
        let page = answer.text().await?;
        if !status.is_success() {
            return Err(SignInError::ErrorPage(text_of(&page, "errorReason")));
        }
        let csrf = page
            .split_once("name=\"_csrf\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .ok_or_else(|| SignInError::Unexpected("no form on the page".into()))?
            .0;
        let fields = [
            ("_csrf", csrf),
            ("username", username),
            ("password", password),
        ];
        let answer = http
            .post(login)
            .header(COOKIE, cookies.join("; "))
            .form(&fields)
            .send()
            .await?;
        if answer.status().is_redirection() {
            return redirect_of(&answer);
        }
        Err(SignInError::Page(text_of(
            &answer.text().await?,
            "loginErrorMessage",
        )))
    }

    /// The token endpoint's reply to a whole sign-in of the first user with the first app client, for tests of what
    /// takes tokens. Without PKCE, which Cognito does not insist on.
    ///
    /// # Errors
    /// As [`sign_in_with`](Self::sign_in_with).
    pub async fn tokens(&self, scope: &str, nonce: &str) -> Result<serde_json::Value, SignInError> {
        let config = self.config();
        let (client, user) = (&config.clients[0], &config.users[0]);
        let redirect = client.callback_urls[0].as_str();
        let request = [
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", redirect),
            ("scope", scope),
            ("nonce", nonce),
        ];
        let mut url = self.url();
        url.set_path("/oauth2/authorize");
        url.query_pairs_mut().extend_pairs(request);
        let callback = self
            .sign_in_with(url.as_str(), &user.username, &user.password)
            .await?;
        let code = callback.query_pairs().find(|(name, _)| name == "code");
        let (_, code) = code.ok_or_else(|| SignInError::Unexpected("no code".into()))?;
        let exchange = [
            ("grant_type", "authorization_code"),
            ("client_id", &client.id),
            ("redirect_uri", redirect),
            ("code", &code),
        ];
        url.set_path("/oauth2/token");
        url.set_query(None);
        let http = Client::builder().no_proxy().build()?;
        Ok(http.post(url).form(&exchange).send().await?.json().await?)
    }

    fn is_ours(&self, url: &Url) -> bool {
        url.origin() == self.url().origin() && url.scheme() == "http"
    }
}

fn redirect_of(answer: &Response) -> Result<Url, SignInError> {
    answer
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| answer.url().join(location).ok())
        .ok_or_else(|| SignInError::Unexpected(format!("{}, no redirect", answer.status())))
}

/// The text of the element with this id.
fn text_of(page: &str, id: &str) -> String {
    page.split_once(&format!("id=\"{id}\""))
        .and_then(|(_, rest)| rest.split_once('>'))
        .and_then(|(_, rest)| rest.split_once('<'))
        .map_or(String::new(), |(text, _)| text.trim().to_owned())
}
