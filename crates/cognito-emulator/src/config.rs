//! What the emulated AWS account contains. Plain data; `Config::demo` is a complete example.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use crate::{
    delivery::Delivery,
    demo,
    iam::Role,
    identity::config::{Group, IdentityPool},
    lambda::Function,
    record::{RecordedRequest, Refresh},
    s3::Bucket,
};

/// Everything an [`Emulator`](crate::Emulator) serves: one user pool, one identity pool, some roles,
/// buckets and functions.
#[derive(Clone, Debug)]
pub struct Config {
    /// TCP port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// AWS Region, e.g. `us-east-1`.
    pub region: String,
    /// Twelve-digit AWS account id, as it appears in ARNs.
    pub account: String,
    /// User pool id (`REGION_NAME`); the issuer is this server's URL plus this path.
    pub pool_id: String,
    /// What the tokens say instead of that, as a pool's in AWS do: the other issuer a pool can have, or
    /// another partition's. The keys stay below this server's URL.
    pub issuer: Option<String>,
    /// App clients of the user pool.
    pub clients: Vec<Client>,
    /// Users who exist from the start.
    pub users: Vec<User>,
    /// Groups of the user pool that have a role or a precedence; the others need not be listed.
    pub groups: Vec<Group>,
    /// The identity pool.
    pub identity_pool: IdentityPool,
    /// IAM roles. The identity pool, and the groups of users, name them by ARN.
    pub roles: Vec<Role>,
    /// S3 buckets.
    pub buckets: Vec<Bucket>,
    /// Where the contents of buckets are kept from one run to the next; `None` for a temporary folder, removed at the end.
    pub s3_folder: Option<PathBuf>,
    /// Lambda functions by name.
    pub functions: BTreeMap<String, Function>,
    /// Custom CSS for the hosted UI, by Cognito's class list and 3 KB limit; checked at start.
    pub css: Option<String>,
    /// Shows the first user's name and password on the sign-in page. For demonstrations.
    pub show_demo_credentials: bool,
    /// Writes `/` as `\/` inside tokens, as Cognito does. Harmless to a JSON parser.
    pub escape_slashes: bool,
    /// Answers a bad scope as seen live (`error=invalid_request&error_description=invalid_scope`) and
    /// not as documented (`error=invalid_scope`).
    pub scope_errors_as_observed: bool,
    /// Called with every code "sent" to a user.
    pub on_delivery: Option<Listener<Delivery>>,
    /// Called with every request, before it is answered.
    pub on_request: Option<Listener<RecordedRequest>>,
    /// Called with every use of the refresh grant by a token this pool has issued, before it is answered and in the
    /// order the pool acts.
    pub on_refresh: Option<Listener<Refresh>>,
}

/// An app client of the user pool.
#[derive(Clone)]
pub struct Client {
    /// App client id.
    pub id: String,
    /// `None` for a public client, as a desktop app must be.
    pub secret: Option<String>,
    /// Allowed callback URLs; matched character by character, port included.
    pub callback_urls: Vec<String>,
    /// Allowed sign-out URLs, a separate list.
    pub logout_urls: Vec<String>,
    /// Scopes this client may ask for.
    pub scopes: BTreeSet<String>,
    /// OAuth grants this client may use at the authorize endpoint.
    pub allowed_flows: BTreeSet<OAuthFlow>,
    /// `ALLOW_REFRESH_TOKEN_AUTH`: whether the refresh grant is allowed.
    pub refresh_allowed: bool,
    /// `EnableTokenRevocation`; Cognito's default is on.
    pub token_revocation: bool,
    /// Lifetime of access tokens (5 minutes to 1 day; default 1 hour).
    pub access_token_validity: Duration,
    /// Lifetime of ID tokens (5 minutes to 1 day; default 1 hour).
    pub id_token_validity: Duration,
    /// Lifetime of refresh tokens (1 hour to 3,650 days; default 30 days).
    pub refresh_token_validity: Duration,
    /// Refresh token rotation: `Some(grace)` turns it on, with a retry grace period of 0 to 60 seconds.
    pub rotation: Option<Duration>,
}

/// `AllowedOAuthFlows` of an app client that a user can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OAuthFlow {
    /// `response_type=code`.
    Code,
    /// `response_type=token`.
    Implicit,
}

/// A user of the pool. The `sub` is derived from the pool and the user name, so it survives a restart.
#[derive(Clone)]
pub struct User {
    /// User name; case-insensitive, as in pools created since 2020.
    pub username: String,
    /// Password in clear: it is an emulator.
    pub password: String,
    /// Attributes by Cognito's names (`email`, `email_verified` as `"true"`, `name`, `custom:...`).
    pub attributes: BTreeMap<String, String>,
    /// Names of groups.
    pub groups: Vec<String>,
    /// False for somebody who has not entered the sign-up code yet.
    pub confirmed: bool,
}

/// A callback the emulator calls from its own tasks; it must not block.
pub struct Listener<T>(Arc<dyn Fn(&T) + Send + Sync>);

impl<T> Listener<T> {
    /// Wraps a closure.
    pub fn new(call: impl Fn(&T) + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }

    pub(crate) fn call(&self, event: &T) {
        (self.0)(event);
    }
}

impl<T> Clone for Listener<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Listener<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

impl Config {
    /// The account behind Keyfob's "Local demo": user `alex` / `Keyfob-demo-1`, port 9229.
    pub fn demo() -> Self {
        let client = Client {
            callback_urls: [
                "dev.keyfob.desktop://auth/callback",
                "http://127.0.0.1:8915/callback",
                "http://[::1]:8915/callback",
                "http://127.0.0.1:8916/callback",
            ]
            .map(str::to_owned)
            .into(),
            logout_urls: vec!["dev.keyfob.desktop://auth/signed-out".into()],
            ..Client::public("6keyfobdemodesktop00client")
        };
        let alex = User::new("alex", "Keyfob-demo-1")
            .with_attribute("name", "Alex Morgan")
            .with_attribute("email", "alex@example.com")
            .with_attribute("email_verified", "true")
            .with_group("developers");
        Self {
            port: 9229,
            region: "us-east-1".into(),
            account: "123456789012".into(),
            pool_id: "us-east-1_KeyfobDemo".into(),
            identity_pool: IdentityPool {
                id: demo::IDENTITY_POOL.into(),
                client_ids: [client.id.clone()].into(),
                allow_unauthenticated: false,
                authenticated_role: Some(demo::AUTHENTICATED_ROLE.into()),
                allow_classic_flow: false,
                unauthenticated_role: Some(demo::GUEST_ROLE.into()),
                role_mappings: BTreeMap::new(),
                server_side_token_check: false,
            },
            issuer: None,
            clients: vec![client],
            users: vec![alex],
            groups: Vec::new(),
            roles: demo::roles(),
            buckets: demo::buckets(),
            s3_folder: None,
            functions: [
                ("hello", Function::hello()),
                ("slow", Function::slow()),
                ("book-order", Function::failing()),
            ]
            .map(|(name, function)| (name.to_owned(), function))
            .into(),
            css: None,
            show_demo_credentials: true,
            escape_slashes: true,
            scope_errors_as_observed: false,
            on_delivery: None,
            on_request: None,
            on_refresh: None,
        }
    }

    /// Listens on this port; 0 takes any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Adds an app client to the user pool, and to the clients the identity pool accepts.
    #[must_use]
    pub fn with_client(mut self, client: Client) -> Self {
        self.identity_pool.client_ids.insert(client.id.clone());
        self.clients.push(client);
        self
    }

    /// Adds a user.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Adds a group.
    #[must_use]
    pub fn with_group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// Adds a role.
    #[must_use]
    pub fn with_role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// Adds a bucket.
    #[must_use]
    pub fn with_bucket(mut self, bucket: Bucket) -> Self {
        self.buckets.push(bucket);
        self
    }

    /// Adds a Lambda function.
    #[must_use]
    pub fn with_function(mut self, name: impl Into<String>, function: Function) -> Self {
        self.functions.insert(name.into(), function);
        self
    }

    pub(crate) fn find_client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }
}

impl Client {
    /// A public client with no URL yet, the five reserved scopes but `phone`, the code grant and default lifetimes.
    pub fn public(id: impl Into<String>) -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            id: id.into(),
            secret: None,
            callback_urls: Vec::new(),
            logout_urls: Vec::new(),
            scopes: [
                "openid",
                "email",
                "profile",
                "aws.cognito.signin.user.admin",
            ]
            .map(str::to_owned)
            .into(),
            allowed_flows: [OAuthFlow::Code].into(),
            refresh_allowed: true,
            token_revocation: true,
            access_token_validity: HOUR,
            id_token_validity: HOUR,
            refresh_token_validity: HOUR * 24 * 30,
            rotation: None,
        }
    }
}

impl User {
    /// A confirmed user without attributes or groups.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            attributes: BTreeMap::new(),
            groups: Vec::new(),
            confirmed: true,
        }
    }

    /// Sets an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Adds the user to a group.
    #[must_use]
    pub fn with_group(mut self, group: impl Into<String>) -> Self {
        self.groups.push(group.into());
        self
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("secret", &self.secret.as_ref().map(|_| "[redacted]"))
            .field("callback_urls", &self.callback_urls)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("username", &self.username)
            .field("confirmed", &self.confirmed)
            .finish_non_exhaustive()
    }
}
