//! Who may what, and who is asked for it.

use std::time::Duration;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use cognito_emulator::Config;

use crate::common::{sdk::*, *};
use crate::{BUCKET, MIB, noise};

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_keeps_people_apart() {
    let emulator = start_with(with_blair(Config::demo())).await;
    let alex = Person::alex(&emulator).await;
    let url = authorize_url(&emulator, &[]);
    let back = emulator
        .sign_in_with(&url, "blair", "Blair-pass-1")
        .await
        .unwrap();
    let code = query_of(&back)["code"].clone();
    let tokens: serde_json::Value = redeem(&emulator, &code).await.json().await.unwrap();
    let blair = Person::of(&emulator, &tokens["id_token"]).await;
    assert_ne!(alex.identity_id, blair.identity_id);
    let (own, other) = (
        s3(&emulator, &alex.credentials),
        s3(&emulator, &blair.credentials),
    );
    let key = alex.own("diary.txt");
    let arn =
        "arn:aws:sts::123456789012:assumed-role/KeyfobDemoAuthenticated/CognitoIdentityCredentials";
    own.put_object()
        .bucket(BUCKET)
        .key(&key)
        .body(b"dear".to_vec().into())
        .send()
        .await
        .unwrap();
    let refused = |action: &str, resource: &str| {
        let message = format!(
            "User: {arn} is not authorized to perform: {action} on resource: \"{resource}\" because no identity-based \
             policy allows the {action} action"
        );
        ("AccessDenied".to_owned(), message, 403)
    };
    let object = format!("arn:aws:s3:::{BUCKET}/{key}");
    let get = other.get_object().bucket(BUCKET).key(&key).send().await;
    assert_eq!(refusal(get), refused("s3:GetObject", &object));
    let put = other
        .put_object()
        .bucket(BUCKET)
        .key(&key)
        .body(noise(2 * MIB).into())
        .send()
        .await;
    assert_eq!(refusal(put), refused("s3:PutObject", &object));
    let delete = other.delete_object().bucket(BUCKET).key(&key).send().await;
    assert_eq!(refusal(delete), refused("s3:DeleteObject", &object));
    let begin = other
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(&key)
        .send()
        .await;
    assert_eq!(refusal(begin), refused("s3:PutObject", &object));
    let copy = other.copy_object().bucket(BUCKET).key(blair.own("stolen"));
    let copy = copy
        .copy_source(format!("{BUCKET}/{}", key.replace(':', "%3A")))
        .send()
        .await;
    assert_eq!(refusal(copy), refused("s3:GetObject", &object));
    let bucket = format!("arn:aws:s3:::{BUCKET}");
    for prefix in ["", "users/", &alex.own("")] {
        let list = other
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(prefix)
            .send()
            .await;
        assert_eq!(refusal(list), refused("s3:ListBucket", &bucket), "{prefix}");
    }
    assert_eq!(
        refusal(other.list_buckets().send().await),
        refused("s3:ListAllMyBuckets", "arn:aws:s3:::*")
    );
    let ids = [key.clone(), blair.own("x")]
        .map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder()
        .set_objects(Some(ids.to_vec()))
        .build()
        .unwrap();
    let deleted = other
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.errors()[0].code(), Some("AccessDenied"));
    assert_eq!(deleted.errors()[0].key(), Some(&*key));
    assert_eq!(deleted.deleted()[0].key(), Some(&*blair.own("x")));
    let still = own
        .get_object()
        .bucket(BUCKET)
        .key(&key)
        .send()
        .await
        .unwrap();
    assert_eq!(still.body.collect().await.unwrap().to_vec(), b"dear");
    let list = own
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix(alex.own(""))
        .send()
        .await
        .unwrap();
    assert_eq!(list.contents()[0].key(), Some(&*key));
    let shared = other
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("shared/")
        .delimiter("/")
        .send()
        .await
        .unwrap();
    assert_eq!(shared.contents()[0].key(), Some("shared/Welcome.txt"));
    assert_eq!(
        shared.common_prefixes()[0].prefix(),
        Some("shared/pictures/")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_looked_at_before_anything_else() {
    let emulator = start().await;
    let alex = Person::alex(&emulator).await;
    let good = &alex.credentials;
    let with = |key: &str, secret: &str, token: Option<&str>| {
        let token = token.map(str::to_owned);
        aws_credential_types::Credentials::new(key, secret, token, None, "test")
    };
    let (key, secret, token) = (
        good.access_key_id(),
        good.secret_access_key(),
        good.session_token(),
    );
    let cases = [
        (
            with("ASIAIOSFODNN7EXAMPLE", secret, token),
            "InvalidAccessKeyId",
            403,
        ),
        (
            with(key, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token),
            "SignatureDoesNotMatch",
            403,
        ),
        (with(key, secret, None), "InvalidToken", 400),
        (
            with(key, secret, Some("IQoJb3JpZ2luX2Vjmine")),
            "InvalidToken",
            400,
        ),
    ];
    for (credentials, code, status) in cases {
        let put = s3(&emulator, &credentials)
            .put_object()
            .bucket(BUCKET)
            .key(alex.own("x"));
        // More than a connection takes in while nobody reads.
        let refused = refusal(put.body(noise(3 * MIB).into()).send().await);
        assert_eq!((refused.0.as_str(), refused.2), (code, status));
        assert!(!refused.1.is_empty(), "{code} has no message");
    }
    let get = |ahead| {
        s3_ahead(&emulator, good, ahead)
            .get_object()
            .bucket(BUCKET)
            .key("shared/Welcome.txt")
            .send()
    };
    get(Duration::from_secs(14 * 60)).await.unwrap();
    let skewed = refusal(get(Duration::from_secs(16 * 60)).await);
    assert_eq!((skewed.0.as_str(), skewed.2), ("RequestTimeTooSkewed", 403));
    emulator.advance(Duration::from_secs(3300));
    get(Duration::from_secs(3300)).await.unwrap();
    let skewed = refusal(get(Duration::ZERO).await);
    assert_eq!(skewed.0, "RequestTimeTooSkewed");
    emulator.advance(Duration::from_secs(300));
    let expired = refusal(get(Duration::from_secs(3600)).await);
    assert_eq!(
        expired,
        (
            "ExpiredToken".into(),
            "The provided token has expired.".into(),
            400
        )
    );
}

#[tokio::test]
async fn unsigned_requests_are_told_who_answers() {
    let emulator = start().await;
    let answer = get(format!("{}/{BUCKET}/shared/Welcome.txt", emulator.domain())).await;
    assert_eq!(answer.status(), 403);
    let text = answer.text().await.unwrap();
    assert!(text.contains("<Code>AccessDenied</Code>"), "{text}");
    let answer = get(format!("{}/no-such-bucket/x", emulator.domain())).await;
    assert_eq!(answer.status(), 404);
    // A signature of version 2 is none, and one of version 4 does not let it pass.
    let alex = Person::alex(&emulator).await;
    let key = alex.credentials.access_key_id();
    let old = format!("AWSAccessKeyId={key}&Expires=9999999999&Signature=AAAA");
    let both = format!("{old}&X-Amz-Credential={key}%2F20260101%2Fus-east-1%2Fs3%2Faws4_request");
    for (query, code) in [(old, "InvalidRequest"), (both, "InvalidArgument")] {
        let answer = get(format!(
            "{}/{BUCKET}/shared/Welcome.txt?{query}",
            emulator.domain()
        ))
        .await;
        assert_eq!(answer.status(), 400, "{query}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(&format!("<Code>{code}</Code>")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn presigned_urls_die_in_time_and_with_their_credentials() {
    let emulator = start().await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let presign = async |seconds: u64| {
        let config =
            aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(seconds))
                .unwrap();
        let get = s3.get_object().bucket(BUCKET).key("shared/Welcome.txt");
        get.presigned(config).await.unwrap().uri().to_owned()
    };
    let (short, long) = (presign(60).await, presign(7 * 24 * 3600).await);
    for url in [&short, &long] {
        let answer = get(url).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().starts_with("Everybody"));
    }
    let other = short.replace("Welcome.txt", "pictures/Colours.png");
    assert!(
        get(other)
            .await
            .text()
            .await
            .unwrap()
            .contains("SignatureDoesNotMatch")
    );
    let url = long.replace("X-Amz-Expires=604800", "X-Amz-Expires=604801");
    assert!(
        get(url)
            .await
            .text()
            .await
            .unwrap()
            .contains("AuthorizationQueryParametersError")
    );
    emulator.advance(Duration::from_secs(61));
    assert!(
        get(&short)
            .await
            .text()
            .await
            .unwrap()
            .contains("<Message>Request has expired</Message>")
    );
    assert_eq!(get(&long).await.status(), 200);
    emulator.advance(Duration::from_secs(3600));
    assert!(
        get(&long)
            .await
            .text()
            .await
            .unwrap()
            .contains("<Code>ExpiredToken</Code>")
    );
}
