//! What was measured, as people read it.

use std::fs;
use std::process::Command;

use crate::process::{Result, output};

/// One quantity, measured several times.
pub(super) struct Series {
    name: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

impl Series {
    pub(super) fn new(name: &'static str, unit: &'static str) -> Self {
        Self {
            name,
            unit,
            values: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, value: f64) {
        self.values.push(value);
    }

    /// The figure of a turn, if that had one.
    pub(super) fn extend(&mut self, value: Option<f64>) {
        self.values.extend(value);
    }

    pub(super) fn min(&self) -> f64 {
        self.values.iter().copied().fold(f64::NAN, f64::min)
    }

    pub(super) fn max(&self) -> f64 {
        self.values.iter().copied().fold(f64::NAN, f64::max)
    }

    pub(super) fn median(&self) -> f64 {
        median(self.values.clone())
    }

    /// How many times the peer's, turn by turn: a machine that was busy was so for both.
    pub(super) fn times(&self, peer: &Self) -> f64 {
        let turns = self.values.iter().zip(&peer.values);
        median(turns.map(|(ours, theirs)| ours / theirs).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        Some(value) if values.len() % 2 == 1 => *value,
        Some(value) => f64::midpoint(values[middle - 1], *value),
        None => f64::NAN,
    }
}

pub(super) fn table(what: &str, series: &[&Series]) {
    println!("\n{what:<49} runs       min    median       max");
    for one in series {
        println!(
            "  {:<46} {:>5} {:>9.2} {:>9.2} {:>9.2} {}",
            one.name,
            one.values.len(),
            one.min(),
            one.median(),
            one.max(),
            one.unit,
        );
    }
}

/// Says how a figure stands to its limit; an error when it is broken, or no figure at all.
pub(super) fn limit(what: &str, figure: f64, limit: f64, unit: &str) -> Result {
    let line = format!("{what}: {figure:.2}{unit}, limit {limit:.2}{unit}");
    println!("  {line}");
    if figure <= limit {
        Ok(())
    } else {
        Err(line.into())
    }
}

/// As [`limit`], for what must not be less.
pub(super) fn at_least(what: &str, figure: f64, limit: f64) -> Result {
    let line = format!("{what}: {figure:.2}, at least {limit:.2}");
    println!("  {line}");
    if figure >= limit {
        Ok(())
    } else {
        Err(line.into())
    }
}

/// The machine and the moment, for whoever compares figures.
pub(super) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str, separator| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(
            line.split_once(separator)?
                .1
                .trim()
                .trim_matches('"')
                .to_owned(),
        )
    };
    let said = |program: &str, words: &[&str]| {
        output(Command::new(program).args(words)).unwrap_or_else(|_| "?".into())
    };
    let unknown = || "?".to_owned();
    let memory = value(&read("/proc/meminfo"), "MemTotal", ':')
        .and_then(|kib| kib.trim_end_matches(" kB").parse::<f64>().ok())
        .map_or_else(unknown, |kib| format!("{:.0} GiB", kib / 1024. / 1024.));
    format!(
        "machine  {} cores of {}, {memory}\nsystem   {}, Linux {}, WebKitGTK {}\nwhen     {} at {}, load {}",
        std::thread::available_parallelism().map_or(0, usize::from),
        value(&read("/proc/cpuinfo"), "model name", ':').unwrap_or_else(unknown),
        value(&read("/etc/os-release"), "PRETTY_NAME", '=').unwrap_or_else(unknown),
        said("uname", &["-r"]),
        said("pkg-config", &["--modversion", "webkit2gtk-4.1"]),
        said("date", &["-u", "+%F %R"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
        read("/proc/loadavg").split(' ').next().unwrap_or("?"),
    )
}
