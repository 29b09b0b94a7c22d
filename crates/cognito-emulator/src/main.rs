//! The emulator as a program: Keyfob's demo account on a fixed port.

use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use cognito_emulator::{Config, Delivery, Emulator, Function, Listener, RecordedRequest};
use tokio::io::AsyncReadExt;

/// A local stand-in for Amazon Cognito, its identity pools, STS, S3 and Lambda. Listens on 127.0.0.1 only.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// TCP port; 0 takes any free one
    #[arg(long, default_value_t = 9229)]
    port: u16,
    /// Prints every request (never a query, header or body)
    #[arg(long)]
    show_requests: bool,
    /// Writes a Keyfob profile for this emulator to a file, once it listens
    #[arg(long, value_name = "PATH")]
    profile: Option<PathBuf>,
    /// The profile's API, e.g. where cognito-api listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9230")]
    api_base_url: String,
    /// A callback URL of the app client, in the place of the demo's; may be given several times
    #[arg(long, value_name = "URL")]
    callback_url: Vec<String>,
    /// Lifetime of access and ID tokens in seconds; Cognito itself allows no less than 300
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    token_lifetime: u64,
    /// Keeps the objects of buckets in a folder; without, they end with the emulator
    #[arg(long, value_name = "FOLDER")]
    s3_folder: Option<PathBuf>,
    /// A Lambda function that is a command: JSON on its standard input and output, its standard error is the log. The
    /// words of COMMAND are separated by spaces; may be given several times
    #[arg(long, value_name = "NAME=COMMAND", value_parser = function)]
    function: Vec<(String, Function)>,
    /// Gives guests an identity, and the role of guests: they may read what is shared
    #[arg(long)]
    guests: bool,
    /// Allows the basic (classic) flow: GetOpenIdToken and AssumeRoleWithWebIdentity, up to 12 hours
    #[arg(long)]
    classic_flow: bool,
    /// Ends when standard input is closed, and so with the program that started it
    #[arg(long)]
    exit_with_parent_stdin: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("cognito-emulator: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), String> {
    let mut config = Config::demo().port(args.port);
    for client in &mut config.clients {
        client.access_token_validity = Duration::from_secs(args.token_lifetime);
        client.id_token_validity = client.access_token_validity;
        if !args.callback_url.is_empty() {
            client.callback_urls.clone_from(&args.callback_url);
        }
    }
    config.s3_folder.clone_from(&args.s3_folder);
    config.functions.extend(args.function.iter().cloned());
    config.identity_pool.allow_unauthenticated = args.guests;
    config.identity_pool.allow_classic_flow = args.classic_flow;
    config.on_delivery = Some(Listener::new(|sent: &Delivery| {
        say(format_args!("Code for {}: {}", sent.destination, sent.code));
    }));
    if args.show_requests {
        config.on_request = Some(Listener::new(|request: &RecordedRequest| {
            let operation = request.operation.as_deref().unwrap_or_default();
            say(format_args!(
                "{} {} {operation}",
                request.method, request.path
            ));
        }));
    }
    let user = config.users.first().cloned();
    let emulator = Emulator::start(config.clone())
        .await
        .map_err(|error| error.to_string())?;
    if let Some(path) = &args.profile {
        write_whole(path, &profile(&config, &emulator, &args.api_base_url))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    say(format_args!("Listening on {}", emulator.domain()));
    if let Some(user) = user {
        say(format_args!(
            "User {} with password {}",
            user.username, user.password
        ));
    }
    tokio::select! {
        () = told_to_stop() => {}
        () = input_closed(), if args.exit_with_parent_stdin => {}
    }
    emulator.shutdown().await;
    // Not a return: the runtime would wait for the thread that reads standard input.
    std::process::exit(0)
}

/// `NAME=PROGRAM ARGUMENT...`.
fn function(text: &str) -> Result<(String, Function), String> {
    let (name, command) = text
        .split_once('=')
        .ok_or("expected NAME=COMMAND, e.g. sum=python3 sum.py")?;
    let mut words = command.split_whitespace();
    let program = words.next().filter(|_| !name.is_empty());
    let program = program.ok_or("expected NAME=COMMAND, e.g. sum=python3 sum.py")?;
    let function = Function::command(program, words).description(command);
    Ok((name.to_owned(), function))
}

/// A line for whoever watches; nobody watching is no reason to stop.
fn say(line: fmt::Arguments<'_>) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// The profile of Keyfob's "Local demo", at the addresses this emulator really has.
fn profile(config: &Config, emulator: &Emulator, api_base_url: &str) -> String {
    let client = &config.clients[0];
    let list = |items: Vec<&String>| {
        let quoted: Vec<_> = items.into_iter().map(|item| quote(item)).collect();
        format!("[{}]", quoted.join(", "))
    };
    let url = quote(&emulator.domain());
    format!(
        "name = \"Local demo\"\n\
         region = {region}\n\
         issuer = {issuer}\n\
         domain = {url}\n\
         client_id = {client_id}\n\
         scopes = {scopes}\n\
         redirects = {redirects}\n\
         sign_out_redirects = {sign_out_redirects}\n\
         identity_pool_id = {identity_pool_id}\n\
         api_base_url = {api_base_url}\n\
         functions = {functions}\n\
         \n\
         {buckets}\
         [endpoints]\n\
         cognito_identity = {url}\n\
         sts = {url}\n\
         lambda = {url}\n\
         s3 = {url}\n",
        region = quote(&config.region),
        issuer = quote(&emulator.issuer()),
        client_id = quote(&client.id),
        scopes = r#"["openid", "email", "profile", "aws.cognito.signin.user.admin"]"#,
        redirects = list(client.callback_urls.iter().collect()),
        sign_out_redirects = list(client.logout_urls.iter().collect()),
        identity_pool_id = quote(&config.identity_pool.id),
        api_base_url = quote(api_base_url),
        functions = list(config.functions.keys().collect()),
        buckets = buckets(config),
    )
}

/// The folders the demo's role opens.
fn buckets(config: &Config) -> String {
    let folders = [
        ("users/${cognito-identity.amazonaws.com:sub}/", "Your files"),
        ("shared/", "Shared files"),
    ];
    let entry = |bucket: &str, (prefix, title): (&str, &str)| {
        format!(
            "[[buckets]]\nbucket = {}\nprefix = {}\ntitle = {}\n\n",
            quote(bucket),
            quote(prefix),
            quote(title)
        )
    };
    let of_bucket = |bucket: &cognito_emulator::Bucket| {
        folders.map(|folder| entry(&bucket.name, folder)).concat()
    };
    config.buckets.iter().map(of_bucket).collect()
}

/// A TOML basic string: JSON's escapes are a subset of its.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whoever waits for the file sees all of it or none.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = PathBuf::from(name);
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}

#[cfg(unix)]
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn told_to_stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

async fn input_closed() {
    let mut input = tokio::io::stdin();
    let mut ignored = [0; 64];
    while !matches!(input.read(&mut ignored).await, Ok(0) | Err(_)) {}
}
