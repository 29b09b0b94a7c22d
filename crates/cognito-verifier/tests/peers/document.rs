//! `docs/verification.md` from the table and the verdicts.

use std::fmt::Write;

use crate::{
    Case, Peer,
    reasons::{REASONS, Reason},
};

pub(crate) fn render(table: &[Case], peers: &[Peer]) -> String {
    let mut document = include_str!("intro.md").to_owned();
    summary(&mut document, table, peers);
    let mut part = "";
    let mut used = vec![false; REASONS.len()];
    for (index, case) in table.iter().enumerate() {
        if case.part != part {
            part = case.part;
            write!(document, "\n## {part}\n\n| token | Keyfob |").unwrap();
            for peer in peers {
                write!(document, " {} |", peer.name).unwrap();
            }
            document += " |\n|---|---|";
            document += &"---|".repeat(peers.len() + 1);
            document.push('\n');
        }
        write!(document, "| {} | {} |", case.name, cell(case.ours)).unwrap();
        let mut differs = false;
        for peer in peers {
            let verdict = peer.verdicts[index].as_deref();
            let other = verdict.is_some() != case.ours.is_some();
            differs |= other;
            let cell = cell(verdict);
            write!(
                document,
                " {} |",
                if other { format!("**{cell}**") } else { cell }
            )
            .unwrap();
        }
        let reason = REASONS
            .iter()
            .position(|reason| reason.rows.contains(&case.name));
        match (differs, reason) {
            (false, _) => document += " |\n",
            (true, Some(reason)) => {
                used[reason] = true;
                writeln!(document, " [{0}](#reason-{0}) |", reason + 1).unwrap();
            }
            (true, None) => panic!(
                "tests/peers/reasons.rs does not explain {:?} ({part})",
                case.name
            ),
        }
    }
    document += "\n## The reasons\n\n";
    for (number, (Reason { text, .. }, used)) in REASONS.iter().zip(used).enumerate() {
        assert!(
            used,
            "tests/peers/reasons.rs explains a difference that is none: {text}"
        );
        // GitHub keeps the id of an empty anchor.
        let number = number + 1;
        writeln!(document, "{number}. <a id=\"reason-{number}\"></a>{text}").unwrap();
    }
    document.push('\n');
    document += include_str!("outro.md");
    document
}

fn cell(verdict: Option<&str>) -> String {
    verdict.map_or_else(|| "accepted".to_owned(), |refusal| format!("`{refusal}`"))
}

/// How often each library differs, and in which direction.
fn summary(document: &mut String, table: &[Case], peers: &[Peer]) {
    let refused = table.iter().filter(|case| case.ours.is_some()).count();
    writeln!(
        document,
        "| {} tokens | accepts of the {refused} we refuse | refuses of the {} we accept |\n|---|---|---|",
        table.len(),
        table.len() - refused
    )
    .unwrap();
    for peer in peers {
        let count = |ours: bool| {
            let rows = table.iter().zip(&peer.verdicts);
            rows.filter(|(case, theirs)| case.ours.is_none() == ours && theirs.is_none() != ours)
                .count()
        };
        writeln!(
            document,
            "| {} {} | {} | {} |",
            peer.name,
            peer.version,
            count(false),
            count(true)
        )
        .unwrap();
    }
}
