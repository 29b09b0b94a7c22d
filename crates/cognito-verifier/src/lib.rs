//! Turns a bearer token of an Amazon Cognito user pool into claims, or says why not.
