//! The person's Lambda functions: run, started, checked, and what is refused before anything is sent.

#![allow(clippy::unwrap_used)]

mod common;

use cognito_aws::Error;
use cognito_emulator::{Function, Role};
use common::Stage;
use serde_json::json;

fn problem(error: &Error) -> &str {
    match error {
        Error::Payload { problem } => problem,
        _ => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn an_answer_comes_with_the_end_of_the_log_and_the_version() {
    let stage = Stage::new().await;
    let answer = stage.aws.invoke("hello", "{}").await.unwrap();
    assert_eq!(answer.function_error, None);
    assert_eq!(answer.executed_version.as_deref(), Some("$LATEST"));
    let log = answer.log_tail.unwrap();
    assert!(log.starts_with("START RequestId: "), "{log}");
    assert!(log.contains("\nEND RequestId: "), "{log}");
    // Of its last line, `REPORT`.
    assert!(answer.billed.is_some(), "{log}");
}

#[tokio::test]
async fn a_function_that_fails_has_answered() {
    let stage = Stage::new().await;
    let answer = stage.aws.invoke("hello", r#"{"fail":true}"#).await.unwrap();
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"));
    assert!(answer.payload.contains("RequestedFailure"));
    assert!(answer.log_tail.is_some());
}

#[tokio::test]
async fn an_event_and_a_dry_run_wait_for_no_function() {
    let stage = Stage::new().await;
    stage.aws.invoke_event("hello", "{}").await.unwrap();
    stage.aws.dry_run("hello", "{}").await.unwrap();
    for error in [
        stage.aws.invoke_event("helo", "{}").await.unwrap_err(),
        stage.aws.dry_run("helo", "{}").await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
        assert!(error.to_string().contains("“helo”"), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_it_is() {
    let stage = Stage::new().await;
    let aws = &stage.aws;
    let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    let six = 6 * 1024 * 1024;
    for error in [
        aws.invoke("hello", &text(six + 1)).await.unwrap_err(),
        aws.dry_run("hello", &text(six + 1)).await.unwrap_err(),
    ] {
        assert_eq!(
            problem(&error),
            "is larger than the 6 MB that AWS Lambda takes"
        );
    }
    let one = 1024 * 1024;
    let error = aws.invoke_event("hello", &text(one + 1)).await.unwrap_err();
    assert_eq!(
        problem(&error),
        "is larger than the 1 MB that AWS Lambda takes for a function that is not waited for"
    );
    let error = aws.invoke("hello", "{\n  \"a\": }").await.unwrap_err();
    assert!(problem(&error).contains("line 2 column 8"), "{error}");
    let error = aws.invoke_event("hello", "").await.unwrap_err();
    assert!(problem(&error).starts_with("is not JSON"), "{error}");
    // Not even credentials were had.
    assert_eq!(stage.asked("GetId"), 0);

    // As much as there may be, and the service takes it.
    aws.invoke_event("hello", &text(one)).await.unwrap();
    aws.dry_run("hello", &text(six)).await.unwrap();
}

#[tokio::test]
async fn the_list_is_whole_and_in_order() {
    let stage = Stage::with(
        |config| {
            for number in 0..60 {
                let function = Function::hello().description("One of many.");
                config
                    .functions
                    .insert(format!("job-{number:02}"), function);
            }
        },
        |_| {},
    )
    .await;
    let listed = stage.aws.functions().await.unwrap();
    let names: Vec<_> = listed.iter().map(|function| &*function.name).collect();
    assert!(names.is_sorted());
    let jobs = listed
        .iter()
        .filter(|function| function.name.starts_with("job-"));
    assert!(
        jobs.clone()
            .all(|job| job.description.as_deref() == Some("One of many."))
    );
    assert_eq!(jobs.count(), 60);
    assert!(names.contains(&"hello"));
}

#[tokio::test]
async fn what_the_role_may_not_is_told_with_the_action_and_the_role() {
    const NARROW: &str = "arn:aws:iam::123456789012:role/Narrow";
    let stage = Stage::with(
        |config| {
            let role = Role::for_authenticated(NARROW, &config.identity_pool.id);
            config.roles.push(role.with_policy(json!([{
                "Effect": "Allow",
                "Action": "lambda:InvokeFunction",
                "Resource": "arn:aws:lambda:*:*:function:hello",
            }])));
            config.identity_pool.authenticated_role = Some(NARROW.into());
            let hidden = Function::hello();
            config.functions.insert("hidden".into(), hidden);
        },
        |_| {},
    )
    .await;
    stage.aws.dry_run("hello", "{}").await.unwrap();
    for error in [
        stage.aws.dry_run("hidden", "{}").await.unwrap_err(),
        stage.aws.invoke("hidden", "{}").await.unwrap_err(),
    ] {
        let Error::NotAllowed {
            action,
            resource,
            role,
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(*action, "lambda:InvokeFunction");
        assert!(resource.contains("hidden"), "{resource}");
        assert_eq!(role.as_deref(), Some(NARROW));
    }
    let error = stage.aws.functions().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotAllowed {
                action: "lambda:ListFunctions",
                ..
            }
        ),
        "{error:?}"
    );
}
