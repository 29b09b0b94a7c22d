//! `keyfob token`: a token, when it is asked for by name.

use std::io::{self, Write as _};

use cognito_agent::{Answer, Want};
use cognito_client::Profile;

use crate::answers::{self, Manner};
use crate::arguments::TokenUse;
use crate::failure::Failure;

pub(crate) fn print(profile: &Profile, token_use: TokenUse) -> Result<(), Failure> {
    let want = match token_use {
        TokenUse::Access => Want::AccessToken,
        TokenUse::Id => Want::IdToken,
    };
    match answers::obtain(profile, want, Manner::PERSON)? {
        Answer::Token(token) => Ok(writeln!(io::stdout().lock(), "{}", *token)?),
        other => Err(answers::unexpected(other, profile)),
    }
}
