//! Serving a form and taking it back: XSRF protection and the five-minute limit of an abandoned page.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use minijinja::{Value, context};

use crate::{
    authorize::{AuthorizationRequest, Refusal, error_page, found},
    cookies,
    delivery::Purpose,
    login,
    params::Params,
    random,
    state::{ServedForm, Shared},
};

/// An abandoned page is cancelled after five minutes.
const PAGE_SECONDS: u64 = 300;
/// What the sign-in page says then.
const ABANDONED: &str = "Something went wrong. Please sign in again.";
/// As long as the longest-lived code that the next page may ask for.
pub(crate) const FLOW_SECONDS: u64 = 24 * 3600;

/// One page for one authorization request. Every interactive page takes the parameters of
/// `/oauth2/authorize`, and refuses them alike.
pub(crate) struct Page {
    pub(crate) shared: Arc<Shared>,
    pub(crate) request: AuthorizationRequest,
    query: String,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<Shared>> for Page {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or_default();
        let request = AuthorizationRequest::read(shared, &Params::parse(query.as_bytes()))?;
        Ok(Self {
            shared: Arc::clone(shared),
            request,
            query: query.to_owned(),
            headers: parts.headers.clone(),
        })
    }
}

/// A page whose form came back in time, from the browser it was served to.
pub(crate) struct Posted {
    pub(crate) page: Page,
    pub(crate) fields: Params,
}

impl FromRequest<Arc<Shared>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let page = Page::from_request_parts(&mut parts, shared)
            .await
            .map_err(IntoResponse::into_response)?;
        let body = Bytes::from_request(Request::from_parts(parts, body), shared)
            .await
            .map_err(IntoResponse::into_response)?;
        match page.take(&body) {
            Form::InTime(fields) => Ok(Self { page, fields }),
            Form::Abandoned => Err(login::show(&page, Some(ABANDONED), None, "")),
            Form::Forged => Err(page.forged()),
        }
    }
}

/// What became of a posted form.
enum Form {
    InTime(Params),
    /// The page was served more than five minutes ago.
    Abandoned,
    /// Not a form of ours, or another browser's.
    Forged,
}

impl Page {
    /// The page, with a fresh form token.
    pub(crate) fn show(&self, template: &str, context: Value) -> Response {
        let now = self.shared.clock.unix();
        let csrf = random::base64_url(24);
        let xsrf_cookie = cookies::value(&self.headers, "XSRF-TOKEN")
            .filter(|value| value.len() == 32 && value.bytes().all(|b| b.is_ascii_graphic()))
            .filter(|value| !value.contains([';', '"', ',', '\\']))
            .map_or_else(|| random::base64_url(24), str::to_owned);
        let mut state = self.shared.state();
        // Kept for a while after the limit, to tell an abandoned page from a forged one.
        state.forms.retain(|_, form| now < form.served + 3600);
        state.forms.insert(
            csrf.clone(),
            ServedForm {
                xsrf_cookie: xsrf_cookie.clone(),
                served: now,
            },
        );
        drop(state);
        let mut response = self.shared.pages.render(
            template,
            StatusCode::OK,
            Some(&self.request),
            context! { csrf, query => &self.query, ..context },
        );
        cookies::set(response.headers_mut(), "XSRF-TOKEN", &xsrf_cookie, None);
        if let Some(lang) = self.request.lang {
            cookies::set(response.headers_mut(), "lang", lang, None);
        }
        response
    }

    /// A form is taken from the browser it was served to, which holds the cookie.
    fn take(&self, body: &[u8]) -> Form {
        let Some(fields) = Params::of_form(&self.headers, body) else {
            return Form::Forged;
        };
        let cookie = cookies::value(&self.headers, "XSRF-TOKEN");
        let state = self.shared.state();
        let form = fields
            .value("_csrf")
            .and_then(|token| state.forms.get(token));
        match form {
            Some(form) if Some(form.xsrf_cookie.as_str()) == cookie => {
                if self.shared.clock.unix() < form.served + PAGE_SECONDS {
                    Form::InTime(fields)
                } else {
                    Form::Abandoned
                }
            }
            _ => Form::Forged,
        }
    }

    /// Who is between two pages in this browser, if anybody.
    pub(crate) fn flow(&self, purpose: Purpose) -> Option<String> {
        let now = self.shared.clock.unix();
        let state = self.shared.state();
        let flow = state.flows.get(self.flow_cookie()?)?;
        (flow.purpose == purpose && now < flow.started + FLOW_SECONDS)
            .then(|| flow.username.clone())
    }

    pub(crate) fn end_flow(&self) {
        let cookie = self.flow_cookie().unwrap_or_default();
        self.shared.state().flows.remove(cookie);
    }

    fn flow_cookie(&self) -> Option<&str> {
        cookies::value(&self.headers, "csrf-state")
    }

    fn forged(&self) -> Response {
        found(&error_page(
            "invalid_request",
            Some(&self.request.client_id),
        ))
    }

    /// Another page with the same parameters.
    pub(crate) fn go(&self, path: &str) -> Response {
        found(&format!("{path}?{}", self.query)).into_response()
    }

    pub(crate) fn header(&self) -> &HeaderMap {
        &self.headers
    }
}
