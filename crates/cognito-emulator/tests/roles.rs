//! Which role somebody gets, by both flows, through AWS's own SDK for Rust.
#![allow(clippy::unwrap_used)]

mod common;

use std::{collections::HashMap, time::Duration};

use aws_sdk_cognitoidentity::types::Credentials as Issued;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput;
use cognito_emulator::{
    AmbiguousRoleResolution, Config, Emulator, Endpoint, Fault, Group, MappingRule, MatchType,
    Role, RoleMapping, RoleMappingType, StartError, User,
};
use common::{sdk::*, *};
use serde_json::{Value, json};

const POOL: &str = "us-east-1:6b657966-6f62-4465-8d6f-706f6f6c0001";
const DEMO: &str = "arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated";

fn arn(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
}

fn role(name: &str) -> Role {
    Role::for_authenticated(arn(name), POOL)
}

/// Alex is in `developers`, which the demo has without a role.
fn with_groups(groups: &[(&str, &str, u32)]) -> Config {
    let mut config = Config::demo();
    config.users[0].groups = groups
        .iter()
        .map(|(name, _, _)| (*name).to_owned())
        .collect();
    for (name, role_name, precedence) in groups {
        config = config
            .with_group(Group::with_role(*name, arn(role_name), *precedence))
            .with_role(role(role_name));
    }
    config
}

fn mapped(mut config: Config, by: RoleMappingType, ambiguous: AmbiguousRoleResolution) -> Config {
    let mapping = RoleMapping { by, ambiguous };
    let pool = &mut config.identity_pool;
    pool.role_mappings.insert(CLIENT.into(), mapping);
    config
}

struct Somebody {
    emulator: Emulator,
    id_token: Value,
    identity: aws_sdk_cognitoidentity::Client,
    sts: aws_sdk_sts::Client,
    id: String,
}

impl Somebody {
    async fn of(config: Config) -> Self {
        let emulator = start_with(config).await;
        let tokens = tokens(&emulator).await;
        let sdk = config_of(&emulator);
        let identity = aws_sdk_cognitoidentity::Client::new(&sdk);
        let id_token = tokens["id_token"].clone();
        let id = identity
            .get_id()
            .identity_pool_id(POOL)
            .logins(emulator.provider_name(), id_token.as_str().unwrap())
            .send()
            .await
            .unwrap();
        Self {
            sts: aws_sdk_sts::Client::new(&sdk),
            id: id.identity_id.unwrap(),
            id_token,
            identity,
            emulator,
        }
    }

    fn logins(&self) -> HashMap<String, String> {
        let token = self.id_token.as_str().unwrap().to_owned();
        [(self.emulator.provider_name(), token)].into()
    }

    /// The name of the role, or class and text of the refusal.
    async fn role(&self, custom: Option<&str>) -> Result<String, (String, String, u16)> {
        let outcome = self
            .identity
            .get_credentials_for_identity()
            .identity_id(&self.id)
            .set_logins(Some(self.logins()))
            .set_custom_role_arn(custom.map(arn))
            .send()
            .await;
        match outcome {
            Ok(answer) => Ok(role_of(&self.emulator, &answer.credentials.unwrap()).await),
            refused => Err(refusal(refused)),
        }
    }

    async fn token(&self) -> String {
        let token = self.identity.get_open_id_token().identity_id(&self.id);
        let token = token.set_logins(Some(self.logins())).send().await.unwrap();
        token.token.unwrap()
    }

    async fn assume(
        &self,
        role_arn: &str,
        token: &str,
        seconds: i32,
    ) -> Result<AssumeRoleWithWebIdentityOutput, (String, String, u16)> {
        let assumed = self.sts.assume_role_with_web_identity().role_arn(role_arn);
        let assumed = assumed.role_session_name("alex").web_identity_token(token);
        match assumed.duration_seconds(seconds).send().await {
            Ok(assumed) => Ok(assumed),
            refused => Err(refusal(refused)),
        }
    }
}

fn config_of(emulator: &Emulator) -> aws_types::SdkConfig {
    config(emulator, None, Duration::ZERO)
}

/// As STS sees it.
async fn role_of(emulator: &Emulator, issued: &Issued) -> String {
    let credentials = aws_credential_types::Credentials::new(
        issued.access_key_id().unwrap(),
        issued.secret_key().unwrap(),
        issued.session_token().map(str::to_owned),
        None,
        "test",
    );
    let sts = aws_sdk_sts::Client::new(&config(emulator, Some(credentials), Duration::ZERO));
    let caller = sts.get_caller_identity().send().await.unwrap();
    let arn = caller.arn.unwrap();
    let name = arn.strip_suffix("/CognitoIdentityCredentials").unwrap();
    name.rsplit('/').next().unwrap().to_owned()
}

fn not_authorized(message: impl Into<String>) -> Result<String, (String, String, u16)> {
    Err(("NotAuthorizedException".into(), message.into(), 400))
}

const FORBIDDEN: &str = "Invalid identity pool configuration. Role is not allowed for this token.";

#[tokio::test]
async fn tokens_carry_the_roles_of_groups() {
    let two = with_groups(&[("admins", "Admin", 2), ("readers", "Reader", 1)]);
    let alex = Somebody::of(two).await;
    let claims = claims(&alex.id_token);
    assert_eq!(
        claims["cognito:roles"],
        json!([arn("Reader"), arn("Admin")])
    );
    assert_eq!(claims["cognito:preferred_role"], arn("Reader"));
    let tied = Somebody::of(with_groups(&[("a", "Admin", 1), ("b", "Reader", 1)])).await;
    let claims = common::claims(&tied.id_token);
    assert_eq!(
        claims["cognito:roles"],
        json!([arn("Admin"), arn("Reader")])
    );
    assert_eq!(claims["cognito:preferred_role"], Value::Null);
    let none = Somebody::of(Config::demo()).await;
    assert_eq!(common::claims(&none.id_token)["cognito:roles"], Value::Null);
}

#[tokio::test]
async fn a_role_by_token() {
    let groups = [("admins", "Admin", 2), ("readers", "Reader", 1)];
    let by_token = |config, ambiguous| mapped(config, RoleMappingType::Token, ambiguous);
    let alex = Somebody::of(by_token(
        with_groups(&groups),
        AmbiguousRoleResolution::Deny,
    ))
    .await;
    assert_eq!(alex.role(None).await, Ok("Reader".into()));
    assert_eq!(alex.role(Some("Admin")).await, Ok("Admin".into()));
    assert_eq!(
        alex.role(Some("KeyfobDemoAuthenticated")).await,
        not_authorized(FORBIDDEN)
    );

    let tied = with_groups(&[("a", "Admin", 1), ("b", "Reader", 1)]);
    let alex = Somebody::of(by_token(tied.clone(), AmbiguousRoleResolution::Deny)).await;
    let ambiguous = format!(
        "The ambiguous role mapping rules for: {}:{CLIENT} denied this request.",
        alex.emulator.provider_name()
    );
    assert_eq!(alex.role(None).await, not_authorized(ambiguous));
    assert_eq!(alex.role(Some("Reader")).await, Ok("Reader".into()));
    let alex = Somebody::of(by_token(tied, AmbiguousRoleResolution::AuthenticatedRole)).await;
    assert_eq!(alex.role(None).await, Ok("KeyfobDemoAuthenticated".into()));
    // Without a mapping the groups' roles are not looked at.
    let alex = Somebody::of(with_groups(&groups)).await;
    assert_eq!(alex.role(None).await, Ok("KeyfobDemoAuthenticated".into()));
    assert_eq!(alex.role(Some("Admin")).await, not_authorized(FORBIDDEN));
}

#[tokio::test]
async fn a_role_by_rules() {
    let rule = |claim: &str, match_type, value: &str, role: &str| MappingRule {
        claim: claim.into(),
        match_type,
        value: value.into(),
        role_arn: arn(role),
    };
    let rules = vec![
        rule("custom:absent", MatchType::NotEqual, "x", "Never"),
        rule("email", MatchType::Equals, "blair@example.com", "Blair"),
        rule("email", MatchType::StartsWith, "al", "First"),
        rule(
            "cognito:groups",
            MatchType::Contains,
            "developers",
            "Developer",
        ),
    ];
    let config = ["Never", "Blair", "First", "Developer"]
        .into_iter()
        .fold(Config::demo(), |config, name| config.with_role(role(name)));
    let config = mapped(
        config,
        RoleMappingType::Rules(rules),
        AmbiguousRoleResolution::Deny,
    );
    let alex = Somebody::of(config.clone()).await;
    assert_eq!(alex.role(None).await, Ok("First".into()));
    assert_eq!(alex.role(Some("Developer")).await, Ok("Developer".into()));
    assert_eq!(alex.role(Some("Never")).await, not_authorized(FORBIDDEN));
    let mut nobody = config;
    nobody.users[0] = User::new("alex", PASSWORD).with_attribute("email", "none@example.com");
    let nobody = Somebody::of(nobody).await;
    assert!(
        nobody
            .role(None)
            .await
            .unwrap_err()
            .1
            .starts_with("The ambiguous role mapping")
    );
}

#[tokio::test]
async fn a_role_that_does_not_trust_is_a_configuration_error() {
    let mut config = Config::demo();
    config.roles[0].trust_policy["Statement"][0]["Condition"]["StringEquals"]["cognito-identity.amazonaws.com:aud"] =
        json!("us-east-1:00000000-0000-0000-0000-000000000000");
    let invalid = (
        "InvalidIdentityPoolConfigurationException".to_owned(),
        "Invalid identity pool configuration. Check assigned IAM roles for this pool.".to_owned(),
        400,
    );
    let alex = Somebody::of(config).await;
    assert_eq!(alex.role(None).await, Err(invalid.clone()));
    let mut config = Config::demo();
    config.identity_pool.authenticated_role = Some(arn("Nowhere"));
    assert_eq!(Somebody::of(config).await.role(None).await, Err(invalid));
}

#[tokio::test]
async fn policies_nobody_understands_are_refused_at_the_start() {
    let statement = |extra: Value| {
        let mut statement = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" });
        statement
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        statement
    };
    for (extra, expected) in [
        (
            json!({ "Condition": { "DateGreaterThan": { "aws:CurrentTime": "2026-01-01" } } }),
            "the condition operator DateGreaterThan is not supported",
        ),
        (
            json!({ "Effect": "Maybe" }),
            "Effect must be \"Allow\" or \"Deny\"",
        ),
        (
            json!({ "NotAction": "s3:*" }),
            "Action and NotAction exclude each other",
        ),
        (
            json!({ "NotPrincipal": "*" }),
            "the element NotPrincipal is not supported",
        ),
        (
            json!({ "Resource": 7 }),
            "Resource must be a string or a list of strings",
        ),
    ] {
        let config = Config::demo().with_role(role("Odd").with_policy(statement(extra)));
        let refused = Emulator::start(config.port(0)).await.unwrap_err();
        let StartError::Policy { role, reason } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(
            (role.as_str(), reason.as_str()),
            (arn("Odd").as_str(), expected)
        );
    }
}

#[tokio::test]
async fn guests_get_their_role_and_no_more_than_a_guest_may() {
    let closed = start().await;
    let input = json!({ "IdentityPoolId": POOL });
    let (status, refused) = aws_json(&closed, "AWSCognitoIdentityService.GetId", &input).await;
    assert_eq!(status, 400);
    assert_eq!(
        refused["message"],
        "Unauthenticated access is not supported for this identity pool."
    );

    let mut config = Config::demo();
    config.identity_pool.allow_unauthenticated = true;
    config.identity_pool.unauthenticated_role = Some(arn("Guest"));
    let everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let guest = Role::for_guests(arn("Guest"), POOL).with_policy(everything);
    let emulator = start_with(config.with_role(guest)).await;
    let (one, other) = (
        Person::of(&emulator, &Value::Null).await,
        Person::of(&emulator, &Value::Null).await,
    );
    assert_ne!(
        one.identity_id, other.identity_id,
        "every guest is a new one"
    );
    let client = s3(&emulator, &one.credentials);
    client
        .get_object()
        .bucket("keyfob-demo")
        .key("shared/Welcome.txt")
        .send()
        .await
        .unwrap();
    // A signed-in role does not trust a guest.
    let mut config = Config::demo();
    config.identity_pool.allow_unauthenticated = true;
    config.identity_pool.unauthenticated_role = Some(DEMO.into());
    let emulator = start_with(config).await;
    let identity = aws_sdk_cognitoidentity::Client::new(&config_of(&emulator));
    let id = identity
        .get_id()
        .identity_pool_id(POOL)
        .send()
        .await
        .unwrap()
        .identity_id
        .unwrap();
    let refused = identity
        .get_credentials_for_identity()
        .identity_id(id)
        .send()
        .await;
    assert_eq!(
        refusal(refused).0,
        "InvalidIdentityPoolConfigurationException"
    );
}

fn classic() -> Config {
    let mut config = Config::demo();
    config.identity_pool.allow_classic_flow = true;
    config
}

#[tokio::test]
async fn the_basic_flow_gives_sessions_of_up_to_the_roles_limit() {
    let alex = Somebody::of(classic()).await;
    let token = alex.token().await;
    let claims = claims(&json!(token));
    assert_eq!(claims["iss"], "https://cognito-identity.amazonaws.com");
    assert_eq!(claims["aud"], POOL);
    assert_eq!(claims["sub"], alex.id);
    assert_eq!(claims["amr"][0], "authenticated");
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(lifetime, 600);
    let keys = format!(
        "{}/cognito-identity/.well-known/jwks_uri",
        alex.emulator.domain()
    );
    let keys = get(keys).await;
    let keys: Value = keys.json().await.unwrap();
    assert_eq!(keys["keys"][0]["kid"], part(&json!(token), 0)["kid"]);

    let assumed = alex.assume(DEMO, &token, 12 * 3600).await.unwrap();
    assert_eq!(assumed.subject_from_web_identity_token(), Some(&*alex.id));
    assert_eq!(assumed.audience(), Some(POOL));
    let user = assumed.assumed_role_user().unwrap();
    assert!(
        user.arn()
            .ends_with("assumed-role/KeyfobDemoAuthenticated/alex")
    );
    let issued = assumed.credentials().unwrap();
    let credentials = aws_credential_types::Credentials::new(
        issued.access_key_id(),
        issued.secret_access_key(),
        Some(issued.session_token().to_owned()),
        None,
        "test",
    );
    // The prefix is the identity's in this flow too, and good for twelve hours.
    let ahead = Duration::from_secs(12 * 3600 - 5);
    alex.emulator.advance(ahead);
    let client = s3_ahead(&alex.emulator, &credentials, ahead);
    let put = |key: String| client.put_object().bucket("keyfob-demo").key(key).send();
    put(format!("users/{}/x", alex.id)).await.unwrap();
    assert_eq!(refusal(put("users/other/x".into()).await).0, "AccessDenied");
    alex.emulator.advance(Duration::from_secs(5));
    assert_eq!(
        refusal(put(format!("users/{}/x", alex.id)).await).0,
        "ExpiredToken"
    );
}

#[tokio::test]
async fn the_basic_flow_refuses_in_so_many_words() {
    let refused = async |config: Config| {
        let alex = Somebody::of(config).await;
        let token = alex.identity.get_open_id_token().identity_id(&alex.id);
        refusal(token.set_logins(Some(alex.logins())).send().await)
    };
    let parameter = |message: &str| {
        (
            "InvalidParameterException".to_owned(),
            message.to_owned(),
            400,
        )
    };
    assert_eq!(
        refused(Config::demo()).await,
        parameter("Basic (classic) flow is not enabled, please use enhanced flow.")
    );
    let mapping = mapped(
        classic(),
        RoleMappingType::Token,
        AmbiguousRoleResolution::Deny,
    );
    assert_eq!(
        refused(mapping).await,
        parameter(
            "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow."
        )
    );

    let mut config = classic().with_role(role("Short"));
    config.roles[0].trust_policy["Statement"][0]["Condition"]["ForAnyValue:StringLike"]["cognito-identity.amazonaws.com:amr"] =
        json!("unauthenticated");
    let alex = Somebody::of(config).await;
    let token = alex.token().await;
    let denied = (
        "AccessDenied".to_owned(),
        "Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned(),
        403,
    );
    assert_eq!(alex.assume(DEMO, &token, 3600).await.unwrap_err(), denied);
    assert_eq!(
        alex.assume(&arn("Nowhere"), &token, 3600)
            .await
            .unwrap_err(),
        denied
    );
    let short = arn("Short");
    alex.assume(&short, &token, 3600).await.unwrap();
    let validation = |message: &str| ("ValidationError".to_owned(), message.to_owned(), 400);
    assert_eq!(
        alex.assume(&short, &token, 3601).await.unwrap_err(),
        validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    );
    assert_eq!(
        alex.assume(&short, &token, 899).await.unwrap_err(),
        validation(
            "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must \
             have value greater than or equal to 900"
        )
    );
    assert_eq!(
        alex.assume(&short, &token, 43_201).await.unwrap_err(),
        validation(
            "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must \
             have value less than or equal to 43200"
        )
    );
    let of_user_pool = alex
        .assume(&short, alex.id_token.as_str().unwrap(), 3600)
        .await;
    assert_eq!(of_user_pool.unwrap_err().0, "InvalidIdentityToken");
    let mut forged = token.clone();
    let middle = token.len() - 100;
    let other = if &token[middle..=middle] == "A" {
        "B"
    } else {
        "A"
    };
    forged.replace_range(middle..=middle, other);
    assert_eq!(
        alex.assume(&short, &forged, 3600).await.unwrap_err().0,
        "InvalidIdentityToken"
    );
    assert_eq!(
        alex.assume(&short, "none", 3600).await.unwrap_err().0,
        "InvalidIdentityToken"
    );
    alex.emulator.advance(Duration::from_secs(600));
    let expired = alex.assume(&short, &token, 3600).await.unwrap_err();
    assert_eq!(
        (expired.0.as_str(), expired.2),
        ("ExpiredTokenException", 400)
    );
}

#[tokio::test]
async fn a_session_policy_narrows_the_role() {
    let alex = Somebody::of(classic()).await;
    let token = alex.token().await;
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" },
    });
    let assume = |policy: String| {
        let assumed = alex.sts.assume_role_with_web_identity().role_arn(DEMO);
        assumed
            .role_session_name("alex")
            .web_identity_token(&token)
            .policy(policy)
            .send()
    };
    let assumed = assume(policy.to_string()).await.unwrap();
    let issued = assumed.credentials().unwrap();
    let credentials = aws_credential_types::Credentials::new(
        issued.access_key_id(),
        issued.secret_access_key(),
        Some(issued.session_token().to_owned()),
        None,
        "test",
    );
    let client = s3(&alex.emulator, &credentials);
    client
        .get_object()
        .bucket("keyfob-demo")
        .key("shared/Welcome.txt")
        .send()
        .await
        .unwrap();
    let put = client
        .put_object()
        .bucket("keyfob-demo")
        .key("shared/x")
        .send()
        .await;
    assert_eq!(
        refusal(put).1,
        "User: arn:aws:sts::123456789012:assumed-role/KeyfobDemoAuthenticated/alex is not authorized to perform: \
         s3:PutObject on resource: \"arn:aws:s3:::keyfob-demo/shared/x\" because no session policy allows the \
         s3:PutObject action"
    );
    assert_eq!(
        refusal(assume("{".into()).await).0,
        "MalformedPolicyDocument"
    );
}

#[tokio::test]
async fn every_service_throttles_in_its_own_words() {
    let alex = Somebody::of(classic()).await;
    let token = alex.token().await;
    let emulator = &alex.emulator;
    let person = Person::of(emulator, &alex.id_token).await;
    let sdk = config(emulator, Some(person.credentials.clone()), Duration::ZERO);
    for endpoint in [
        Endpoint::GetId,
        Endpoint::Credentials,
        Endpoint::OpenIdToken,
        Endpoint::AssumeRole,
        Endpoint::CallerIdentity,
        Endpoint::Invoke,
        Endpoint::ListFunctions,
        Endpoint::ListObjects,
    ] {
        emulator.fail_next(endpoint, Fault::Throttled);
    }
    let says = |code: &str, message: &str, status| (code.to_owned(), message.to_owned(), status);
    let too_many = says("TooManyRequestsException", "Rate exceeded", 400);
    let id = alex
        .identity
        .get_id()
        .identity_pool_id(POOL)
        .set_logins(Some(alex.logins()));
    assert_eq!(refusal(id.send().await), too_many);
    assert_eq!(alex.role(None).await, Err(too_many.clone()));
    let open = alex
        .identity
        .get_open_id_token()
        .identity_id(&alex.id)
        .send()
        .await;
    assert_eq!(refusal(open), too_many);
    let throttling = says("Throttling", "Rate exceeded", 400);
    assert_eq!(
        alex.assume(DEMO, &token, 3600).await.unwrap_err(),
        throttling
    );
    let caller = aws_sdk_sts::Client::new(&sdk)
        .get_caller_identity()
        .send()
        .await;
    assert_eq!(refusal(caller), throttling);
    let lambda = aws_sdk_lambda::Client::new(&sdk);
    let busy = says("TooManyRequestsException", "Rate Exceeded.", 429);
    assert_eq!(
        refusal(lambda.invoke().function_name("hello").send().await),
        busy
    );
    assert_eq!(refusal(lambda.list_functions().send().await), busy);
    let list = s3(emulator, &person.credentials)
        .list_objects_v2()
        .bucket("keyfob-demo")
        .send()
        .await;
    assert_eq!(
        refusal(list),
        says("SlowDown", "Please reduce your request rate.", 503)
    );
    assert!(emulator.clear_faults().is_empty(), "each struck once");
}
