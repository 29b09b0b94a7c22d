//! The user pool, the people who sign in, and whoever kills the workers.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cognito_client::Profile;
use cognito_emulator::{
    Client, Config, Emulator, Endpoint, Fault, Listener, Refresh, RefreshOutcome, User,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::journal::{Journaling, Line};
use crate::ledger::{Ledger, Port, RUNNER};
use crate::plan::{Dice, Plan, Step};
use crate::verdict::{self, Verdict};
use crate::worker::{Order, ShiftedClock, session};
use crate::{PROCESSES, Result, TASKS, USERS, micros, pause};

const PASSWORD: &str = "Keyfob-chaos-1";
/// The longest grace period a pool can give.
const GRACE: Duration = Duration::from_secs(60);
/// How long the workers have to answer, to be heard to the end, or to keep what they have been given.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long all may take to be well again at the end.
const SETTLING: Duration = Duration::from_secs(90);

/// What the pool's listener needs too.
#[derive(Default)]
struct Stage {
    ledger: Mutex<Ledger>,
    children: Mutex<BTreeMap<Port, Child>>,
    /// After how many microseconds the next process that rotates is to be killed.
    trap: Mutex<Option<u64>>,
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// SIGKILL, if it lives.
    fn kill(&self, port: Port) {
        let mut children = lock(&self.children);
        if let Some(child) = children.get_mut(&port) {
            let at = micros();
            if matches!(child.try_wait(), Ok(None)) && child.start_kill().is_ok() {
                let mut ledger = self.ledger();
                ledger
                    .processes
                    .entry(port)
                    .or_default()
                    .killed_at
                    .get_or_insert(at);
            }
        }
    }

    /// The pool has acted, and the reply has not left it yet.
    fn refreshed(self: &Arc<Self>, refresh: &Refresh) {
        self.ledger().refreshed(micros(), refresh);
        if !matches!(refresh.outcome, RefreshOutcome::Rotated(_)) {
            return;
        }
        let port = refresh.port;
        if !lock(&self.children).contains_key(&port) {
            return;
        }
        match lock(&self.trap).take() {
            None => {}
            Some(0) => self.kill(port),
            Some(after) => {
                let stage = Arc::clone(self);
                // A thread: the runtime's timer is as coarse as what is aimed at.
                std::thread::spawn(move || {
                    std::thread::park_timeout(Duration::from_micros(after));
                    stage.kill(port);
                });
            }
        }
    }
}

/// What a phase came to.
#[derive(Default)]
struct Sum {
    faults: BTreeMap<&'static str, u64>,
    kills: u64,
    jumps: u64,
    key_rotations: u64,
    with_process: u64,
    lost: u64,
    unwell: u64,
}

/// Both phases; an error when anything is not as it should be.
pub(crate) async fn run(minutes: f64, seed: u64, locks: bool) -> Result {
    let half = Duration::from_secs_f64(minutes * 60. / 2.);
    println!(
        "chaos: seed {seed}, {PROCESSES} processes with {} tasks share the session of each of {} users",
        PROCESSES * TASKS,
        USERS.len()
    );
    if !locks {
        println!("chaos: without locks between the processes: sessions will be lost");
    }
    let mut dice = Dice::new(seed);
    let mut well = true;
    for grace in [Duration::ZERO, GRACE] {
        well &= phase(grace, half, dice.fork(), locks).await?;
    }
    println!("to repeat: cargo xtask chaos --minutes {minutes} --seed {seed}");
    if well {
        Ok(())
    } else {
        Err("a session was lost, or a token was another user's, or too little happened".into())
    }
}

async fn phase(grace: Duration, length: Duration, seed: u64, locks: bool) -> Result<bool> {
    let seconds = grace.as_secs();
    println!("-- refresh tokens rotate with a grace period of {seconds} s");
    let began = Instant::now();
    let mut phase = Phase::new(grace, seed, locks).await?;
    while began.elapsed() < length {
        let (wait, step) = phase.plan.step();
        pause(wait).await;
        phase.take(step).await?;
        phase.replace_the_dead().await?;
        phase.hear().await?;
    }
    phase.finish().await?;
    Ok(phase.sum_up(began.elapsed()))
}

struct Worker {
    port: Port,
    stdin: ChildStdin,
}

struct Phase {
    plan: Plan,
    emulator: Arc<Emulator>,
    stage: Arc<Stage>,
    locks: bool,
    subs: Vec<String>,
    workers: Vec<Worker>,
    /// Seconds the pool's clock is ahead of the real one, and the computer's.
    pool_ahead: u64,
    computer_ahead: u64,
    clock: Arc<ShiftedClock>,
    pings: u64,
    sum: Sum,
}

impl Phase {
    async fn new(grace: Duration, seed: u64, locks: bool) -> Result<Self> {
        let stage = Arc::<Stage>::default();
        let mut config = Config::demo().port(0);
        for user in USERS {
            config = config
                .with_user(User::new(user, PASSWORD))
                .with_client(Client {
                    callback_urls: vec!["dev.keyfob.desktop://auth/callback".into()],
                    // Time jumps far, and this end is not the one that is looked for.
                    refresh_token_validity: Duration::from_secs(3650 * 86_400),
                    rotation: Some(grace),
                    ..Client::public(client_of(user))
                });
        }
        let pool = Arc::clone(&stage);
        config.on_refresh = Some(Listener::new(move |refresh| pool.refreshed(refresh)));
        let mut phase = Self {
            plan: Plan {
                dice: Dice::new(seed),
                grace: !grace.is_zero(),
            },
            emulator: Arc::new(Emulator::start(config).await?),
            stage,
            locks,
            subs: Vec::new(),
            workers: Vec::new(),
            pool_ahead: 0,
            computer_ahead: 0,
            clock: Arc::default(),
            pings: 0,
            sum: Sum::default(),
        };
        for user in 0..USERS.len() {
            let sub = phase.sign_in(user).await?;
            phase.subs.push(sub);
        }
        for _ in 0..PROCESSES {
            let worker = phase.start().await?;
            phase.workers.push(worker);
        }
        Ok(phase)
    }

    /// Signs a user in as the app would, with the faults there are; gives the `sub`.
    async fn sign_in(&self, user: usize) -> Result<String> {
        let profile = self.profile(user);
        let profile: Profile = profile.parse()?;
        let stage = Arc::clone(&self.stage);
        let tell = Arc::new(move |line: Line| stage.ledger().said(RUNNER, line));
        let store = Journaling::new(user, profile.session_key(), tell, self.locks);
        let store = Arc::new(store);
        let mut last = None;
        for _ in 0..20 {
            let session = session(&profile, store.clone(), self.clock.clone())?;
            let url = session.begin().await?;
            let callback = self
                .emulator
                .sign_in_with(url.as_str(), USERS[user], PASSWORD)
                .await?;
            match session.complete(&callback).await {
                Ok(user) => return Ok(user.sub),
                Err(error) => last = Some(error),
            }
        }
        Err(format!("{} cannot sign in: {last:?}", USERS[user]).into())
    }

    fn profile(&self, user: usize) -> String {
        format!(
            r#"
name = "Chaos of {name}"
region = "us-east-1"
issuer = "{issuer}"
domain = "{domain}"
api_base_url = "{domain}"
client_id = "{client}"
scopes = ["openid", "email", "profile", "aws.cognito.signin.user.admin"]
redirects = ["dev.keyfob.desktop://auth/callback"]
refresh_token_days = 3650
"#,
            name = USERS[user],
            issuer = self.emulator.issuer(),
            domain = self.emulator.domain(),
            client = client_of(USERS[user]),
        )
    }

    async fn start(&mut self) -> Result<Worker> {
        let domain = self.emulator.add_domain().await?;
        let port: Port = domain.rsplit(':').next().unwrap_or_default().parse()?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("worker")
            // All must have the same profile, and still be told apart: each one's requests come by a port of its own.
            .env("http_proxy", &domain)
            .env_remove("no_proxy")
            .env_remove("NO_PROXY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no input")?;
        let stdout = child.stdout.take().ok_or("no output")?;
        self.stage.ledger().processes.entry(port).or_default();
        lock(&self.stage.children).insert(port, child);
        let stage = Arc::clone(&self.stage);
        tokio::spawn(async move {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                // The last line of a process that was killed may be half a line.
                if let Ok(line) = serde_json::from_str(&line) {
                    stage.ledger().said(port, line);
                }
            }
            stage.ledger().processes.entry(port).or_default().drained = true;
        });
        let mut worker = Worker { port, stdin };
        let start = Order::Start {
            profiles: (0..USERS.len()).map(|user| self.profile(user)).collect(),
            subs: self.subs.clone(),
            seed: self.plan.dice.fork(),
            ahead: self.computer_ahead,
            locks: self.locks,
        };
        worker.order(&start).await;
        Ok(worker)
    }

    async fn take(&mut self, step: Step) -> Result {
        match step {
            Step::Fault(kind, endpoint, fault) => self.fail(kind, endpoint, fault),
            Step::TokensOf(user) => self.tokens_of(user).await,
            Step::Stall(endpoint, milliseconds) => {
                self.fail("stalled", endpoint, Fault::Stall);
                let emulator = Arc::clone(&self.emulator);
                tokio::spawn(async move {
                    pause(milliseconds).await;
                    emulator.release();
                });
            }
            Step::Kill(place) => self.stage.kill(self.workers[place].port),
            Step::KillAsker(after) => *lock(&self.stage.trap) = Some(after),
            Step::Jump(seconds, computer_too) => self.jump(seconds, computer_too).await?,
            Step::SetClock => {
                self.computer_ahead = self.pool_ahead;
                self.set_clocks().await;
            }
            Step::Nothing => {}
            Step::RotateKeys => {
                self.emulator.rotate_keys();
                self.sum.key_rotations += 1;
            }
        }
        Ok(())
    }

    fn fail(&mut self, kind: &'static str, endpoint: Endpoint, fault: Fault) {
        *self.sum.faults.entry(kind).or_default() += 1;
        self.emulator.fail_next(endpoint, fault);
    }

    /// As a broken proxy would: one user's answer for whoever asks next. Without a refresh token, because the pool has
    /// not acted.
    async fn tokens_of(&mut self, user: usize) {
        let Ok(profile) = self.profile(user).parse::<Profile>() else {
            return;
        };
        let keychain = crate::journal::keychain();
        let task = tokio::task::spawn_blocking(move || {
            cognito_client::TokenStore::load(&keychain, &profile.session_key())
        });
        // Read from the store as it is: asking a session would take part in the game.
        if let Ok(Ok(Some(secret))) = task.await
            && let Some(body) = crate::journal::reply_of(&secret)
        {
            let fault = Fault::Error { status: 200, body };
            self.fail("another user's tokens", Endpoint::Token, fault);
        }
    }

    async fn replace_the_dead(&mut self) -> Result {
        for place in 0..self.workers.len() {
            let port = self.workers[place].port;
            let ended = match lock(&self.stage.children).get_mut(&port) {
                Some(child) => child.try_wait()?,
                None => None,
            };
            // Afterwards: whoever kills it notes that first.
            let killed = self.stage.ledger().processes[&port].killed_at.is_some();
            match ended {
                Some(status) if !killed => {
                    return Err(format!("process {port} has ended by itself: {status}").into());
                }
                Some(_) => {
                    lock(&self.stage.children).remove(&port);
                    self.sum.kills += 1;
                    self.workers[place] = self.start().await?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Time passes. A pool with a grace period may end a session whose reply was lost before: so, there, first
    /// everybody is let keep what they have been given.
    async fn jump(&mut self, seconds: u64, computer_too: bool) -> Result {
        if self.plan.grace {
            self.calm();
            *lock(&self.stage.trap) = None;
            self.replace_the_dead().await?;
            if !self.until(PATIENCE, Ledger::all_kept).await {
                return Err("the pool's last tokens were not kept although nothing failed".into());
            }
        }
        self.pool_ahead += seconds;
        self.emulator.advance(Duration::from_secs(seconds));
        if computer_too {
            self.computer_ahead += seconds;
            self.set_clocks().await;
        }
        self.sum.jumps += 1;
        if self.plan.grace && !self.until(PATIENCE, Ledger::all_kept).await {
            return Err("the pool's last tokens were not kept although nothing failed".into());
        }
        Ok(())
    }

    /// No more faults; those that have struck nobody are not counted.
    fn calm(&mut self) {
        for (_, fault) in self.emulator.clear_faults() {
            let kind = match fault {
                Fault::Status(429) => "429",
                Fault::Status(503) => "503",
                Fault::Status(_) => "500",
                Fault::Error { .. } => "another user's tokens",
                Fault::Html => "HTML",
                Fault::Truncated => "truncated",
                Fault::Drop => "dropped",
                Fault::Stall => "stalled",
                Fault::Hang => "hung",
                Fault::Throttled => "throttled",
                Fault::Xml { .. } => "XML",
                Fault::DropMidBody => "dropped in the middle",
                Fault::LoseReply => "reply lost",
                Fault::CutReply => "reply cut",
            };
            *self.sum.faults.entry(kind).or_default() -= 1;
        }
        self.emulator.release();
    }

    async fn set_clocks(&mut self) {
        self.clock.set(self.computer_ahead);
        self.order(&Order::Clock(self.computer_ahead)).await;
    }

    async fn order(&mut self, order: &Order) {
        for worker in &mut self.workers {
            worker.order(order).await;
        }
    }

    /// Whether this comes to hold in time.
    async fn until(&self, patience: Duration, holds: impl Fn(&Ledger) -> bool) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if holds(&self.stage.ledger()) {
                return true;
            }
            pause(20).await;
        }
        false
    }

    /// Judges the sessions that said they have ended, and signs in again.
    async fn hear(&mut self) -> Result {
        let claims = std::mem::take(&mut self.stage.ledger().claims);
        if claims.is_empty() {
            return Ok(());
        }
        // What speaks against the proof may have been said, and not been read yet.
        self.pings += 1;
        let number = self.pings;
        self.order(&Order::Ping(number)).await;
        let ports: Vec<_> = self.workers.iter().map(|worker| worker.port).collect();
        let answered = |ledger: &Ledger| {
            ports.iter().all(|port| {
                ledger.pongs.get(port).is_some_and(|pong| *pong >= number)
                    || ledger.processes[port].killed_at.is_some()
            })
        };
        if !self.until(PATIENCE, answered).await {
            return Err("a worker does not answer any more".into());
        }
        for claim in claims {
            let heard = |ledger: &Ledger| verdict::witness(ledger, &claim).is_none();
            if !self.until(PATIENCE, heard).await {
                return Err("a process that was killed still speaks".into());
            }
            let grace = self.plan.grace;
            let verdict = verdict::judge(&mut self.stage.ledger(), &claim, grace);
            let Some(verdict) = verdict else { continue };
            println!("   {}: {verdict}", USERS[claim.user]);
            match verdict {
                Verdict::WithProcess { .. } => self.sum.with_process += 1,
                Verdict::Lost(_) => self.sum.lost += 1,
            }
            self.sign_in(claim.user).await?;
        }
        Ok(())
    }

    /// Ends the faults, and sees whether everybody is well.
    async fn finish(&mut self) -> Result {
        *lock(&self.stage.trap) = None;
        self.calm();
        // What was set a while ago may still strike.
        pause(50).await;
        self.replace_the_dead().await?;
        self.order(&Order::Finish).await;
        let begin = Instant::now();
        let all = PROCESSES * USERS.len();
        while self.stage.ledger().settled.len() < all && begin.elapsed() < SETTLING {
            self.hear().await?;
            pause(50).await;
        }
        self.hear().await?;
        for Worker { port, stdin } in self.workers.drain(..) {
            drop(stdin);
            let child = lock(&self.stage.children).remove(&port);
            let Some(mut child) = child else { continue };
            let ended = tokio::time::timeout(Duration::from_secs(5), child.wait()).await;
            if ended.is_err() {
                println!("   process {port} did not end with its input");
                self.sum.unwell += 1;
                child.kill().await?;
            }
        }
        Ok(())
    }

    fn sum_up(&self, took: Duration) -> bool {
        let ledger = self.stage.ledger();
        let (sum, tally) = (&self.sum, &ledger.tally);
        let all = PROCESSES * USERS.len();
        let unwell = all - ledger.settled.values().filter(|p| p.is_none()).count();
        for ((port, user), problem) in &ledger.settled {
            if let Some(problem) = problem {
                println!("   process {port}, {}: {problem}", USERS[*user]);
            }
        }
        for (error, count) in &ledger.odd {
            println!("   {count} times {error}");
        }
        for what in &ledger.wrong_user {
            println!("   WRONG USER: {what}");
        }
        println!(
            "   {:.0} s: {} tokens handed out, {} API calls answered, {} passing errors, {} calls cancelled, {} sessions restored",
            took.as_secs_f64(),
            tally.handed,
            tally.api,
            tally.passing,
            tally.cancelled,
            tally.restored
        );
        println!(
            "   refreshes asked for {}, made {} (refused {})",
            tally.asked, ledger.made, ledger.refused
        );
        let faults: Vec<_> = sum
            .faults
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        println!(
            "   faults injected {}: {}",
            sum.faults.values().sum::<u64>(),
            faults.join(", ")
        );
        println!(
            "   processes killed {}, time jumps {}, signing keys rotated {}",
            sum.kills, sum.jumps, sum.key_rotations
        );
        println!(
            "   sessions ended with a killed process {} (no grace makes that unavoidable; each is proved)",
            sum.with_process
        );
        println!(
            "   sessions lost: {}, tokens of the wrong user: {}, not well at the end: {}",
            sum.lost,
            ledger.wrong_user.len(),
            unwell + usize::try_from(sum.unwell).unwrap_or(usize::MAX)
        );
        let happened = ledger.made > 0 && sum.kills > 0 && tally.api > 0 && sum.jumps > 0;
        happened && sum.lost == 0 && ledger.wrong_user.is_empty() && unwell == 0 && sum.unwell == 0
    }
}

impl Worker {
    async fn order(&mut self, order: &Order) {
        let mut line = serde_json::to_vec(order).expect("plain data always serialises");
        line.push(b'\n');
        // One that is dead is found out when it is to be killed, or at the end.
        drop(self.stdin.write_all(&line).await);
    }
}

/// Cognito's client ids are letters and digits.
fn client_of(user: &str) -> String {
    format!("chaos{user}")
}
