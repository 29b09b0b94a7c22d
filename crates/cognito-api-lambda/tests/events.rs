//! The built program, fed by a runtime interface with events as API Gateway writes them.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Function, Outcome, command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cognito-api-lambda");
const HTTP_API: &str = include_str!("events/http-api.json");
const STAGE: &str = include_str!("events/http-api-stage-cookies.json");
const BASE64: &str = include_str!("events/http-api-base64-body.json");
const FUNCTION_URL: &str = include_str!("events/function-url.json");
const REST_API: &str = include_str!("events/rest-api.json");
const LOAD_BALANCER: &str = include_str!("events/load-balancer.json");
const QUEUE: &str = include_str!("events/queue.json");

/// See `events/published/README.md`.
macro_rules! published {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("events/published/", $file)))),*]
    };
}
const PUBLISHED: &[(&str, &str)] = published![
    "aws_lambda_events/example-apigw-request.json",
    "aws_lambda_events/example-apigw-sam-http-request.json",
    "aws_lambda_events/example-apigw-sam-rest-request.json",
    "aws_lambda_events/example-apigw-v2-request-jwt-authorizer.json",
    "aws_lambda_events/example-apigw-v2-request-multi-value-parameters.json",
    "aws_lambda_events/example-apigw-v2-request-no-authorizer.json",
    "lambda_http/apigw_v2_proxy_request.json",
    "lambda_http/apigw_v2_proxy_request_minimal.json",
    "lambda_http/apigw_v2_proxy_request_with_stage_in_path.json",
    "lambda_http/lambda_function_url_request.json",
];

const GREETING: &str = "Hi alex, your API call is authenticated!";

async fn function(environment: &[(&str, &str)]) -> Function {
    Function::start(Path::new(PROGRAM), environment).await
}

/// The event with `token` in the place of its token.
fn event(text: &str, token: &str) -> Value {
    serde_json::from_str(&text.replace("TOKEN", token)).unwrap()
}

async fn answer(function: &mut Function, event: Value) -> Value {
    match function.invoke(event).await {
        Outcome::Response(response) => response,
        Outcome::Error(error) => panic!("{error}"),
    }
}

fn code(answer: &Value) -> (u64, String) {
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (
        answer["statusCode"].as_u64().unwrap(),
        body["error"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn an_http_api_greets_who_brings_a_token() {
    let mut function = function(&[]).await;
    let token = function.token();
    for text in [HTTP_API, STAGE, FUNCTION_URL] {
        let answer = answer(&mut function, event(text, &token)).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");
        assert_eq!(answer["body"], GREETING);
        assert_eq!(answer["isBase64Encoded"], false);
        assert_eq!(
            answer["headers"]["content-type"],
            "text/plain; charset=utf-8"
        );
        assert_eq!(answer["headers"]["cache-control"], "no-store");
        assert_eq!(answer["cookies"], json!([]));
    }
}

#[tokio::test]
async fn everyone_else_is_refused_with_a_reason() {
    let mut function = function(&[]).await;
    let mut without = event(HTTP_API, "");
    without["headers"]
        .as_object_mut()
        .unwrap()
        .remove("authorization");
    let refused = answer(&mut function, without).await;
    assert_eq!(code(&refused), (401, "missing_token".to_owned()));
    assert_eq!(refused["headers"]["www-authenticate"], "Bearer");

    let refused = answer(&mut function, event(HTTP_API, "rubbish")).await;
    assert_eq!(code(&refused), (401, "malformed".to_owned()));
    let foreign = function.issuer.access_token("another").sign();
    let refused = answer(&mut function, event(HTTP_API, &foreign)).await;
    assert_eq!(code(&refused), (401, "wrong_client".to_owned()));

    // API Gateway joins headers of the same name with a comma: two tokens are none.
    let token = function.token();
    let two = event(HTTP_API, &format!("{token},Bearer {token}"));
    let refused = answer(&mut function, two).await;
    assert_eq!(code(&refused), (401, "malformed_authorization".to_owned()));

    // A token elsewhere is no token.
    let mut elsewhere = event(STAGE, &token);
    elsewhere["headers"]
        .as_object_mut()
        .unwrap()
        .remove("authorization");
    elsewhere["rawQueryString"] = json!(format!("access_token={token}"));
    elsewhere["cookies"] = json!([format!("access_token={token}")]);
    let refused = answer(&mut function, elsewhere).await;
    assert_eq!(code(&refused), (401, "missing_token".to_owned()));
}

#[tokio::test]
async fn a_body_in_base64_and_another_method_reach_the_router() {
    let mut function = function(&[]).await;
    let token = function.token();
    // No route takes a body, so the router's own answer shows that it arrived there.
    let answer = answer(&mut function, event(BASE64, &token)).await;
    assert_eq!(answer["statusCode"], 405, "{answer}");
    assert_eq!(answer["headers"]["allow"], "GET,HEAD");
}

#[tokio::test]
async fn stages_and_base_paths_are_no_part_of_the_route() {
    const MAPPED: usize = 1;
    let mut functions = [
        function(&[]).await,
        function(&[("COGNITO_API_BASE_PATH", "/v1")]).await,
    ];
    let token = functions[0].token();
    let at = |raw: &str, stage: &str| {
        let mut event = event(HTTP_API, &token);
        event["rawPath"] = json!(raw);
        event["requestContext"]["stage"] = json!(stage);
        event
    };
    for (nth, raw, stage, status) in [
        (0, "/prod/api/hello", "prod", 200),
        // The stage only once, only as a whole segment, and only the event's own.
        (0, "/prod/prod/api/hello", "prod", 404),
        (0, "/production/api/hello", "prod", 404),
        (0, "/test/api/hello", "prod", 404),
        (0, "/v1/api/hello", "$default", 404),
        (0, "/prod", "prod", 404),
        (MAPPED, "/v1/api/hello", "$default", 200),
        (MAPPED, "/v1/api/hello", "prod", 200),
        (MAPPED, "/prod/api/hello", "prod", 200),
        (MAPPED, "/v10/api/hello", "$default", 404),
    ] {
        let answer = answer(&mut functions[nth], at(raw, stage)).await;
        assert_eq!(answer["statusCode"], status, "{raw} {stage}: {answer}");
    }
}

#[tokio::test]
async fn a_rest_api_is_served_as_well() {
    let mut function = function(&[]).await;
    let token = function.token();
    let greeted = answer(&mut function, event(REST_API, &token)).await;
    assert_eq!(
        (&greeted["statusCode"], &greeted["body"]),
        (&json!(200), &json!(GREETING))
    );
    // A REST API reads one of the two, and doubles what is in both.
    assert_eq!(greeted["headers"], json!({}));
    assert_eq!(
        greeted["multiValueHeaders"]["cache-control"],
        json!(["no-store"])
    );

    // Its events have a header twice, all values in one place and the last in the other.
    let mut event = event(REST_API, &token);
    event["multiValueHeaders"]
        .as_object_mut()
        .unwrap()
        .remove("Authorization");
    event["headers"]
        .as_object_mut()
        .unwrap()
        .remove("Authorization");
    let refused = answer(&mut function, event.clone()).await;
    assert_eq!(code(&refused), (401, "missing_token".to_owned()));
    event["multiValueHeaders"]["authorization"] = json!([format!("Bearer {token}")]);
    assert_eq!(answer(&mut function, event).await["statusCode"], 200);
}

#[tokio::test]
async fn the_events_that_aws_publishes_reach_the_router() {
    let mut function = function(&[]).await;
    let token = function.token();
    for (file, text) in PUBLISHED {
        let published: Value = serde_json::from_str(text).unwrap();
        // Their paths are no routes of the API.
        let missed = answer(&mut function, published.clone()).await;
        assert_eq!(missed["statusCode"], 404, "{file}: {missed}");

        // The same requests, made to a route; and then with a token.
        let mut event = published;
        redirect(&mut event);
        let refused = answer(&mut function, event.clone()).await;
        assert_eq!(code(&refused), (401, "missing_token".to_owned()), "{file}");
        for headers in ["headers", "multiValueHeaders"] {
            if let Some(headers) = event[headers].as_object_mut() {
                let one = json!(format!("Bearer {token}"));
                let many = headers.values().any(Value::is_array);
                let value = if many { json!([one]) } else { one };
                headers.insert("Authorization".to_owned(), value);
            }
        }
        let greeted = answer(&mut function, event).await;
        assert_eq!(greeted["statusCode"], 200, "{file}: {greeted}");
        assert_eq!(greeted["body"], GREETING, "{file}");
    }
}

/// Makes the event one for `GET /api/hello`, wherever it says what for: behind the stage, if its path has that.
fn redirect(event: &mut Value) {
    const ROUTE: &str = "/api/hello";
    if event["version"] == "2.0" {
        let stage = format!("/{}", event["requestContext"]["stage"].as_str().unwrap());
        let raw = event["rawPath"].as_str().unwrap();
        let path = if raw.starts_with(&stage) {
            stage + ROUTE
        } else {
            ROUTE.to_owned()
        };
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["requestContext"]["http"]["method"] = json!("GET");
    } else {
        event["path"] = json!(ROUTE);
        event["requestContext"]["path"] = json!(ROUTE);
        event["httpMethod"] = json!("GET");
        event["requestContext"]["httpMethod"] = json!("GET");
    }
}

#[tokio::test]
async fn what_is_no_http_event_is_refused_and_the_function_goes_on() {
    let mut function = function(&[]).await;
    let token = function.token();
    let refusals = [
        event(QUEUE, ""),
        // Its answers have another form.
        event(LOAD_BALANCER, &token),
        json!({}),
        json!("text"),
        json!(null),
    ];
    for event in refusals {
        let Outcome::Error(error) = function.invoke(event.clone()).await else {
            panic!("{event} was answered");
        };
        let message = error["errorMessage"].as_str().unwrap();
        assert!(
            message.contains("doesn't match any of those services' events"),
            "{error}"
        );
    }
    // Hosts, paths and queries that fit into no URL.
    for (pointer, value) in [
        ("/rawPath", "no slash"),
        ("/rawQueryString", "a b\u{0}"),
        ("/headers/host", "no host at all"),
    ] {
        let mut event = event(HTTP_API, &token);
        *event.pointer_mut(pointer).unwrap() = json!(value);
        let outcome = function.invoke(event).await;
        assert!(
            matches!(outcome, Outcome::Error(_)),
            "{pointer}: {outcome:?}"
        );
    }
    let mut decoded = event(HTTP_API, &token);
    decoded["rawPath"] = json!("/api/ h\u{e9}llo\u{7f}");
    assert_eq!(answer(&mut function, decoded).await["statusCode"], 404);
    assert_eq!(
        answer(&mut function, event(HTTP_API, &token)).await["body"],
        GREETING
    );
}

#[test]
fn every_mistake_gets_its_sentence() {
    let output = command(Path::new(PROGRAM))
        .env_remove("COGNITO_API_ISSUER")
        .env_remove("COGNITO_API_CLIENT_ID")
        .env("COGNITO_API_BASE_PATH", "v1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "cognito-api-lambda: --issuer (or COGNITO_API_ISSUER) is missing: name the user pool, \
         e.g. https://cognito-idp.REGION.amazonaws.com/POOL_ID\n\
         cognito-api-lambda: --client-id (or COGNITO_API_CLIENT_ID) is missing: name the app client whose users may call\n\
         cognito-api-lambda: --base-path: \"v1\" is not a path such as /v1\n"
    );
}

#[tokio::test]
async fn the_example_checks_a_bearer_by_itself() {
    // Beside this test's own folder, where cargo puts the examples it builds with the tests.
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/bearer");
    let mut function = Function::start(
        &program.with_extension(std::env::consts::EXE_EXTENSION),
        &[],
    )
    .await;
    let token = function.token();
    let greeted = answer(&mut function, event(HTTP_API, &token)).await;
    assert_eq!(
        (&greeted["statusCode"], &greeted["body"]),
        (&json!(200), &json!("Hi alex"))
    );
    let refused = answer(&mut function, event(HTTP_API, "rubbish")).await;
    assert_eq!(code(&refused), (401, "malformed".to_owned()));
    let challenge = refused["headers"]["www-authenticate"].as_str().unwrap();
    assert!(
        challenge.starts_with("Bearer error=\"invalid_token\""),
        "{challenge}"
    );
}
