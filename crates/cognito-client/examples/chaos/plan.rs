//! What happens when, from a seed.

use cognito_emulator::{Endpoint, Fault};

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `from` to `to`, both included.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("usize has at most 64 bits");
        usize::try_from(self.next() % bound).expect("below a usize")
    }

    /// A seed for somebody else's dice.
    pub(crate) fn fork(&mut self) -> u64 {
        self.next()
    }
}

/// What the runner does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Queue this fault.
    Fault(&'static str, Endpoint, Fault),
    /// Answer the next refresh with the tokens of this user, whoever asks.
    TokensOf(usize),
    /// Let the next request wait for so many milliseconds.
    Stall(Endpoint, u64),
    /// Kill the process in this place with SIGKILL.
    Kill(usize),
    /// Kill the next process that has a refresh token rotated, so many microseconds after the pool has acted.
    KillAsker(u64),
    /// Let so many seconds pass at the pool, and at the computer too if so.
    Jump(u64, bool),
    /// The computer's clock is set right.
    SetClock,
    /// A calm moment.
    Nothing,
    /// New signing keys.
    RotateKeys,
}

/// Draws steps. Faults after the pool has acted are drawn only where a grace period forgives them.
pub(crate) struct Plan {
    pub(crate) dice: Dice,
    pub(crate) grace: bool,
}

impl Plan {
    /// What comes next, and after how many milliseconds.
    pub(crate) fn step(&mut self) -> (u64, Step) {
        let pause = self.dice.between(20, 250);
        (pause, self.draw())
    }

    fn draw(&mut self) -> Step {
        match self.dice.below(1000) {
            0..100 => Step::Kill(self.dice.below(crate::PROCESSES)),
            100..115 => Step::KillAsker(0),
            115..140 => Step::KillAsker(self.dice.between(0, 20_000)),
            140..170 => Step::Jump(self.dice.between(30, 3 * 3600), self.dice.below(2) == 0),
            170..180 => Step::SetClock,
            180..195 => Step::RotateKeys,
            195..205 => Step::Fault("hung", Endpoint::Token, Fault::Hang),
            205..235 => Step::TokensOf(self.dice.below(crate::USERS.len())),
            235..345 => Step::Stall(Endpoint::Token, self.dice.between(50, 800)),
            345..360 => Step::Stall(Endpoint::Jwks, self.dice.between(50, 800)),
            360..375 => Step::Fault("500", Endpoint::Jwks, Fault::Status(500)),
            375..390 => Step::Fault("dropped", Endpoint::Jwks, Fault::Drop),
            390..405 => Step::Fault("HTML", Endpoint::Jwks, Fault::Html),
            405..425 => Step::Fault("dropped", Endpoint::UserInfo, Fault::Drop),
            425..445 => Step::Fault("500", Endpoint::UserInfo, Fault::Status(500)),
            505..535 if self.grace => Step::Fault("reply lost", Endpoint::Token, Fault::LoseReply),
            535..565 if self.grace => Step::Fault("reply cut", Endpoint::Token, Fault::CutReply),
            565.. => Step::Nothing,
            number => {
                let (kind, fault) = match number % 6 {
                    0 => ("dropped", Fault::Drop),
                    1 => ("500", Fault::Status(500)),
                    2 => ("503", Fault::Status(503)),
                    3 => ("429", Fault::Status(429)),
                    4 => ("HTML", Fault::Html),
                    _ => ("truncated", Fault::Truncated),
                };
                Step::Fault(kind, Endpoint::Token, fault)
            }
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_plan() {
    let steps = |seed| {
        let mut plan = Plan {
            dice: Dice::new(seed),
            grace: true,
        };
        (0..1_000)
            .map(|_| format!("{:?}", plan.step()))
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(7), steps(7));
    assert_ne!(steps(7), steps(8));
}
