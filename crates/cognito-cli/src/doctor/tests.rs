//! Each thing broken on purpose, on an emulator, and what the checks make of it.

use std::fmt::Write as _;
use std::future::Future;
use std::net::TcpListener as StdListener;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cognito_aws::{Addition, SharedConfig};
use cognito_client::{
    MemoryStore, Profile, ProfileStore, Secret, Session, StoreError, StoreLock, SystemClock,
    TokenStore,
};
use cognito_emulator::{
    AmbiguousRoleResolution, Client, Config, Emulator, Endpoint, Fault, Group, OAuthFlow, Role,
    RoleMapping, RoleMappingType,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, rustls};

use super::finding::{Finding, Outcome};
use super::{Equipment, Report, computer, examine, machine, print};

#[path = "../../../test_log.rs"]
mod test_log;

struct Ward {
    emulator: Emulator,
    profile: Profile,
    with: Equipment,
    folder: TempDir,
}

impl Ward {
    async fn new(configure: impl FnOnce(&mut Config), change: impl FnOnce(&mut Profile)) -> Self {
        test_log::start();
        let mut config = Config::demo().port(0);
        configure(&mut config);
        let emulator = Emulator::start(config).await.unwrap();
        let mut profile = Profile::local_demo();
        profile.issuer = emulator.issuer().parse().unwrap();
        profile.domain = emulator.url();
        for endpoint in [
            &mut profile.endpoints.cognito_identity,
            &mut profile.endpoints.sts,
            &mut profile.endpoints.lambda,
            &mut profile.endpoints.s3,
        ] {
            *endpoint = Some(emulator.url());
        }
        // An API that refuses whoever has no token.
        profile.api_base_url = Some(emulator.url().join("/oauth2/userInfo").unwrap());
        change(&mut profile);
        let folder = tempfile::tempdir().unwrap();
        Self {
            with: Equipment {
                store: Arc::new(MemoryStore::new()),
                clock: Arc::new(SystemClock),
                choices: ProfileStore::new(
                    folder.path().join("machine"),
                    Some(folder.path().join("user")),
                ),
                shared: Some(SharedConfig::new(
                    folder.path().join("config"),
                    folder.path().join("credentials"),
                )),
                // Machines that run tests are busy.
                patience: Duration::from_secs(60),
                offline: false,
            },
            emulator,
            profile,
            folder,
        }
    }

    async fn healthy() -> Self {
        Self::new(|_| {}, |_| {}).await
    }

    /// The demo's user signs in, and the session is kept.
    async fn sign_in(&self) {
        let session = Session::new(self.profile.clone(), self.with.store.clone()).unwrap();
        session.restore().await;
        let url = session.begin().await.unwrap();
        let emulator = &self.emulator;
        let back = emulator.sign_in_with(url.as_str(), "alex", "Keyfob-demo-1");
        session.complete(&back.await.unwrap()).await.unwrap();
    }

    async fn examine(&self) -> Report {
        let keychain = machine::keychain(self.with.store.clone(), self.with.patience).await;
        examine(&self.profile, &self.with, &keychain).await
    }

    async fn findings(&self) -> Vec<Finding> {
        self.examine().await.findings
    }
}

/// A client that differs from the demo's.
fn client(change: impl FnOnce(&mut Client)) -> impl FnOnce(&mut Config) {
    move |config| change(&mut config.clients[0])
}

fn of<'f>(findings: &'f [Finding], check: &str) -> &'f Finding {
    let mut found = findings.iter().filter(|finding| finding.check == check);
    let first = found
        .next()
        .unwrap_or_else(|| panic!("no check {check}: {findings:#?}"));
    assert!(found.next().is_none(), "several {check}: {findings:#?}");
    first
}

fn codes(findings: &[Finding], check: &str) -> Vec<&'static str> {
    let of_check = findings.iter().filter(|finding| finding.check == check);
    of_check.map(|finding| finding.code).collect()
}

fn assert_failed(findings: &[Finding], check: &str, code: &str, remedy: &str) {
    let finding = of(findings, check);
    assert_eq!(
        (finding.outcome, finding.code),
        (Outcome::Failed, code),
        "{finding}"
    );
    let says = finding.remedy.as_deref().unwrap_or_default();
    assert!(says.contains(remedy), "{finding}");
}

fn assert_skipped(findings: &[Finding], check: &str, because: &str) {
    let of_check = findings.iter().filter(|finding| finding.check == check);
    let mut any = false;
    for finding in of_check {
        any = true;
        assert_eq!(finding.outcome, Outcome::Skipped, "{finding}");
        assert!(finding.message.contains(because), "{finding}");
    }
    assert!(any, "no check {check}");
}

/// All but what depends on the desktop that the tests run on is well.
fn assert_all_well(findings: &[Finding]) {
    for finding in findings
        .iter()
        .filter(|finding| !matches!(finding.check, "scheme" | "agent"))
    {
        assert_eq!(finding.outcome, Outcome::Ok, "{finding}");
    }
}

#[tokio::test]
async fn a_healthy_profile_is_well_in_every_check() {
    let ward = Ward::healthy().await;
    ward.sign_in().await;
    let findings = ward.findings().await;
    assert_all_well(&findings);
    let mut checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    checks.dedup();
    assert_eq!(
        checks,
        [
            "profile",
            "proxy",
            "dns",
            "connection",
            "clock",
            "discovery",
            "keys",
            "domain",
            "client",
            "callback",
            "flow",
            "scopes",
            "sign-out",
            "session",
            "identity-pool",
            "role",
            "s3",
            "lambda",
            "api",
            "scheme",
            "aws-config",
            "agent",
        ]
    );
    assert_eq!(
        codes(&findings, "callback").len(),
        ward.profile.redirects.len()
    );
    // Nobody was signed in or out, and the stored tokens are those of before.
    let requests = ward.emulator.requests();
    let asked = |path: &str| {
        requests
            .iter()
            .filter(|request| request.path == path)
            .count()
    };
    assert_eq!(asked("/oauth2/revoke"), 0);
    // The sign-in's, and the one with a code that does not exist.
    assert_eq!(asked("/oauth2/token"), 2);
    assert_eq!(ward.findings().await, findings);
}

#[tokio::test]
async fn a_client_with_a_secret_is_told() {
    let ward = Ward::new(
        client(|client| client.secret = Some("s".repeat(30))),
        |_| {},
    )
    .await;
    let findings = ward.findings().await;
    assert_failed(
        &findings,
        "client",
        "client_has_secret",
        "GenerateSecret false",
    );
    assert_eq!(of(&findings, "scopes").outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_client_that_is_not_this_pools_is_told_once() {
    let ward = Ward::new(|_| {}, |profile| profile.client_id = "another".into()).await;
    let findings = ward.findings().await;
    assert_failed(&findings, "client", "client_unknown", "`client_id`");
    for check in ["callback", "flow", "scopes", "sign-out"] {
        assert_skipped(&findings, check, "failed");
    }
}

#[tokio::test]
async fn each_callback_and_sign_out_url_is_looked_at() {
    let ward = Ward::new(
        client(|client| {
            client.callback_urls.remove(1);
            client.logout_urls.clear();
        }),
        |_| {},
    )
    .await;
    let findings = ward.findings().await;
    assert_eq!(
        codes(&findings, "callback"),
        ["ok", "callback_not_registered", "ok", "ok"]
    );
    let refused = findings
        .iter()
        .find(|finding| finding.code == "callback_not_registered")
        .unwrap();
    let remedy = refused.remedy.as_deref().unwrap();
    assert!(
        remedy.contains(
            "http://127.0.0.1:8915/callback with the app client 6keyfobdemodesktop00client"
        ),
        "{refused}"
    );
    assert_failed(
        &findings,
        "sign-out",
        "sign_out_not_registered",
        "LogoutURLs",
    );
}

#[tokio::test]
async fn the_very_scope_that_is_not_allowed_is_named() {
    for as_observed in [false, true] {
        let ward = Ward::new(
            |config| config.scope_errors_as_observed = as_observed,
            |profile| profile.scopes.push("api/read".into()),
        )
        .await;
        let findings = ward.findings().await;
        assert_failed(
            &findings,
            "scopes",
            "scope_not_allowed",
            "AllowedOAuthScopes",
        );
        let message = &of(&findings, "scopes").message;
        assert!(message.ends_with("does not allow api/read"), "{message}");
        assert_eq!(of(&findings, "flow").outcome, Outcome::Ok);
    }
    let without_openid = client(|client| client.scopes.clear());
    let findings = Ward::new(without_openid, |_| {}).await.findings().await;
    assert!(
        of(&findings, "scopes")
            .message
            .ends_with("does not allow openid")
    );
}

#[tokio::test]
async fn a_client_without_the_code_grant_is_told() {
    let implicit = client(|client| client.allowed_flows = [OAuthFlow::Implicit].into());
    let findings = Ward::new(implicit, |_| {}).await.findings().await;
    assert_failed(&findings, "flow", "flow_not_allowed", "AllowedOAuthFlows");
    assert_skipped(&findings, "scopes", "flow failed");
    assert_eq!(of(&findings, "client").outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_wrong_issuer_is_told() {
    let ward = Ward::new(
        |_| {},
        |profile| profile.issuer.set_path("/us-east-1_Another"),
    )
    .await;
    let findings = ward.findings().await;
    assert_failed(&findings, "discovery", "not_an_issuer", "`issuer`");
    assert_failed(&findings, "keys", "not_an_issuer", "`issuer`");
    assert_eq!(of(&findings, "domain").code, "unclear");

    // The pool's tokens have its other issuer.
    let other = "https://issuer-cognito-idp.us-east-1.amazonaws.com/us-east-1_KeyfobDemo";
    let ward = Ward::new(
        |config| config.issuer = Some(other.into()),
        |profile| profile.issuer = profile.domain.join("/us-east-1_KeyfobDemo").unwrap(),
    )
    .await;
    let findings = ward.findings().await;
    assert_failed(&findings, "discovery", "issuer_mismatch", "`issuer`");
    assert!(of(&findings, "discovery").message.contains(other));
}

#[tokio::test]
async fn a_domain_of_another_pool_is_not_taken_for_this_ones() {
    let other = Emulator::start(Config::demo().port(0)).await.unwrap();
    let ward = Ward::new(|_| {}, |profile| profile.domain = other.url()).await;
    let findings = ward.findings().await;
    let domain = of(&findings, "domain");
    assert_eq!(domain.code, "unclear", "{domain}");
    let own = format!("names 127.0.0.1:{}", ward.emulator.port());
    assert!(domain.message.contains(&own), "{domain}");
}

#[tokio::test]
async fn what_the_identity_pool_refuses_is_told_with_the_setting() {
    let unknown = |profile: &mut Profile| {
        profile.identity_pool_id = Some("us-east-1:00000000-0000-4000-8000-000000000000".into());
    };
    let ward = Ward::new(|_| {}, unknown).await;
    ward.sign_in().await;
    let findings = ward.findings().await;
    assert_failed(
        &findings,
        "identity-pool",
        "misconfigured",
        "`identity_pool_id`",
    );
    for check in ["role", "s3", "lambda"] {
        assert_skipped(&findings, check, "identity-pool failed");
    }

    let ward = Ward::new(|config| config.identity_pool.client_ids.clear(), |_| {}).await;
    ward.sign_in().await;
    let findings = ward.findings().await;
    assert_failed(
        &findings,
        "identity-pool",
        "misconfigured",
        "CognitoIdentityProviders",
    );

    let ward = Ward::new(
        |config| config.identity_pool.authenticated_role = None,
        |_| {},
    )
    .await;
    ward.sign_in().await;
    let findings = ward.findings().await;
    assert_failed(&findings, "identity-pool", "misconfigured", "trust policy");
}

#[tokio::test]
async fn the_role_is_the_one_that_programs_get() {
    const CHOSEN: &str = "arn:aws:iam::123456789012:role/Chosen";
    let by_group = |config: &mut Config| {
        let pool = &mut config.identity_pool;
        let mapping = RoleMapping {
            by: RoleMappingType::Token,
            ambiguous: AmbiguousRoleResolution::Deny,
        };
        pool.role_mappings
            .insert(config.clients[0].id.clone(), mapping);
        config.roles.push(Role::for_authenticated(CHOSEN, &pool.id));
        // Of the same precedence: neither is preferred.
        let other = pool.authenticated_role.clone().unwrap();
        config.groups = vec![
            Group::with_role("one", CHOSEN, 1),
            Group::with_role("other", other, 1),
        ];
        let alex = config.users.iter_mut().find(|user| user.username == "alex");
        alex.unwrap().groups = vec!["one".into(), "other".into()];
    };
    let ward = Ward::new(by_group, |_| {}).await;
    ward.sign_in().await;
    let findings = ward.findings().await;
    assert_failed(&findings, "identity-pool", "misconfigured", "Choose one");
    let choices = &ward.with.choices;
    choices.choose_role(&ward.profile, CHOSEN).unwrap();
    let findings = ward.findings().await;
    let role = of(&findings, "role");
    assert_eq!(role.outcome, Outcome::Ok, "{role}");
    assert!(role.message.contains(CHOSEN), "{role}");

    // One that was lost is said, and stays for the program that is told of it.
    const LOST: &str = "arn:aws:iam::123456789012:role/Lost";
    choices.choose_role(&ward.profile, LOST).unwrap();
    let findings = ward.findings().await;
    assert_eq!(of(&findings, "identity-pool").outcome, Outcome::Failed);
    let chosen = choices.role(&ward.profile).unwrap();
    assert_eq!(chosen.as_deref(), Some(LOST));

    std::fs::write(ward.folder.path().join("user/roles"), "{").unwrap();
    let findings = ward.findings().await;
    assert_failed(
        &findings,
        "choice",
        "choice_unreadable",
        "choose your role again",
    );
    assert_skipped(&findings, "role", "choice failed");
}

#[tokio::test]
async fn what_the_role_may_not_do_is_told_with_the_action() {
    // In effect the demo's, but with no policy at all; and one that trusts another identity pool.
    let role = |config: &mut Config, pool: &str| {
        let role = Role::for_authenticated("arn:aws:iam::123456789012:role/Bare", pool);
        config.identity_pool.authenticated_role = Some(role.arn.clone());
        config.roles.push(role);
    };
    let pool = Config::demo().identity_pool.id;
    let ward = Ward::new(|config| role(config, &pool), |_| {}).await;
    ward.sign_in().await;
    let findings = ward.findings().await;
    assert_eq!(of(&findings, "role").outcome, Outcome::Ok);
    assert_eq!(codes(&findings, "s3"), ["not_allowed", "not_allowed"]);
    assert_eq!(codes(&findings, "lambda"), ["not_allowed"]);
    let lists_only = |config: &mut Config| {
        let role = Role::for_authenticated("arn:aws:iam::123456789012:role/Lists", &pool);
        let list = serde_json::json!([{
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::*",
        }]);
        config.identity_pool.authenticated_role = Some(role.arn.clone());
        config.roles.push(role.with_policy(list));
    };
    let listing = Ward::new(lists_only, |_| {}).await;
    listing.sign_in().await;
    // The person's own folder is empty.
    let told = listing.findings().await;
    assert_eq!(codes(&told, "s3"), ["ok", "not_allowed"]);
    let of_shared = told.iter().rfind(|finding| finding.check == "s3");
    let remedy = of_shared.unwrap().remedy.as_deref().unwrap_or_default();
    assert!(remedy.contains("s3:GetObject"), "{remedy}");

    assert_failed(
        &findings,
        "lambda",
        "not_allowed",
        "allow lambda:InvokeFunction on hello in the IAM policy of arn:aws:iam::123456789012:role/Bare",
    );
    let other = "us-east-1:00000000-0000-4000-8000-000000000000";
    let ward = Ward::new(|config| role(config, other), |_| {}).await;
    ward.sign_in().await;
    let findings = ward.findings().await;
    assert_failed(&findings, "identity-pool", "misconfigured", "trust policy");
}

#[tokio::test]
async fn a_function_that_is_not_there_is_told() {
    let more = |profile: &mut Profile| profile.functions.push("absent".into());
    let ward = Ward::new(|_| {}, more).await;
    ward.sign_in().await;
    let findings = ward.findings().await;
    assert_eq!(codes(&findings, "lambda"), ["ok", "misconfigured"]);
    let remedy = findings.iter().find_map(|finding| {
        (finding.check == "lambda")
            .then_some(finding.remedy.as_deref())
            .flatten()
    });
    assert!(remedy.unwrap().contains("`functions`"));
    // It was asked, and not run.
    let runs = ward
        .emulator
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/functions/hello/invocations"));
    assert_eq!(runs.count(), 1);
}

#[tokio::test]
async fn a_clock_that_is_wrong_by_an_hour_is_told() {
    let ward = Ward::healthy().await;
    ward.emulator.advance(Duration::from_secs(3600));
    let findings = ward.findings().await;
    assert_failed(
        &findings,
        "clock",
        "clock_wrong",
        "date, time and time zone",
    );
    assert!(of(&findings, "clock").message.contains("seconds behind"));

    let mut ward = Ward::healthy().await;
    ward.with.clock = Arc::new(Ahead(Duration::from_secs(60)));
    let findings = ward.findings().await;
    assert_eq!(of(&findings, "clock").code, "clock_off");
    assert!(of(&findings, "clock").message.contains("seconds ahead of"));
}

#[tokio::test]
async fn a_host_that_is_dead_is_told_once() {
    let closed = StdListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let ward = Ward::new(|_| {}, |profile| profile.domain = dead.parse().unwrap()).await;
    let findings = ward.findings().await;
    assert_eq!(
        codes(&findings, "connection")
            .iter()
            .filter(|code| **code == "unreachable")
            .count(),
        1
    );
    for check in [
        "domain", "client", "callback", "flow", "scopes", "sign-out", "session",
    ] {
        assert_skipped(&findings, check, "connection of 127.0.0.1");
    }
    assert_eq!(of(&findings, "discovery").outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_name_that_is_nowhere_is_told() {
    let nowhere = "https://keyfob-doctor.invalid";
    let ward = Ward::new(|_| {}, |profile| profile.domain = nowhere.parse().unwrap()).await;
    let findings = ward.findings().await;
    let dns = findings
        .iter()
        .find(|finding| finding.check == "dns" && finding.outcome == Outcome::Failed)
        .unwrap();
    assert!(dns.code.starts_with("dns_"), "{dns}");
    assert_skipped(&findings, "client", "dns of keyfob-doctor.invalid failed");
}

/// A server whose certificate nobody trusts; its address.
async fn inspecting_proxy() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let names = &mut certificate.distinguished_name;
    names.push(rcgen::DnType::OrganizationName, "Example Inspection");
    let certificate = certificate.self_signed(&key).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // Whoever does not trust it goes away.
            if let Ok(mut connection) = acceptor.accept(connection).await {
                let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
                drop(connection.write_all(answer).await);
                drop(connection.shutdown().await);
            }
        }
    });
    address
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_told_with_who_issued_it() {
    let address = inspecting_proxy().await;
    let ward = Ward::new(|_| {}, |profile| profile.domain = address.parse().unwrap()).await;
    let findings = ward.findings().await;
    let connection = findings
        .iter()
        .find(|finding| finding.check == "connection" && finding.outcome == Outcome::Failed)
        .unwrap();
    assert_eq!(connection.code, "certificate_untrusted", "{connection}");
    assert!(
        connection
            .message
            .contains("issued by O=Example Inspection"),
        "{connection}"
    );
    assert_skipped(&findings, "client", "connection of localhost");
}

#[tokio::test]
async fn a_network_log_in_page_is_not_taken_for_an_answer() {
    let ward = Ward::healthy().await;
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Token] {
        ward.emulator.fail_next(endpoint, Fault::Html);
    }
    let findings = ward.findings().await;
    for check in ["discovery", "keys", "domain"] {
        assert_failed(&findings, check, "not_the_service", "log in to the network");
    }
    assert_skipped(&findings, "client", "domain failed");
}

#[tokio::test]
async fn servers_that_fail_are_no_misconfiguration() {
    let ward = Ward::healthy().await;
    ward.emulator
        .fail_next(Endpoint::Discovery, Fault::Status(503));
    ward.emulator.fail_next(Endpoint::Jwks, Fault::Drop);
    ward.emulator.fail_next(Endpoint::Token, Fault::Status(429));
    let findings = ward.findings().await;
    assert_failed(&findings, "discovery", "server_error", "Wait a minute");
    assert_failed(&findings, "keys", "unreachable", "network connection");
    assert_failed(&findings, "domain", "throttled", "Wait a minute");
}

#[tokio::test]
async fn nobody_signed_in_is_a_warning_and_the_rest_is_left() {
    let ward = Ward::healthy().await;
    let findings = ward.findings().await;
    let session = of(&findings, "session");
    assert_eq!(
        (session.outcome, session.code),
        (Outcome::Warning, "signed_out")
    );
    for check in ["identity-pool", "role", "s3", "lambda"] {
        assert_skipped(&findings, check, "nobody is signed in");
    }
    assert!(
        findings
            .iter()
            .all(|finding| finding.outcome != Outcome::Failed)
    );

    ward.sign_in().await;
    ward.emulator.sign_out_everywhere("alex");
    ward.emulator.advance(Duration::from_secs(2 * 3600));
    let mut ward = ward;
    ward.with.clock = Arc::new(Ahead(Duration::from_secs(2 * 3600)));
    let findings = ward.findings().await;
    assert_eq!(of(&findings, "session").code, "session_ended");
}

#[tokio::test]
async fn a_keychain_that_is_not_there_is_told_once() {
    let mut ward = Ward::healthy().await;
    for (error, code) in [
        (StoreError::Absent, "keychain_absent"),
        (StoreError::Locked, "keychain_locked"),
    ] {
        ward.with.store = Arc::new(Broken(error));
        let report = computer(&ward.with, &[]).await;
        let keychain = of(&report.findings, "keychain");
        assert_eq!((keychain.outcome, keychain.code), (Outcome::Failed, code));
        assert!(keychain.remedy.is_some());
        let findings = examine(&ward.profile, &ward.with, keychain).await.findings;
        assert_skipped(&findings, "session", "keychain failed");
        assert_skipped(&findings, "role", "session failed");
    }
    ward.with.store = Arc::new(MemoryStore::new());
    let report = computer(&ward.with, &[]).await;
    assert_all_well(&report.findings);
}

#[cfg(unix)]
#[tokio::test]
async fn what_stands_against_it_in_the_aws_files_is_told() {
    let ward = Ward::healthy().await;
    let shared = ward.with.shared.clone().unwrap();
    let addition = |name: &str, profile: &str, program: &str| {
        let addition = Addition {
            name: name.into(),
            profile: profile.into(),
            program: program.into(),
            region: "us-east-1".into(),
            endpoint: None,
            force: false,
        };
        shared.plan_add(&addition).unwrap().apply().unwrap();
    };
    let here = std::env::current_exe().unwrap();
    // A stand-in of the right name.
    let program = ward.folder.path().join("keyfob");
    std::os::unix::fs::symlink(here, &program).unwrap();
    let program = program.to_str().unwrap();
    addition("good", "Local demo", program);
    addition("moved", "Local demo", "/nowhere/keyfob");
    addition("beaten", "Local demo", program);
    addition("orphan", "Gone", program);
    std::fs::write(
        ward.folder.path().join("credentials"),
        "[beaten]\naws_access_key_id = AKIAXXXXXXXXXXXXXXXX\n",
    )
    .unwrap();
    let findings = ward.findings().await;
    assert_eq!(
        codes(&findings, "aws-config"),
        ["ok", "program_missing", "credentials_win"]
    );
    assert!(!format!("{findings:?}").contains("AKIAXXXX"));
    let folder = ward.folder.path().to_owned();
    let mut ward = ward;
    ward.with.shared = SharedConfig::locate(None, |name| match name {
        "AWS_CONFIG_FILE" => Some(folder.join("config").into()),
        "AWS_SHARED_CREDENTIALS_FILE" => Some(folder.join("credentials").into()),
        "AWS_ACCESS_KEY_ID" => Some("AKIAXXXXXXXXXXXXXXXX".into()),
        _ => None,
    })
    .ok();
    let codes = codes(&ward.findings().await, "aws-config");
    assert_eq!(codes[0], "environment_wins");
    let report = computer(&ward.with, &["Local demo"]).await;
    assert_failed(
        &report.findings,
        "aws-config",
        "profile_unknown",
        "aws-config remove",
    );
}

#[tokio::test]
async fn offline_nothing_is_sent() {
    let mut ward = Ward::healthy().await;
    ward.with.offline = true;
    let findings = ward.findings().await;
    assert_skipped(&findings, "network", "--offline");
    assert!(ward.emulator.requests().is_empty());
}

#[tokio::test]
async fn what_is_printed_has_no_secret_in_it() {
    let ward = Ward::healthy().await;
    ward.sign_in().await;
    let reports = [
        computer(&ward.with, &["Local demo"]).await,
        ward.examine().await,
    ];
    let session = Session::new(ward.profile.clone(), ward.with.store.clone()).unwrap();
    session.restore().await;
    let mut secrets = vec![
        session.access_token().await.unwrap().expose().to_owned(),
        session.id_token().await.unwrap().expose().to_owned(),
    ];
    let kept = ward
        .with
        .store
        .load(&ward.profile.session_key())
        .unwrap()
        .unwrap();
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    secrets.push(kept["refresh"].as_str().unwrap().to_owned());
    for json in [false, true] {
        let mut printed = Vec::new();
        assert!(print(&reports, json, &mut printed).unwrap());
        let printed = String::from_utf8(printed).unwrap();
        for secret in &secrets {
            assert!(!printed.contains(secret.as_str()));
        }
        for sign in ["eyJ", "ASIA", "alex@example.com", "Keyfob-demo-1"] {
            assert!(!printed.contains(sign), "{printed}");
        }
        // One line a check; or one document.
        let lines = printed.lines().count();
        let findings: usize = reports.iter().map(|report| report.findings.len()).sum();
        assert_eq!(lines, if json { 1 } else { findings + 3 }, "{printed}");
    }
}

#[test]
fn json_is_for_programs_and_counts_what_failed() {
    let reports = [Report {
        profile: Some("A “b”".into()),
        findings: vec![
            Finding::ok("dns", "fine"),
            Finding::failed("client", "client_has_secret", "bad", "Do it"),
            Finding::skipped("role", "client failed"),
        ],
    }];
    let mut printed = Vec::new();
    assert!(!print(&reports, true, &mut printed).unwrap());
    let printed: Value = serde_json::from_slice(&printed).unwrap();
    assert_eq!(printed["failed"], 1);
    let findings = &printed["reports"][0]["findings"];
    assert_eq!(
        findings[1],
        serde_json::json!({"check": "client", "outcome": "failed", "code": "client_has_secret",
                           "message": "bad", "remedy": "Do it"})
    );
    assert_eq!(findings[0].get("remedy"), None);
    let mut text = Vec::new();
    print(&reports, false, &mut text).unwrap();
    let mut expected = String::from("Profile “A “b””\n");
    for line in [
        "  ok       dns            fine",
        "  failed   client         bad. Do it",
        "  skipped  role           client failed",
        "1 check failed.",
    ] {
        writeln!(expected, "{line}").unwrap();
    }
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

/// A clock that is this much ahead.
struct Ahead(Duration);

impl cognito_verifier::Clock for Ahead {
    fn now(&self) -> SystemTime {
        cognito_verifier::Clock::now(&SystemClock) + self.0
    }
}

impl cognito_client::Clock for Ahead {
    fn sleep_until(&self, _: SystemTime) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}

/// A keychain that does nothing but fail.
struct Broken(StoreError);

impl TokenStore for Broken {
    fn load(&self, _: &str) -> Result<Option<Secret>, StoreError> {
        Err(self.0)
    }

    fn save(&self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Err(self.0)
    }

    fn delete(&self, _: &str) -> Result<(), StoreError> {
        Err(self.0)
    }

    fn lock(&self, _: &str) -> Result<StoreLock, StoreError> {
        Err(self.0)
    }
}
