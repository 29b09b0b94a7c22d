//! AWS's own SDK for Rust, at a chosen time.
#![allow(dead_code, clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig};
use aws_types::{SdkConfig, region::Region, sdk_config::SharedCredentialsProvider};
use cognito_emulator::Emulator;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use super::{aws_json, tokens};

/// Not reqwest: its URLs leave no key with `..` as it is.
#[derive(Clone, Debug)]
struct Hyper(Client<HttpConnector, SdkBody>);

impl HttpClient for Hyper {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl aws_smithy_runtime_api::client::http::HttpConnector for Hyper {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let http = self.0.clone();
        HttpConnectorFuture::new(async move {
            let answer = http
                .request(request.try_into_http1x().unwrap())
                .await
                .map_err(|error| ConnectorError::io(error.into()))?;
            Ok(HttpResponse::try_from(answer.map(SdkBody::from_body_1_x)).unwrap())
        })
    }
}

/// The machine's clock, so much ahead.
#[derive(Clone, Copy, Debug)]
struct Ahead(Duration);

impl TimeSource for Ahead {
    fn now(&self) -> SystemTime {
        #[expect(clippy::disallowed_methods, reason = "what the SDK itself would do")]
        let now = SystemTime::now();
        now + self.0
    }
}

/// What an SDK client of this emulator is configured with. It tries once.
pub(crate) fn config(
    emulator: &Emulator,
    credentials: Option<Credentials>,
    ahead: Duration,
) -> SdkConfig {
    let http = Hyper(Client::builder(TokioExecutor::new()).build_http());
    let mut config = SdkConfig::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(emulator.domain())
        .time_source(SharedTimeSource::new(Ahead(ahead)))
        .http_client(http)
        .retry_config(RetryConfig::disabled());
    if let Some(credentials) = credentials {
        config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
    }
    config.build()
}

pub(crate) fn s3(emulator: &Emulator, credentials: &Credentials) -> aws_sdk_s3::Client {
    s3_ahead(emulator, credentials, Duration::ZERO)
}

pub(crate) fn s3_ahead(
    emulator: &Emulator,
    credentials: &Credentials,
    ahead: Duration,
) -> aws_sdk_s3::Client {
    let config = config(emulator, Some(credentials.clone()), ahead);
    let config = aws_sdk_s3::config::Builder::from(&config)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// Somebody who has signed in: their identity and credentials.
pub(crate) struct Person {
    pub(crate) identity_id: String,
    pub(crate) credentials: Credentials,
}

impl Person {
    pub(crate) async fn alex(emulator: &Emulator) -> Self {
        let tokens = tokens(emulator).await;
        Self::of(emulator, &tokens["id_token"]).await
    }

    /// By an ID token; by none, a guest.
    pub(crate) async fn of(emulator: &Emulator, id_token: &Value) -> Self {
        let logins = match id_token {
            Value::Null => json!({}),
            token => json!({ emulator.provider_name(): token }),
        };
        let call = async |operation: &str, input: Value| {
            let target = format!("AWSCognitoIdentityService.{operation}");
            aws_json(emulator, &target, &input).await
        };
        let pool = "us-east-1:6b657966-6f62-4465-8d6f-706f6f6c0001";
        let (_, id) = call("GetId", json!({ "IdentityPoolId": pool, "Logins": logins })).await;
        let input = json!({ "IdentityId": id["IdentityId"], "Logins": logins });
        let (status, issued) = call("GetCredentialsForIdentity", input).await;
        assert_eq!(status, 200, "{issued}");
        let member = |name: &str| issued["Credentials"][name].as_str().unwrap().to_owned();
        Self {
            identity_id: id["IdentityId"].as_str().unwrap().to_owned(),
            credentials: Credentials::new(
                member("AccessKeyId"),
                member("SecretKey"),
                Some(member("SessionToken")),
                None,
                "test",
            ),
        }
    }

    /// A key in the person's own folder.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("users/{}/{name}", self.identity_id)
    }
}

/// Code, message and status of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug, E>(
    outcome: Result<T, aws_smithy_runtime_api::client::result::SdkError<E, HttpResponse>>,
) -> (String, String, u16)
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::fmt::Debug,
{
    let error = outcome.unwrap_err();
    let status = error
        .raw_response()
        .map_or(0, |answer| answer.status().as_u16());
    let service = error
        .as_service_error()
        .unwrap_or_else(|| panic!("{error:?}"));
    let meta = service.meta();
    (
        meta.code().unwrap_or_default().to_owned(),
        meta.message().unwrap_or_default().to_owned(),
        status,
    )
}
