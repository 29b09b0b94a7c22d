//! Signs a person in to an Amazon Cognito user pool in their own browser and keeps the session.
