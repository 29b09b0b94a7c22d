//! Sign-in: what lies between the redirect and "signed in".

use std::process::Command;

use super::figures::{Series, table};
use super::released;
use crate::process::{Result, output};

/// Sign-ins are short: more of them for the same patience.
const SIGN_INS_PER_RUN: u16 = 4;

pub(super) fn measure(runs: u16) -> Result {
    let sign_ins = (runs * SIGN_INS_PER_RUN).to_string();
    let measured = output(Command::new(released("examples/sign_in_bench")).arg(&sign_ins))?;
    let mut requests = Series::new("requests the user pool was asked", "");
    let mut sign_in = Series::new("redirect received to \"signed in\"", "ms");
    let mut save = Series::new("of which: tokens saved in the keychain", "ms");
    let mut delete = Series::new("of which: the pending request deleted there", "ms");
    let mut rest = Series::new("of which: the request, verification, all else", "ms");
    let mut token = Series::new("peer: a bare POST /oauth2/token", "ms");
    for line in measured.lines() {
        let numbers = line.split_whitespace().map(str::parse);
        let numbers: Vec<f64> = numbers.collect::<std::result::Result<_, _>>()?;
        let &[count, whole, saving, deleting, bare] = numbers.as_slice() else {
            return Err(format!("sign_in_bench said: {line}").into());
        };
        requests.push(count);
        sign_in.push(whole);
        token.push(bare);
        save.push(saving);
        delete.push(deleting);
        rest.push(whole - saving - deleting);
    }
    table(
        "sign-in",
        &[&requests, &sign_in, &save, &delete, &rest, &token],
    );
    println!(
        "  ratio to the bare request: {:.2}, without the keychain {:.2}",
        sign_in.times(&token),
        rest.times(&token)
    );
    println!(
        "  requests in each sign-in: {}..{}, limit exactly 1",
        requests.min(),
        requests.max()
    );
    if (requests.min(), requests.max()) == (1., 1.) {
        Ok(())
    } else {
        Err("a sign-in did not make exactly one request".into())
    }
}
