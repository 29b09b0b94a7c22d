//! The name of a request's operation, for those who count requests or ask for faults.

use axum::http::{HeaderMap, Method};

/// By method, path and query, as S3 tells its operations apart; `None` for those that nobody asks for here.
pub(crate) fn operation(
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
) -> Option<&'static str> {
    let has =
        |name: &str| url::form_urlencoded::parse(query.as_bytes()).any(|(known, _)| known == name);
    let path = path.strip_prefix('/').unwrap_or(path);
    let in_bucket = path.split_once('/').is_some_and(|(_, key)| !key.is_empty());
    let copies = headers.contains_key("x-amz-copy-source");
    Some(match (method.as_str(), in_bucket) {
        ("GET", _) if path.is_empty() => "ListBuckets",
        ("HEAD", false) => "HeadBucket",
        ("GET", false) if has("versions") => "ListObjectVersions",
        ("GET", false) if has("uploads") => "ListMultipartUploads",
        ("GET", false) if has("location") => "GetBucketLocation",
        ("GET", false) if has("versioning") => "GetBucketVersioning",
        ("GET", false) => "ListObjects",
        ("POST", false) if has("delete") => "DeleteObjects",
        ("HEAD", true) => "HeadObject",
        ("GET", true) if has("uploadId") => "ListParts",
        ("GET", true) => "GetObject",
        ("PUT", true) if has("uploadId") => "UploadPart",
        ("PUT", true) if copies => "CopyObject",
        ("PUT", true) => "PutObject",
        ("POST", true) if has("uploads") => "CreateMultipartUpload",
        ("POST", true) if has("uploadId") => "CompleteMultipartUpload",
        ("DELETE", true) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", true) => "DeleteObject",
        _ => return None,
    })
}
