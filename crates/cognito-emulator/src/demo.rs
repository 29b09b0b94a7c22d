//! The demo account's roles and buckets.

use std::time::Duration;

use serde_json::json;

use crate::{Bucket, Role};

pub(crate) const IDENTITY_POOL: &str = "us-east-1:6b657966-6f62-4465-8d6f-706f6f6c0001";
pub(crate) const AUTHENTICATED_ROLE: &str =
    "arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated";

pub(crate) const GUEST_ROLE: &str = "arn:aws:iam::123456789012:role/KeyfobDemoGuest";

const BUCKET: &str = "keyfob-demo";
const WELCOME: &str = "Everybody who is signed in reads and writes this folder.\n\n\
    Yours alone is the other one. A deleted file can be had back: this bucket keeps versions.\n";

pub(crate) fn roles() -> Vec<Role> {
    let own = "users/${cognito-identity.amazonaws.com:sub}";
    let objects = [
        format!("arn:aws:s3:::{BUCKET}/{own}/*"),
        format!("arn:aws:s3:::{BUCKET}/shared/*"),
    ];
    let statements = json!([
        {
            "Sid": "OwnAndSharedObjects",
            "Effect": "Allow",
            "Action": [
                "s3:GetObject",
                "s3:GetObjectAttributes",
                "s3:GetObjectVersion",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            "Resource": objects,
        },
        {
            "Sid": "ListOwnAndShared",
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
            "Resource": format!("arn:aws:s3:::{BUCKET}"),
            "Condition": { "StringLike": { "s3:prefix": [format!("{own}/*"), "shared/*"] } },
        },
        {
            "Sid": "AboutTheBucket",
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:GetBucketVersioning"],
            "Resource": format!("arn:aws:s3:::{BUCKET}"),
        },
        {
            "Sid": "Functions",
            "Effect": "Allow",
            "Action": ["lambda:InvokeFunction"],
            "Resource": "arn:aws:lambda:*:123456789012:function:*",
        },
        {
            "Sid": "ListFunctions",
            "Effect": "Allow",
            "Action": "lambda:ListFunctions",
            "Resource": "*",
        },
    ]);
    let guests = json!([
        {
            "Sid": "ReadShared",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{BUCKET}/shared/*"),
        },
        {
            "Sid": "ListShared",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": format!("arn:aws:s3:::{BUCKET}"),
            "Condition": { "StringLike": { "s3:prefix": "shared/*" } },
        },
    ]);
    vec![
        Role {
            max_session: Duration::from_secs(12 * 3600),
            ..Role::for_authenticated(AUTHENTICATED_ROLE, IDENTITY_POOL).with_policy(statements)
        },
        Role::for_guests(GUEST_ROLE, IDENTITY_POOL).with_policy(guests),
    ]
}

pub(crate) fn buckets() -> Vec<Bucket> {
    let picture = include_bytes!("../samples/picture.png");
    vec![
        Bucket::new(BUCKET)
            .versioned()
            .with_sample("shared/Welcome.txt", "text/plain; charset=utf-8", WELCOME)
            .with_sample("shared/pictures/Colours.png", "image/png", *picture),
    ]
}
