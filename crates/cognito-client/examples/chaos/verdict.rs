//! Why a session ended: proved, or lost.

use std::fmt;

use crate::USERS;
use crate::journal::Known;
use crate::ledger::{Claim, Ledger, Life, Port, Process, RUNNER, Token};

/// A reply is kept at once: a process that had this long to do it and was killed later has lost it by itself.
const KEPT_WITHIN: u64 = 10_000_000;

/// What became of a session that said it has ended.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// The process that had rotated the refresh token was killed before the new one was kept, and the pool gives no
    /// grace: there is no token left that anybody could go on with.
    WithProcess {
        /// Microseconds from the rotation to the SIGKILL; negative when the pool acted on the request of a process
        /// that was dead already.
        after: i64,
    },
    /// Everything else.
    Lost(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithProcess { after } => write!(
                f,
                "ended with a process that was killed {} ms after the pool had rotated",
                after / 1000
            ),
            Self::Lost(why) => write!(f, "LOST: {why}"),
        }
    }
}

/// A process a claim has to wait for, so that all it has said is known.
pub(crate) fn witness(ledger: &Ledger, claim: &Claim) -> Option<Port> {
    let killed = |process: &Process| process.killed_at.is_some() && !process.drained;
    lives_of(ledger, claim)
        .into_iter()
        .map(|number| ledger.tip(&ledger.lives[claim.user][number]).asked)
        .find(|asked| ledger.processes.get(asked).is_some_and(killed))
}

/// The lives a claim can be about, the latest last: those of the tokens the process knew, and those in which it found
/// the store empty.
fn lives_of(ledger: &Ledger, claim: &Claim) -> Vec<usize> {
    let mut lives: Vec<_> = claim
        .known
        .iter()
        .filter_map(|known| life_of(ledger, claim.user, known))
        .collect();
    lives.sort_unstable();
    lives.dedup();
    lives
}

fn life_of(ledger: &Ledger, user: usize, known: &Known) -> Option<usize> {
    match &known.token {
        Some(token) => Some(ledger.tokens.get(token)?.life),
        // Before the first sign-in there is nothing to find.
        None => ledger.lives[user]
            .iter()
            .rposition(|life| life.began < known.at),
    }
}

/// Judges a claim; nothing when it is about a life that was judged before.
pub(crate) fn judge(ledger: &mut Ledger, claim: &Claim, grace: bool) -> Option<Verdict> {
    let lives = lives_of(ledger, claim);
    let Some(&last) = lives.last() else {
        let why = format!("{} said so without ever having known anything", claim.by);
        return Some(Verdict::Lost(why));
    };
    let is_judged = |number: &usize| ledger.lives[claim.user][*number].verdict.is_some();
    // Nothing explains an empty store while a session lives, whatever else was known.
    let unexplained = claim
        .known
        .iter()
        .filter(|known| known.token.is_none())
        .filter_map(|known| life_of(ledger, claim.user, known))
        .find(|number| !is_judged(number));
    if unexplained.is_none() && lives.iter().any(is_judged) {
        return None;
    }
    let candidates = unexplained.map_or(lives, |number| vec![number]);
    let mut verdict = Err((last, String::new()));
    for number in candidates {
        let life = &ledger.lives[claim.user][number];
        match prove(ledger, life, grace) {
            Ok(after) => {
                verdict = Ok((number, after));
                break;
            }
            Err(why) => {
                let evidence = evidence(ledger, life, claim);
                let user = USERS[claim.user];
                let why = format!("{} of {user}: {why}\n  {evidence}", claim.said);
                verdict = Err((number, why));
            }
        }
    }
    let (number, verdict) = match verdict {
        Ok((number, after)) => (number, Verdict::WithProcess { after }),
        Err((number, why)) => (number, Verdict::Lost(why)),
    };
    ledger.lives[claim.user][number].verdict = Some(verdict.clone());
    Some(verdict)
}

/// The proof that nobody could have gone on, or the first thing that is missing in it.
fn prove(ledger: &Ledger, life: &Life, grace: bool) -> Result<i64, String> {
    let tip = ledger.tip(life);
    if grace {
        return Err("within the grace period nothing may end".into());
    }
    let Some(parent) = &tip.parent else {
        return Err("the sign-in's own refresh token is still good".into());
    };
    let Some(killed_at) = ledger.processes.get(&tip.asked).and_then(|p| p.killed_at) else {
        return Err("the process that was given the pool's last token was not killed".into());
    };
    let after = killed_at.cast_signed() - tip.issued_at.cast_signed();
    if after > KEPT_WITHIN.cast_signed() {
        return Err("the process had the pool's last token for long, and did not keep it".into());
    }
    if tip.kept || tip.found {
        return Err("the pool's last token was in the store".into());
    }
    if tip.saving.iter().any(|by| *by != tip.asked) {
        return Err("another process had the pool's last token too".into());
    }
    let refused_to = |by: Port, before: u64| {
        let refused = &ledger.tokens[parent].refused;
        refused
            .iter()
            .any(|(at, port)| *port == by && (tip.issued_at..before).contains(at))
    };
    if ledger.tokens[parent].refused.is_empty() {
        return Err("the pool has not refused the token before its last".into());
    }
    if let Some((at, by)) = life.deleted.iter().min()
        && *by != RUNNER
        && !refused_to(*by, *at)
    {
        return Err(format!(
            "{by} deleted it, and the pool had refused {by} nothing"
        ));
    }
    Ok(after)
}

/// All that is known, for whoever looks for the fault.
fn evidence(ledger: &Ledger, life: &Life, claim: &Claim) -> String {
    let mut lines = vec![
        format!("claim: {claim:?}"),
        format!("life: began {} deleted {:?}", life.began, life.deleted),
    ];
    let mut next = Some(&life.tip);
    for _ in 0..4 {
        let Some((print, token)) = next.and_then(|print| Some((print, ledger.tokens.get(print)?)))
        else {
            break;
        };
        let Token {
            parent,
            asked,
            issued_at,
            saving,
            kept,
            found,
            refused,
            ..
        } = token;
        let killed = ledger.processes.get(asked).and_then(|p| p.killed_at);
        lines.push(format!(
            "token {print}: asked by {asked} (killed {killed:?}) at {issued_at}, saving {saving:?}, kept {kept}, found {found}, refused {refused:?}"
        ));
        next = parent.as_ref();
    }
    lines.join("\n  ")
}
