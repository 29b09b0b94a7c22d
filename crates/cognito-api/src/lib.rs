//! An API that only signed-in users of an Amazon Cognito user pool can call.
