//! A local stand-in for Amazon Cognito, its identity pools, STS and Lambda, for demos and tests.
