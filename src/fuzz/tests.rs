use std::panic::catch_unwind;
use std::path::PathBuf;

use super::*;

/// So often each target is tried with something that nobody has written.
const ROUNDS: u64 = 400;
/// What is put in: where parsers decide something.
const WORDS: [&[u8]; 24] = [
    b"\r\n",
    b"\0",
    b"0",
    b"18446744073709551616",
    b"-1",
    b"\xff\xff",
    b"\"",
    b"{",
    b"[[",
    b",",
    b":",
    b"/",
    b"*",
    b"/0",
    b"..",
    b"~",
    b"#",
    b"L",
    b"%00",
    b"\xf0\x9f\x94\xa5",
    b"\xed\xa0\x80",
    b"9999-12-31",
    b"e999",
    b"  ",
];

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// `SplitMix64`: the same on every machine.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    usize::try_from((mixed ^ (mixed >> 27)) >> 8).unwrap()
}

/// One of the corpus, changed in a few places.
fn changed(seeds: &[(PathBuf, Vec<u8>)], state: &mut u64) -> Vec<u8> {
    let mut data = seeds[next(state) % seeds.len()].1.clone();
    for _ in 0..=next(state) % 6 {
        let at = next(state) % (data.len() + 1);
        match next(state) % 6 {
            0 if at < data.len() => data[at] ^= 1 << (next(state) % 8),
            1 if at < data.len() => data[at] = u8::try_from(next(state) % 256).unwrap(),
            2 => data.truncate(at),
            3 => drop(data.drain(at..(at + next(state) % 8).min(data.len()))),
            4 => {
                let other = &seeds[next(state) % seeds.len()].1;
                data.extend_from_slice(&other[next(state) % (other.len() + 1)..]);
            }
            _ => drop(data.splice(at..at, WORDS[next(state) % WORDS.len()].iter().copied())),
        }
    }
    data
}

#[test]
fn every_corpus_holds() {
    for (name, target) in TARGETS {
        let seeds = corpus(name);
        assert!(seeds.len() >= 3, "{name} has too small a corpus");
        for (path, data) in seeds {
            assert!(catch_unwind(|| target(&data)).is_ok(), "{}", path.display());
        }
    }
}

/// `ALLSWELL_FUZZ_ROUNDS=1000000 cargo test --release fuzz` tries as often as asked.
#[test]
fn whatever_is_made_of_a_corpus_holds_as_well() {
    let rounds = std::env::var("ALLSWELL_FUZZ_ROUNDS").ok().map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    for (name, target) in TARGETS {
        let (seeds, mut state) = (corpus(name), 7);
        for _ in 0..rounds {
            let data = changed(&seeds, &mut state);
            assert!(catch_unwind(|| target(&data)).is_ok(), "{name}: {:?} is to be put into its corpus", String::from_utf8_lossy(&data));
        }
    }
}

#[test]
fn every_target_can_be_run_by_cargo_fuzz() {
    let manifest = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is missing in fuzz/Cargo.toml");
    }
}
