//! Carries the SDK's requests over reqwest: one HTTP stack for the whole app, with the system's proxy and
//! certificates, neither of which the SDK's own client takes from macOS or Windows.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use cognito_client::Session;

/// An HTTP client for the SDK, over the session's, which follows no redirects: a signature is for one address.
#[derive(Clone)]
pub(crate) struct Reqwest(pub(crate) Session);

impl std::fmt::Debug for Reqwest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reqwest")
    }
}

impl HttpClient for Reqwest {
    // The settings are time-outs, and those are set for the whole attempt.
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Reqwest {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let session = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?
                .map(reqwest::Body::wrap);
            let request = request
                .try_into()
                .map_err(|error: reqwest::Error| ConnectorError::user(error.into()))?;
            let http = session
                .http()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let response = http.execute(request).await.map_err(connector_error)?;
            let response: ::http::Response<reqwest::Body> = response.into();
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn connector_error(error: reqwest::Error) -> ConnectorError {
    // Without the URL, in whose query an operation may put anything.
    let error = error.without_url();
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
