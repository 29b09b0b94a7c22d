//! Exchanges a Cognito ID token for AWS credentials and uses them.
