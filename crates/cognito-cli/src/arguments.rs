//! What the person may ask for.

use std::{ffi::OsString, path::PathBuf, time::SystemTime};

use clap::{
    ArgGroup, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::NonEmptyStringValueParser,
};
use cognito_verifier::{Clock, SystemClock};

use crate::{aws_config::AwsConfig, doctor::Doctor};

/// Sign in once, and have the AWS CLI, every SDK and your own programs work as you
///
/// Exit code: 0 when all is well, 1 when something went wrong, 2 when you cancelled it, 4 when you have to
/// sign in first, 64 when the command is called wrongly.
#[derive(Debug, Parser)]
#[command(name = "keyfob", version, after_long_help = EXAMPLES, verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  keyfob login
  keyfob exec -- aws s3 ls
  keyfob status";

impl Arguments {
    /// What was asked for; else help, or a mistake, for which the program ends.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        if let Some(which) = Which::of_credential_process() {
            let command = Command::CredentialProcess { which };
            return Ok(Self { command });
        }
        Self::from_arg_matches_mut(&mut Self::definition().try_get_matches()?)
    }

    /// All commands, as `completions` and `man` write them too.
    pub(crate) fn definition() -> clap::Command {
        // To inspect, the same options are all there or all absent.
        Self::command().mut_subcommand("inspect", |inspect| {
            inspect
                .mut_arg("token_use", |arg| arg.required(false))
                .mut_arg("issuer", |arg| arg.required(false))
        })
    }
}

/// Which profile.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Which {
    /// The profile; without it the one that is selected in the app
    #[arg(long, short, value_name = "NAME", env = "KEYFOB_PROFILE")]
    pub(crate) profile: Option<String>,
}

impl Which {
    /// Of `credential-process`, which the AWS CLI runs each time and waits for: read without what describes all the
    /// others. Help and mistakes are left to those.
    fn of_credential_process() -> Option<Self> {
        const NAME: &str = "credential-process";
        let mut arguments = std::env::args_os().skip(1);
        if arguments.next()? != NAME {
            return None;
        }
        let command = Self::augment_args(clap::Command::new(NAME).no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).ok()?;
        Self::from_arg_matches(&matches).ok()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in, in your browser
    ///
    /// The address is printed too, so that you can open it elsewhere. The browser's answer comes back to a port of this
    /// computer, or you paste the address it ends at.
    #[command(after_long_help = LOGIN_EXAMPLES)]
    Login(Login),
    /// Sign out: of this computer, of the browser, or everywhere
    #[command(after_long_help = LOGOUT_EXAMPLES)]
    Logout {
        #[command(flatten)]
        which: Which,
        /// End the browser's own session too, so that the next sign-in asks who you are
        #[arg(long)]
        browser: bool,
        /// End all your sessions, on whatever device
        #[arg(long)]
        everywhere: bool,
        /// Print the address that ends the browser's session instead of opening it
        #[arg(long)]
        no_browser: bool,
    },
    /// Say whether you are signed in, and for how long; sends nothing
    ///
    /// Made for prompts: quick, and exit code 4 when nobody is signed in.
    #[command(after_long_help = STATUS_EXAMPLES)]
    Status {
        #[command(flatten)]
        which: Which,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Say who you are to AWS: account, role and identity
    #[command(after_long_help = WHOAMI_EXAMPLES)]
    Whoami {
        #[command(flatten)]
        which: Which,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the AWS roles you may take, or choose one
    ///
    /// The choice holds for the profile on this computer: for this command, the app and every program they hand
    /// credentials to.
    #[command(after_long_help = ROLES_EXAMPLES)]
    Roles {
        #[command(flatten)]
        which: Which,
        /// Take this role from now on: its ARN or its name
        #[arg(long, value_name = "ROLE", conflicts_with_all = ["forget", "json"])]
        choose: Option<String>,
        /// Take what you get without a choice again
        #[arg(long, conflicts_with = "json")]
        forget: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the profiles; the selected one is marked
    #[command(after_long_help = PROFILES_EXAMPLES)]
    Profiles {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a program with your AWS credentials in its environment
    ///
    /// The program's exit code is this command's. With --server, its credentials are renewed for as long as it runs.
    #[command(after_long_help = EXEC_EXAMPLES)]
    Exec {
        /// The profile; without it the one that is selected in the app
        #[arg(value_name = "PROFILE", env = "KEYFOB_PROFILE")]
        profile: Option<String>,
        /// Give it an endpoint of this computer that hands out credentials, for jobs longer than an hour
        #[arg(long)]
        server: bool,
        /// The program and its arguments
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Print the environment of `exec` as commands for a shell
    #[command(after_long_help = ENV_EXAMPLES)]
    Env {
        #[command(flatten)]
        which: Which,
        /// The shell that is to read it
        #[arg(long, value_enum, default_value = "sh")]
        shell: Dialect,
    },
    /// Print a token to standard output
    ///
    /// Whoever has an access token can call the API as you until it expires. It is printed only when asked for by name.
    #[command(after_long_help = TOKEN_EXAMPLES)]
    Token {
        #[command(flatten)]
        which: Which,
        /// Which: APIs take access tokens, identity pools take ID tokens
        #[arg(long = "use", value_name = "USE")]
        token_use: TokenUse,
    },
    /// Print AWS credentials for the AWS CLI and the SDKs, as their `credential_process`
    ///
    /// Never opens a browser, never asks anything, and answers within two seconds.
    #[command(after_long_help = CREDENTIAL_PROCESS_EXAMPLES)]
    CredentialProcess {
        #[command(flatten)]
        which: Which,
    },
    /// Have the AWS CLI and every SDK work as you, by a profile in their own config file
    #[command(after_long_help = AWS_CONFIG_EXAMPLES)]
    AwsConfig {
        #[command(subcommand)]
        what: AwsConfig,
    },
    /// Say what is wrong with each profile, and how to mend it
    ///
    /// One line a check. There is no secret in them: they can be pasted into a ticket as they are.
    ///
    /// Exit code: 0 when nothing failed, 1 when something did.
    #[command(after_long_help = DOCTOR_EXAMPLES)]
    Doctor(Doctor),
    /// Say of each token on standard input whether it is valid, as JSON
    ///
    /// Tokens come one a line; the verdicts go one a line to standard output:
    ///
    ///   {"line":1,"ok":true,"claims":{...}}
    ///   {"line":2,"ok":false,"error":"expired","message":"the token expired at ..."}
    ///
    /// Exit code: 0 when there are tokens and all are valid, 1 when one is not,
    /// 64 when the command is called wrongly.
    #[command(after_long_help = VERIFY_EXAMPLES, verbatim_doc_comment)]
    Verify {
        #[command(flatten)]
        trust: Trust,
        #[command(flatten)]
        time: Time,
    },
    /// Show in words what is in the tokens on standard input
    ///
    /// Tokens come one a line. Without --use, --issuer and --client-id they are shown as NOT VERIFIED, for anyone can
    /// write such a token. With them each is verified too, and shown whatever the outcome.
    ///
    /// Exit code: 0 when all could be read and, if asked, verified; 1 when one could not; 64 when the command is called
    /// wrongly.
    #[command(after_long_help = INSPECT_EXAMPLES)]
    Inspect {
        #[command(flatten)]
        trust: Option<Trust>,
        #[command(flatten)]
        time: Time,
    },
    /// Print completions for a shell
    #[command(after_long_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(after_long_help = MAN_EXAMPLES)]
    Man {
        /// The folder, which must be there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Answer one request of another process of this command
    #[command(hide = true)]
    Answer {
        /// The keychain may ask for its password
        #[arg(long)]
        may_ask: bool,
    },
}

/// How to sign in.
#[derive(Args, Debug)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Paste the address the browser ends at: for a computer without a browser
    #[arg(long)]
    pub(crate) paste: bool,
    /// Do not open a browser; the address is printed in any case
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Ask for the password although the browser is signed in, to sign in as somebody else
    #[arg(long)]
    pub(crate) again: bool,
    /// The user name that the page shows at first
    #[arg(long, value_name = "USER")]
    pub(crate) hint: Option<String>,
}

/// Whose commands are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// Any POSIX shell, such as bash and zsh
    #[value(aliases = ["bash", "zsh"])]
    Sh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
}

const LOGIN_EXAMPLES: &str = "\
Examples:
  keyfob login
  keyfob login --profile \"Example Ltd\" --again

  # On a server, by way of the browser at your desk:
  keyfob login --paste";

const LOGOUT_EXAMPLES: &str = "\
Examples:
  keyfob logout
  keyfob logout --browser
  keyfob logout --everywhere";

const STATUS_EXAMPLES: &str = "\
Examples:
  keyfob status
  keyfob status --json | jq -r .username";

const WHOAMI_EXAMPLES: &str = "\
Examples:
  keyfob whoami
  keyfob whoami --json | jq -r .account";

const PROFILES_EXAMPLES: &str = "\
Examples:
  keyfob profiles
  keyfob profiles --json | jq -r '.[].name'";

const MAN_EXAMPLES: &str = "\
Examples:
  mkdir -p ~/.local/share/man/man1
  keyfob man ~/.local/share/man/man1
  man keyfob";

const ROLES_EXAMPLES: &str = "\
Examples:
  keyfob roles
  keyfob roles --choose Developers
  keyfob roles --forget";

const EXEC_EXAMPLES: &str = "\
Examples:
  keyfob exec -- aws s3 ls
  keyfob exec \"Example Ltd\" -- terraform plan

  # A job of more than an hour:
  keyfob exec --server -- ./backup.py";

const ENV_EXAMPLES: &str = "\
Examples:
  eval \"$(keyfob env)\"
  keyfob env --shell fish | source
  keyfob env --shell powershell | Out-String | Invoke-Expression";

const TOKEN_EXAMPLES: &str = "\
Examples:
  curl -H \"Authorization: Bearer $(keyfob token --use access)\" https://api.example.com/api/hello";

const CREDENTIAL_PROCESS_EXAMPLES: &str = "\
Examples:
  # In ~/.aws/config; `keyfob aws-config add` writes it:
  [profile example]
  credential_process = /usr/bin/keyfob credential-process --profile example";

const AWS_CONFIG_EXAMPLES: &str = "\
Examples:
  keyfob aws-config add Example
  keyfob aws-config remove Example";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  keyfob completions bash > ~/.local/share/bash-completion/completions/keyfob
  keyfob completions zsh > \"${fpath[1]}/_keyfob\"
  keyfob completions fish > ~/.config/fish/completions/keyfob.fish";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  keyfob doctor
  keyfob doctor --profile Example
  keyfob doctor --json | jq '.reports[].findings[] | select(.outcome == \"failed\")'";

const VERIFY_EXAMPLES: &str = "\
Examples:
  # Is this a token for my API?
  keyfob verify --use access --client-id 4examplec1ient1dkeyfob0001 \\
    --issuer https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI < token.txt

  # Without the network: a copy of the pool's ISSUER/.well-known/jwks.json, and the time of the incident.
  keyfob verify --use id --client-id 4examplec1ient1dkeyfob0001 --jwks jwks.json --now 1793491200 \\
    --issuer https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI < tokens.txt | jq -r .error";

const INSPECT_EXAMPLES: &str = "\
Examples:
  # What is in the clipboard?
  wl-paste | keyfob inspect

  # The same, verified.
  keyfob inspect --use access --client-id 4examplec1ient1dkeyfob0001 \\
    --issuer https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI < token.txt";

/// Whose tokens are accepted.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("clients").args(["client_ids", "any_client"]))]
pub(crate) struct Trust {
    /// The kind of token: an API is sent access tokens, an app learns from ID tokens who signed in
    #[arg(long = "use", value_name = "USE", requires_all = ["issuer", "clients"])]
    pub(crate) token_use: TokenUse,

    // No doc comment, in which the address would have to be a link.
    #[arg(
        long,
        value_name = "URL",
        requires = "token_use",
        help = "The user pool: https://cognito-idp.REGION.amazonaws.com/POOL_ID, as its tokens write it"
    )]
    pub(crate) issuer: String,

    /// An app client whose tokens are accepted; may be given several times
    #[arg(
        long = "client-id",
        value_name = "ID",
        num_args = 1..,
        value_parser = NonEmptyStringValueParser::new(),
        requires = "token_use"
    )]
    pub(crate) client_ids: Vec<String>,

    /// Accept the tokens of every app client of the pool
    #[arg(long, requires = "token_use")]
    pub(crate) any_client: bool,

    /// The pool's keys, a JWK Set; without it they are fetched from the issuer
    #[arg(long, value_name = "FILE", requires = "token_use")]
    pub(crate) jwks: Option<PathBuf>,

    /// Accept `exp` and `nbf` that are off by this much; none without it
    #[arg(long, value_name = "SECONDS", requires = "token_use")]
    pub(crate) leeway: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TokenUse {
    Access,
    Id,
}

/// What time it is.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Time {
    /// Judge by this time, in Unix seconds, instead of the clock
    #[arg(long, value_name = "EPOCH")]
    now: Option<u32>,
}

impl Clock for Time {
    fn now(&self) -> SystemTime {
        match self.now {
            None => SystemClock.now(),
            Some(seconds) => {
                SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds.into())
            }
        }
    }
}
