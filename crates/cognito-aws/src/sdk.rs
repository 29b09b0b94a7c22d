//! What all SDK clients have in common: where the time comes from, how long they wait, and how their errors
//! are read. Nothing is taken from the environment or from `~/.aws`.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_types::SdkConfig;
use aws_types::sdk_config::TimeSource;
use cognito_client::{Endpoints, Session};

use cognito_client::TransientCause;

use crate::error::{AwsService, Error};
use crate::http::Reqwest;

/// Signs by the user pool's time, so that a wrong computer clock does not break signatures.
struct SessionTime(Session);

impl TimeSource for SessionTime {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

impl std::fmt::Debug for SessionTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionTime")
    }
}

/// Made when it is first needed: a client costs half a megabyte of code that is read in, which a program that finds
/// its credentials at hand never needs.
pub(crate) type Lazy<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

pub(crate) fn lazy<T>(make: impl FnOnce() -> T + Send + 'static) -> Lazy<T> {
    LazyLock::new(Box::new(make))
}

/// What `make` makes of this configuration and of the endpoints that the session's profile names.
pub(crate) fn client<T>(
    config: &Arc<Lazy<SdkConfig>>,
    session: &Session,
    make: impl FnOnce(&SdkConfig, &Endpoints) -> T + Send + 'static,
) -> Lazy<T> {
    let (config, session) = (config.clone(), session.clone());
    lazy(move || make(&config, &session.profile().endpoints))
}

/// For requests that may be sent again: three attempts, `patience` for each.
pub(crate) fn config(session: Session, patience: Duration) -> Lazy<SdkConfig> {
    lazy(move || {
        SdkConfig::builder()
            .http_client(Reqwest(session.clone()))
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(session.profile().region.clone()))
            .time_source(SessionTime(session))
            // The SDK would add a correction of its own to one that is already made.
            .disable_clock_skew_correction(true)
            .timeout_config(self::patience(patience))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(3)
                    .with_initial_backoff(Duration::from_millis(200)),
            )
            .build()
    })
}

/// This long for each attempt.
pub(crate) fn patience(patience: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(patience)
        .build()
}

/// An error the service itself answered with.
pub(crate) struct Refusal {
    pub(crate) code: String,
    /// The service's own words. To be compared, never to be shown: a ValidationException repeats what was sent.
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn unexpected(self, service: AwsService) -> Error {
        Error::Refused {
            service,
            code: self.code,
        }
    }
}

/// Sorts out everything that says nothing of the request itself.
pub(crate) fn refusal<E: ProvideErrorMetadata>(
    service: AwsService,
    error: &SdkError<E, HttpResponse>,
) -> Result<Refusal, Error> {
    let transient = |cause| Error::Transient { service, cause };
    let answer = match error {
        SdkError::TimeoutError(_) => return Err(transient(TransientCause::Timeout)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            return Err(transient(TransientCause::Timeout));
        }
        SdkError::DispatchFailure(_) => return Err(transient(TransientCause::Unreachable)),
        SdkError::ServiceError(answer) => answer,
        SdkError::ResponseError(answer) => {
            return Err(transient(cause_of(answer.raw().status().as_u16())));
        }
        _ => {
            return Err(Error::Protocol {
                service,
                problem: "cannot be asked that",
            });
        }
    };
    let status = answer.raw().status().as_u16();
    let Some(code) = answer.err().code() else {
        return Err(transient(cause_of(status)));
    };
    match code {
        // Throttling comes as status 400 from Cognito and STS, as 429 from Lambda.
        "TooManyRequestsException" | "Throttling" | "ThrottlingException" => {
            return Err(transient(TransientCause::Throttled));
        }
        "ExternalServiceException" | "IDPCommunicationError" => {
            return Err(transient(status.into()));
        }
        _ if status >= 500 => return Err(transient(status.into())),
        // The signature's time: STS says the first two or the third, Lambda the fourth.
        "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException" => return Err(Error::Clock { service }),
        _ => {}
    }
    Ok(Refusal {
        code: code
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(80)
            .collect(),
        message: answer.err().message().unwrap_or_default().to_owned(),
    })
}

/// What an answer with this status means that is not in the service's own form.
fn cause_of(status: u16) -> TransientCause {
    match status {
        429 | 500.. => status.into(),
        _ => TransientCause::NotTheService,
    }
}
