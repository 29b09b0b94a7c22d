//! The person's Lambda functions: run, started, checked, and what is refused before anything is sent.

#![allow(clippy::unwrap_used)]

mod common;

use cognito_aws::Error;
use common::Stage;

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
