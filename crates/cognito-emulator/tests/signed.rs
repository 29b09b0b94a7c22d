//! STS and Lambda believe a signature only: AWS's own signer makes them here, and the tests break them.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use cognito_emulator::{Config, Emulator, Function};
use common::*;
use reqwest::Response;
use serde_json::{Value, json};

const POOL: &str = "us-east-1:6b657966-6f62-4465-8d6f-706f6f6c0001";
const WHO_AM_I: &str = "Action=GetCallerIdentity&Version=2011-06-15";

struct Signer {
    key: String,
    secret: String,
    session: String,
    region: &'static str,
    service: &'static str,
    time: SystemTime,
}

impl Signer {
    /// Real credentials of the emulator, at the emulator's time.
    async fn of(emulator: &Emulator, service: &'static str) -> Self {
        let tokens = tokens(emulator).await;
        let logins = json!({ emulator.provider_name(): tokens["id_token"] });
        let call = async |operation: &str, input: Value| {
            let target = format!("AWSCognitoIdentityService.{operation}");
            aws_json(emulator, &target, &input).await.1
        };
        let id = call("GetId", json!({ "IdentityPoolId": POOL, "Logins": logins })).await;
        let input = json!({ "IdentityId": id["IdentityId"], "Logins": logins });
        let issued = call("GetCredentialsForIdentity", input).await;
        let member = |name: &str| issued["Credentials"][name].as_str().unwrap().to_owned();
        let date = get(format!("{}/error", emulator.domain())).await.headers()["date"].clone();
        Self {
            key: member("AccessKeyId"),
            secret: member("SecretKey"),
            session: member("SessionToken"),
            region: "us-east-1",
            service,
            time: httpdate::parse_http_date(date.to_str().unwrap()).unwrap(),
        }
    }

    /// A signed request, not yet sent; `alter` may spoil it.
    async fn send(
        &self,
        emulator: &Emulator,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
        alter: impl FnOnce(&mut http::Request<String>),
    ) -> Response {
        let uri = format!("{}{path}", emulator.domain());
        let credentials = Credentials::new(
            &self.key,
            &self.secret,
            Some(self.session.clone()),
            None,
            "test",
        );
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.time)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let mut request = http::Request::post(&uri).body(body.to_owned()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let signed_headers = headers.iter().copied();
        let signable = SignableRequest::new(
            "POST",
            &uri,
            signed_headers,
            SignableBody::Bytes(body.as_bytes()),
        );
        let (instructions, _) = sign(signable.unwrap(), &params).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        alter(&mut request);
        let (parts, body) = request.into_parts();
        http()
            .post(parts.uri.to_string())
            .headers(parts.headers)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    async fn who_am_i(
        &self,
        emulator: &Emulator,
        alter: impl FnOnce(&mut http::Request<String>),
    ) -> (u16, String) {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.send(emulator, "/", &form, WHO_AM_I, alter).await;
        assert_eq!(answer.headers()["content-type"], "text/xml");
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn invoke(&self, emulator: &Emulator, name: &str, payload: &str) -> Response {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        self.send(
            emulator,
            &path,
            &[("content-type", "application/json")],
            payload,
            |_| (),
        )
        .await
    }
}

fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    rest.split_once(&format!("</{name}>")).unwrap().0
}

async fn refusal(
    signer: &Signer,
    emulator: &Emulator,
    alter: impl FnOnce(&mut http::Request<String>),
) -> (u16, String, String) {
    let (status, xml) = signer.who_am_i(emulator, alter).await;
    assert!(
        xml.starts_with("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"),
        "{xml}"
    );
    assert_eq!(element(&xml, "Type"), "Sender");
    (
        status,
        element(&xml, "Code").to_owned(),
        element(&xml, "Message").to_owned(),
    )
}

#[tokio::test]
async fn the_caller_identity_names_role_and_session() {
    let emulator = start().await;
    let signer = Signer::of(&emulator, "sts").await;
    let (status, xml) = signer.who_am_i(&emulator, |_| ()).await;
    assert_eq!(status, 200, "{xml}");
    assert_eq!(
        element(&xml, "Arn"),
        "arn:aws:sts::123456789012:assumed-role/KeyfobDemoAuthenticated/CognitoIdentityCredentials"
    );
    assert_eq!(element(&xml, "Account"), "123456789012");
    assert!(element(&xml, "UserId").ends_with(":CognitoIdentityCredentials"));
}

#[tokio::test]
async fn every_refusal_of_a_signature() {
    let emulator = start().await;
    let signer = Signer::of(&emulator, "sts").await;
    let mismatch = (
        403,
        "SignatureDoesNotMatch".to_owned(),
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
            .to_owned(),
    );
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned();
    let wrong = Signer {
        secret,
        ..Signer::of(&emulator, "sts").await
    };
    assert_eq!(refusal(&wrong, &emulator, |_| ()).await, mismatch);
    // Something that was signed is changed on the way.
    let body = |request: &mut http::Request<String>| request.body_mut().push_str("&x=1");
    assert_eq!(refusal(&signer, &emulator, body).await, mismatch);
    let header = |request: &mut http::Request<String>| {
        let other = "application/x-www-form-urlencoded; charset=utf-8";
        request
            .headers_mut()
            .insert("content-type", other.parse().unwrap());
    };
    assert_eq!(refusal(&signer, &emulator, header).await, mismatch);
    let query = |request: &mut http::Request<String>| {
        *request.uri_mut() = format!("{}?a=b", request.uri()).parse().unwrap();
    };
    assert_eq!(refusal(&signer, &emulator, query).await, mismatch);

    let code = async |signer: &Signer, alter: fn(&mut http::Request<String>)| {
        let (status, code, _) = refusal(signer, &emulator, alter).await;
        (status, code)
    };
    let is = |status: u16, code: &str| (status, code.to_owned());
    let unknown = Signer {
        key: "ASIAIOSFODNN7EXAMPLE".into(),
        ..Signer::of(&emulator, "sts").await
    };
    assert_eq!(
        code(&unknown, |_| ()).await,
        is(403, "InvalidClientTokenId")
    );
    let session = Signer {
        session: "another".into(),
        ..Signer::of(&emulator, "sts").await
    };
    assert_eq!(
        code(&session, |_| ()).await,
        is(403, "InvalidClientTokenId")
    );
    let region = Signer {
        region: "eu-west-1",
        ..Signer::of(&emulator, "sts").await
    };
    assert_eq!(
        code(&region, |_| ()).await,
        is(403, "SignatureDoesNotMatch")
    );
    let service = Signer {
        service: "lambda",
        ..Signer::of(&emulator, "sts").await
    };
    assert_eq!(
        code(&service, |_| ()).await,
        is(403, "SignatureDoesNotMatch")
    );
    let unsigned = |request: &mut http::Request<String>| {
        request.headers_mut().remove("authorization");
    };
    assert_eq!(
        code(&signer, unsigned).await,
        is(403, "MissingAuthenticationToken")
    );
    let bearer = |request: &mut http::Request<String>| {
        request
            .headers_mut()
            .insert("authorization", "Bearer x".parse().unwrap());
    };
    assert_eq!(code(&signer, bearer).await, is(400, "IncompleteSignature"));
    let undated = |request: &mut http::Request<String>| {
        request.headers_mut().remove("x-amz-date");
    };
    assert_eq!(code(&signer, undated).await, is(400, "IncompleteSignature"));
    let other_action = |request: &mut http::Request<String>| {
        *request.body_mut() = "Action=GetSessionToken&Version=2011-06-15".into();
    };
    assert_eq!(code(&signer, other_action).await, is(400, "InvalidAction"));
}

#[tokio::test]
async fn a_clock_may_be_off_by_fifteen_minutes_and_credentials_last_an_hour() {
    let emulator = start().await;
    let mut signer = Signer::of(&emulator, "sts").await;
    let start = signer.time;
    let minutes = |count: u64| Duration::from_secs(count * 60);
    for (time, good) in [
        (start - minutes(14), true),
        (start - minutes(16), false),
        (start + minutes(14), true),
        (start + minutes(17), false),
    ] {
        signer.time = time;
        assert_eq!(signer.who_am_i(&emulator, |_| ()).await.0 == 200, good);
    }
    signer.time = start - minutes(16);
    let (_, code, message) = refusal(&signer, &emulator, |_| ()).await;
    assert_eq!(code, "SignatureDoesNotMatch");
    assert!(
        message.starts_with("Signature expired: ") && message.ends_with("- 15 min.)"),
        "{message}"
    );
    signer.time = start + minutes(17);
    let (_, _, message) = refusal(&signer, &emulator, |_| ()).await;
    assert!(
        message.starts_with("Signature not yet current: "),
        "{message}"
    );

    emulator.advance(minutes(59));
    signer.time = start + minutes(59);
    assert_eq!(signer.who_am_i(&emulator, |_| ()).await.0, 200);
    emulator.advance(minutes(1));
    signer.time = start + minutes(60);
    assert_eq!(
        refusal(&signer, &emulator, |_| ()).await,
        (
            403,
            "ExpiredToken".into(),
            "The security token included in the request is expired".into()
        )
    );
}

#[tokio::test]
async fn functions_answer_fail_and_refuse() {
    let config =
        Config::demo().with_function("whoami", Function::new(|_, caller| Ok(json!(caller.arn))));
    let emulator = start_with(config).await;
    let signer = Signer::of(&emulator, "lambda").await;
    let answer = signer
        .invoke(&emulator, "hello", r#"{"name": "Ada"}"#)
        .await;
    assert_eq!(answer.headers()["x-amz-executed-version"], "$LATEST");
    let (status, body) = status_and_json(answer).await;
    assert_eq!(
        (status, &body["message"]),
        (200, &json!("Hello from Lambda, Ada!"))
    );
    assert!(
        body["identityId"]
            .as_str()
            .unwrap()
            .starts_with("us-east-1:")
    );
    let (_, empty) = status_and_json(signer.invoke(&emulator, "hello", "").await).await;
    assert_eq!(empty["message"], "Hello from Lambda, world!");
    let (_, arn) = status_and_json(signer.invoke(&emulator, "whoami", "{}").await).await;
    assert!(
        arn.as_str()
            .unwrap()
            .ends_with("/CognitoIdentityCredentials")
    );

    let failed = signer.invoke(&emulator, "hello", r#"{"fail": true}"#).await;
    assert_eq!(failed.headers()["x-amz-function-error"], "Unhandled");
    let (status, body) = status_and_json(failed).await;
    assert_eq!(
        (status, &body["errorType"]),
        (200, &json!("RequestedFailure"))
    );
    assert!(body["errorMessage"].is_string());

    let absent = signer.invoke(&emulator, "absent", "{}").await;
    assert_eq!(
        absent.headers()["x-amzn-errortype"],
        "ResourceNotFoundException"
    );
    let (status, body) = status_and_json(absent).await;
    assert_eq!(status, 404);
    assert_eq!(
        body["Message"],
        "Function not found: arn:aws:lambda:us-east-1:123456789012:function:absent"
    );
    let malformed = signer.invoke(&emulator, "hello", "{").await;
    assert_eq!(
        (
            malformed.status().as_u16(),
            &malformed.headers()["x-amzn-errortype"]
        ),
        (400, &"InvalidRequestContentException".parse().unwrap())
    );
    let large = format!("\"{}\"", "x".repeat(6 * 1024 * 1024 - 1));
    assert_eq!(
        signer.invoke(&emulator, "hello", &large).await.status(),
        413
    );

    let sts = Signer {
        service: "sts",
        ..Signer::of(&emulator, "lambda").await
    };
    let wrong = sts.invoke(&emulator, "hello", "{}").await;
    assert_eq!(wrong.status(), 403);
    assert_eq!(
        wrong.headers()["x-amzn-errortype"],
        "InvalidSignatureException"
    );
    emulator.advance(Duration::from_secs(3600));
    let mut late = signer;
    late.time += Duration::from_secs(3600);
    let expired = late.invoke(&emulator, "hello", "{}").await;
    assert_eq!(
        expired.headers()["x-amzn-errortype"],
        "ExpiredTokenException"
    );
}
