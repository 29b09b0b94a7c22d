//! The hosted UI's pages: HTML from templates, with no script and no resource from elsewhere.

use std::fmt;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use minijinja::{Environment, Value};

use crate::{authorize::AuthorizationRequest, css::CssError, random};

pub(crate) struct Pages {
    templates: Environment<'static>,
    custom_css: String,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}

impl Pages {
    pub(crate) fn new(css: Option<&str>) -> Result<Self, CssError> {
        let mut templates = Environment::new();
        for (name, source) in [
            ("base.html", include_str!("../templates/base.html")),
            ("style.css", include_str!("../templates/style.css")),
            ("login.html", include_str!("../templates/login.html")),
            ("signup.html", include_str!("../templates/signup.html")),
            ("confirm.html", include_str!("../templates/confirm.html")),
            ("forgot.html", include_str!("../templates/forgot.html")),
            (
                "confirm_forgot.html",
                include_str!("../templates/confirm_forgot.html"),
            ),
            ("rules.html", include_str!("../templates/rules.html")),
            ("error.html", include_str!("../templates/error.html")),
        ] {
            templates
                .add_template(name, source)
                .expect("the built-in templates are well-formed");
        }
        let custom_css = css.map(crate::css::check).transpose()?.unwrap_or_default();
        Ok(Self {
            templates,
            custom_css: custom_css.to_owned(),
        })
    }

    /// Renders `name`. A page with a form names the request it belongs to, whose redirect the form may lead to.
    pub(crate) fn render(
        &self,
        name: &str,
        status: StatusCode,
        request: Option<&AuthorizationRequest>,
        context: Value,
    ) -> Response {
        let nonce = random::base64_url(16);
        let html = self
            .templates
            .get_template(name)
            .and_then(|template| {
                template.render(minijinja::context! {
                    style_nonce => &nonce, custom_css => &self.custom_css, ..context
                })
            })
            .expect("the built-in templates render");
        let form_action = request.map_or("'none'".to_owned(), |request| {
            format!("'self' {}", request.redirect_source())
        });
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; form-action {form_action}; \
             base-uri 'none'; frame-ancestors 'none'"
        );
        let mut response = (status, Html(html)).into_response();
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_SECURITY_POLICY, policy.as_str()),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ] {
            let value = HeaderValue::from_str(value).expect("policies are ASCII");
            headers.insert(name, value);
        }
        response
    }
}
