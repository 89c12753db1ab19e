//! What containers say, tried with anything.

use super::lines::Lines;

fn read(pieces: &[&[u8]]) -> Vec<String> {
    let (mut lines, mut said) = (Lines::default(), Vec::new());
    for piece in pieces {
        lines.take(piece, |line| said.push(line.to_owned()));
    }
    lines.end(|line| said.push(line.to_owned()));
    said
}

/// Lines are the same however they come.
pub(crate) fn lines(pieces: &[&[u8]]) {
    assert_eq!(read(&[&pieces.concat()]), read(pieces));
}
