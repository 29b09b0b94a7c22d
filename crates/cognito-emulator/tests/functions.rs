//! Lambda functions through AWS's own SDK for Rust: closures, commands, and what their log says.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use aws_sdk_lambda::{
    Client,
    operation::invoke::InvokeOutput,
    types::{InvocationType, LogType},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use cognito_emulator::{Config, Emulator, Function, FunctionError, Role};
use common::{sdk::*, *};
use serde_json::{Value, json};
use tokio::sync::mpsc;

async fn client(emulator: &Emulator) -> Client {
    let alex = Person::alex(emulator).await;
    Client::new(&config(emulator, Some(alex.credentials), Duration::ZERO))
}

async fn invoke(client: &Client, name: &str, payload: &Value) -> InvokeOutput {
    let invoke = client.invoke().function_name(name).log_type(LogType::Tail);
    let payload = payload.to_string().into_bytes();
    invoke.payload(payload.into()).send().await.unwrap()
}

fn payload(output: &InvokeOutput) -> Value {
    serde_json::from_slice(output.payload().unwrap().as_ref()).unwrap()
}

fn log(output: &InvokeOutput) -> String {
    let log = BASE64_STANDARD
        .decode(output.log_result().unwrap())
        .unwrap();
    String::from_utf8(log).unwrap()
}

#[tokio::test]
async fn a_log_has_a_start_an_end_and_a_report() {
    let emulator = start().await;
    let client = client(&emulator).await;
    let output = invoke(&client, "book-order", &json!({ "order": 4711 })).await;
    assert_eq!(output.status_code(), 200);
    assert_eq!(output.function_error(), Some("Unhandled"));
    assert_eq!(output.executed_version(), Some("$LATEST"));
    assert_eq!(payload(&output)["errorType"], "BookingError");
    let log = log(&output);
    let lines: Vec<_> = log.lines().collect();
    let id = lines[0].strip_prefix("START RequestId: ").unwrap();
    let id = id.strip_suffix(" Version: $LATEST").unwrap();
    assert_eq!(lines[1], "INFO  received {\"order\":4711}");
    assert_eq!(lines[4], format!("END RequestId: {id}"));
    let report = lines[5]
        .strip_prefix(&format!("REPORT RequestId: {id}\tDuration: "))
        .unwrap();
    let (duration, rest) = report.split_once(" ms\tBilled Duration: ").unwrap();
    let billed = rest.split_once(" ms\t").unwrap().0;
    assert!(duration.parse::<f64>().unwrap() <= billed.parse::<f64>().unwrap());
    let quiet = client.invoke().function_name("hello").send().await.unwrap();
    assert_eq!(quiet.log_result(), None, "nobody asked");
}

#[tokio::test]
async fn the_tail_of_a_long_log_is_four_kilobytes() {
    let chatty = Function::asynchronous(|_, _, log| async move {
        for number in 0..10_000 {
            log.line(format_args!("zeile {number} ü"));
        }
        Ok(json!(null))
    });
    let emulator = start_with(Config::demo().with_function("chatty", chatty)).await;
    let output = invoke(&client(&emulator).await, "chatty", &json!({})).await;
    let log = log(&output);
    assert!((4090..=4096).contains(&log.len()), "{}", log.len());
    assert!(log.contains("zeile 9999 ü\nEND RequestId"), "{log}");
}

#[tokio::test]
async fn functions_are_listed_in_pages() {
    let many = (0..60).fold(Config::demo(), |config, number| {
        config.with_function(format!("n{number:02}"), Function::hello())
    });
    let emulator = start_with(many).await;
    let client = client(&emulator).await;
    let first = client.list_functions().send().await.unwrap();
    assert_eq!(first.functions().len(), 50);
    let mut names = Vec::new();
    let mut pages = client.list_functions().max_items(7).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.functions().len() <= 7);
        names.extend(
            page.functions()
                .iter()
                .map(|function| function.function_name().unwrap().to_owned()),
        );
    }
    assert_eq!(names.len(), 63);
    assert!(names.is_sorted());
    let hello = first
        .functions()
        .iter()
        .find(|function| function.function_name() == Some("hello"));
    let hello = hello.unwrap();
    assert_eq!(
        hello.function_arn(),
        Some("arn:aws:lambda:us-east-1:123456789012:function:hello")
    );
    assert_eq!(
        hello.description(),
        Some("Greets whoever the payload names.")
    );
}

#[tokio::test]
async fn the_roles_policy_decides_who_may_call_what() {
    let mut config = Config::demo();
    let pool = config.identity_pool.id.clone();
    let narrow = Role::for_authenticated("arn:aws:iam::123456789012:role/Narrow", &pool)
        .with_policy(json!([
            {
                "Effect": "Allow",
                "Action": "lambda:InvokeFunction",
                "Resource": "arn:aws:lambda:us-east-1:123456789012:function:h*",
            },
            {
                "Effect": "Deny",
                "Action": "lambda:*",
                "Resource": "arn:aws:lambda:us-east-1:123456789012:function:hidden",
            },
        ]));
    config.identity_pool.authenticated_role = Some(narrow.arn.clone());
    let emulator = start_with(
        config
            .with_role(narrow)
            .with_function("hidden", Function::hello()),
    )
    .await;
    let client = client(&emulator).await;
    let user = "User: arn:aws:sts::123456789012:assumed-role/Narrow/CognitoIdentityCredentials is not authorized to perform: ";
    let denied = |text: &str| {
        (
            "AccessDeniedException".to_owned(),
            format!("{user}{text}"),
            403,
        )
    };
    client.invoke().function_name("hello").send().await.unwrap();
    for kind in [
        InvocationType::RequestResponse,
        InvocationType::Event,
        InvocationType::DryRun,
    ] {
        // Whether there is such a function is nobody's business who may not call it.
        for name in ["slow", "absent"] {
            let refused = client
                .invoke()
                .function_name(name)
                .invocation_type(kind.clone())
                .send()
                .await;
            let text = format!(
                "lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:{name} because no \
                 identity-based policy allows the lambda:InvokeFunction action"
            );
            assert_eq!(refusal(refused), denied(&text));
        }
    }
    let hidden = client.invoke().function_name("hidden").send().await;
    assert_eq!(
        refusal(hidden),
        denied(
            "lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:hidden with an explicit \
             deny in an identity-based policy"
        )
    );
    assert_eq!(
        refusal(client.list_functions().send().await),
        denied(
            "lambda:ListFunctions on resource: * because no identity-based policy allows the lambda:ListFunctions action"
        )
    );
    let absent = client.invoke().function_name("h-absent").send().await;
    assert_eq!(
        refusal(absent),
        (
            "ResourceNotFoundException".into(),
            "Function not found: arn:aws:lambda:us-east-1:123456789012:function:h-absent".into(),
            404
        )
    );
    let version = client
        .invoke()
        .function_name("hello")
        .qualifier("7")
        .send()
        .await;
    assert!(refusal(version).1.ends_with("function:hello:7"));
}

#[tokio::test]
async fn events_run_unwatched_and_a_dry_run_runs_nothing() {
    let (heard, mut hears) = mpsc::unbounded_channel();
    let function = Function::new(move |payload, _| {
        heard.send(payload).unwrap();
        Err(FunctionError {
            error_type: "E".into(),
            message: "nobody hears".into(),
        })
    });
    let emulator = start_with(Config::demo().with_function("note", function)).await;
    let client = client(&emulator).await;
    let call = |kind, number: u8| {
        let payload = json!(number).to_string().into_bytes();
        client
            .invoke()
            .function_name("note")
            .invocation_type(kind)
            .payload(payload.into())
            .send()
    };
    assert_eq!(
        call(InvocationType::DryRun, 1).await.unwrap().status_code(),
        204
    );
    let event = call(InvocationType::Event, 2).await.unwrap();
    assert_eq!((event.status_code(), event.function_error()), (202, None));
    assert_eq!(hears.recv().await, Some(json!(2)));
}

/// A command that every Unix has.
#[cfg(unix)]
fn shell(script: &str) -> Function {
    Function::command("/bin/sh", ["-c", script])
}

#[cfg(unix)]
#[tokio::test]
async fn commands_answer_log_fail_and_are_killed() {
    let config = Config::demo()
        .with_function(
            "echo",
            shell("cat; echo \"$AWS_LAMBDA_FUNCTION_NAME for $COGNITO_IDENTITY_ID\" >&2"),
        )
        .with_function("fails", shell("echo 'no such order' >&2; exit 3"))
        .with_function("babbles", shell("echo this is no JSON"))
        .with_function("silent", shell("exec 2>&1; true"))
        .with_function("deaf", shell("exec <&-; echo '\"heard nothing\"'"))
        .with_function("absent", Function::command("/no/such/program", [""; 0]))
        .with_function(
            "hangs",
            shell("echo begun >&2; while :; do read x < /dev/zero; done")
                .timeout(Duration::from_secs(3)),
        );
    let emulator = start_with(config).await;
    let client = client(&emulator).await;
    // More than a pipe holds.
    let large = json!({ "text": "x".repeat(300_000) });
    let echo = invoke(&client, "echo", &large).await;
    assert_eq!(echo.function_error(), None);
    assert_eq!(payload(&echo), large);
    assert!(
        log(&echo).contains("\necho for us-east-1:"),
        "{}",
        log(&echo)
    );
    for (name, error_type, message, logged) in [
        (
            "fails",
            "Runtime.ExitError",
            "Runtime exited with error: exit status 3",
            "\nno such order\nEND",
        ),
        (
            "babbles",
            "Runtime.MarshalError",
            "standard output is not JSON",
            "START",
        ),
        (
            "absent",
            "Runtime.InvalidEntrypoint",
            "cannot run /no/such/program",
            "cannot run /no/such/program",
        ),
        (
            "hangs",
            "Sandbox.Timedout",
            "Task timed out after 3.00 seconds",
            "\nbegun\n",
        ),
    ] {
        let output = invoke(&client, name, &large).await;
        assert_eq!(output.status_code(), 200);
        assert_eq!(output.function_error(), Some("Unhandled"), "{name}");
        let answer = payload(&output);
        assert_eq!(answer["errorType"], error_type, "{answer}");
        assert!(
            answer["errorMessage"].as_str().unwrap().contains(message),
            "{answer}"
        );
        assert!(log(&output).contains(logged), "{name}: {}", log(&output));
    }
    assert_eq!(
        payload(&invoke(&client, "silent", &json!({})).await),
        Value::Null
    );
    assert_eq!(
        payload(&invoke(&client, "deaf", &large).await),
        json!("heard nothing")
    );
}

#[tokio::test]
async fn a_closure_that_takes_too_long_is_dropped() {
    struct Dropped(mpsc::UnboundedSender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let (ended, mut ends) = mpsc::unbounded_channel();
    let endless = Function::asynchronous(move |_, _, log| {
        let guard = Dropped(ended.clone());
        async move {
            log.line("waiting");
            std::future::pending::<()>().await;
            drop(guard);
            Ok(json!(null))
        }
    });
    let endless = endless.timeout(Duration::from_millis(20));
    let emulator = start_with(Config::demo().with_function("endless", endless)).await;
    let output = invoke(&client(&emulator).await, "endless", &json!({})).await;
    assert_eq!(payload(&output)["errorType"], "Sandbox.Timedout");
    assert!(log(&output).contains("Task timed out after 0.02 seconds"));
    ends.recv().await.unwrap();
}
