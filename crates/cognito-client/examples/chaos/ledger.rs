//! Who did what with which refresh token: the pool's own record and what the processes said, in one book.

use std::collections::BTreeMap;

use cognito_emulator::{Refresh, RefreshOutcome};

use crate::USERS;
use crate::journal::{Event, Known, Line, Tally};
use crate::verdict::Verdict;

/// A process, named by the port that was given to it alone.
pub(crate) type Port = u16;
/// The process that signs people in.
pub(crate) const RUNNER: Port = 0;

/// A refresh token.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) user: usize,
    /// Which of the user's lives it belongs to.
    pub(crate) life: usize,
    /// What was presented for it; none for a sign-in's own.
    pub(crate) parent: Option<String>,
    /// Who asked for it, and when the pool acted.
    pub(crate) asked: Port,
    pub(crate) issued_at: u64,
    pub(crate) saving: Vec<Port>,
    pub(crate) kept: bool,
    pub(crate) found: bool,
    /// When the pool refused it, and whom.
    pub(crate) refused: Vec<(u64, Port)>,
}

/// A session from sign-in to its end, if it ends.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) began: u64,
    /// When the sign-in's tokens were about to be kept.
    saving_at: u64,
    /// The token the pool has issued last.
    pub(crate) tip: String,
    /// When what is kept was deleted, and by whom.
    pub(crate) deleted: Vec<(u64, Port)>,
    pub(crate) verdict: Option<Verdict>,
}

#[derive(Debug, Default)]
pub(crate) struct Process {
    /// Microseconds since the Unix epoch.
    pub(crate) killed_at: Option<u64>,
    /// Everything it has said has been read.
    pub(crate) drained: bool,
}

/// A session that said it has ended; to be judged.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) user: usize,
    pub(crate) by: Port,
    pub(crate) known: Vec<Known>,
    pub(crate) said: String,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) lives: [Vec<Life>; USERS.len()],
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) processes: BTreeMap<Port, Process>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) wrong_user: Vec<String>,
    pub(crate) odd: BTreeMap<String, u64>,
    pub(crate) tally: Tally,
    pub(crate) made: u64,
    pub(crate) refused: u64,
    pub(crate) settled: BTreeMap<(Port, usize), Option<String>>,
    pub(crate) pongs: BTreeMap<Port, u64>,
}

impl Ledger {
    /// The pool has acted.
    pub(crate) fn refreshed(&mut self, at: u64, refresh: &Refresh) {
        let presented = refresh.presented.to_string();
        let Some(token) = self.tokens.get_mut(&presented) else {
            self.wrong_user.push(format!(
                "a refresh token nobody kept was presented for {}",
                refresh.username
            ));
            return;
        };
        match &refresh.outcome {
            RefreshOutcome::Refused => {
                self.refused += 1;
                token.refused.push((at, refresh.port));
            }
            RefreshOutcome::Renewed => self.made += 1,
            RefreshOutcome::Rotated(issued) => {
                self.made += 1;
                let (user, life) = (token.user, token.life);
                let issued = issued.to_string();
                self.lives[user][life].tip.clone_from(&issued);
                let parent = Some(presented);
                let token = Token::new(user, life, parent, refresh.port, at);
                self.tokens.insert(issued, token);
            }
        }
    }

    /// A process has said something.
    pub(crate) fn said(&mut self, by: Port, Line { at, event }: Line) {
        match event {
            Event::Saving { user, token } => {
                if by == RUNNER && !self.tokens.contains_key(&token) {
                    self.begin(user, at, token.clone());
                }
                self.token(user, &token, |token| token.saving.push(by));
            }
            Event::Kept { user, token } => {
                self.token(user, &token, |token| token.kept = true);
                if by == RUNNER
                    && let Some(life) = self.lives[user].last_mut()
                {
                    life.began = at;
                }
            }
            Event::Found { user, token } => {
                if let Some(token) = token {
                    self.token(user, &token, |token| token.found = true);
                }
            }
            Event::Deleting { user } => {
                // By its time: what a process says may be read late.
                let mut lives = self.lives[user].iter_mut().rev();
                if let Some(life) = lives.find(|life| life.saving_at <= at) {
                    life.deleted.push((at, by));
                }
            }
            Event::Ended { user, known, said } => self.claims.push(Claim {
                user,
                by,
                known,
                said,
            }),
            Event::WrongUser { user, what } => {
                self.wrong_user.push(format!("{} of {}", what, USERS[user]));
            }
            Event::Odd { error, .. } => *self.odd.entry(error).or_default() += 1,
            Event::Done(tally) => self.tally.add(tally),
            Event::Settled { user, problem } => drop(self.settled.insert((by, user), problem)),
            Event::Pong(number) => drop(self.pongs.insert(by, number)),
        }
    }

    /// The runner has signed a user in.
    fn begin(&mut self, user: usize, at: u64, token: String) {
        let lives = &mut self.lives[user];
        let first = Token::new(user, lives.len(), None, RUNNER, at);
        lives.push(Life {
            began: u64::MAX,
            saving_at: at,
            tip: token.clone(),
            deleted: Vec::new(),
            verdict: None,
        });
        self.tokens.insert(token, first);
    }

    /// A process had this token under this user's key.
    fn token(&mut self, user: usize, token: &str, note: impl FnOnce(&mut Token)) {
        match self.tokens.get_mut(token) {
            Some(token) if token.user == user => note(token),
            Some(token) => {
                let whose = USERS[token.user];
                self.wrong_user.push(format!(
                    "a refresh token of {whose} was kept as that of {}",
                    USERS[user]
                ));
            }
            None => self.wrong_user.push(format!(
                "a refresh token the pool never issued was kept as that of {}",
                USERS[user]
            )),
        }
    }

    pub(crate) fn tip(&self, life: &Life) -> &Token {
        &self.tokens[&life.tip]
    }

    /// Whether each user's latest token is safely in the store.
    pub(crate) fn all_kept(&self) -> bool {
        let lives = self.lives.iter().filter_map(|lives| lives.last());
        lives.into_iter().all(|life| self.tip(life).kept)
    }
}

impl Token {
    fn new(user: usize, life: usize, parent: Option<String>, asked: Port, at: u64) -> Self {
        Self {
            user,
            life,
            parent,
            asked,
            issued_at: at,
            saving: Vec::new(),
            kept: false,
            found: false,
            refused: Vec::new(),
        }
    }
}
