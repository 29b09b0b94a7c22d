//! What the person may ask for.

use std::{path::PathBuf, time::SystemTime};

use clap::{
    ArgGroup, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::NonEmptyStringValueParser,
};
use cognito_verifier::{Clock, SystemClock};

/// Verify and explain the tokens of an Amazon Cognito user pool
#[derive(Debug, Parser)]
#[command(name = "keyfob", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// What was asked for; ends the program when that is help, or a mistake.
    pub(crate) fn read() -> Self {
        // To inspect, the same options are all there or all absent.
        let command = Self::command().mut_subcommand("inspect", |inspect| {
            inspect
                .mut_arg("token_use", |arg| arg.required(false))
                .mut_arg("issuer", |arg| arg.required(false))
        });
        let mut matches = command.get_matches();
        Self::from_arg_matches_mut(&mut matches).unwrap_or_else(|mistake| mistake.exit())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say of each token on standard input whether it is valid, as JSON
    ///
    /// Tokens come one a line; the verdicts go one a line to standard output:
    ///
    ///   {"line":1,"ok":true,"claims":{...}}
    ///   {"line":2,"ok":false,"error":"expired","message":"the token expired at ..."}
    ///
    /// Exit code: 0 when there are tokens and all are valid, 1 when one is not,
    /// 2 when the command is called wrongly.
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
    /// Exit code: 0 when all could be read and, if asked, verified; 1 when one could not; 2 when the command is called
    /// wrongly.
    #[command(after_long_help = INSPECT_EXAMPLES)]
    Inspect {
        #[command(flatten)]
        trust: Option<Trust>,
        #[command(flatten)]
        time: Time,
    },
}

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
