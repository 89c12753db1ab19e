//! Requests at an even rate over connections that are kept open, and how long each took since it was due, whether or not the one before it
//! was late: nothing that waits behind a slow answer is left out.
//!
//!     steady HOST:PORT PATH RATE SECONDS CONNECTIONS
//!
//! Prints microseconds as JSON. Made of the standard library alone, so that `rustc -O` builds it in a second.
#![expect(clippy::disallowed_methods, reason = "it is built without the crate, and so without its clock")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "that is how it tells")]

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

/// A thread does little but wait.
const STACK: usize = 128 * 1024;

/// What is sent.
#[derive(Clone)]
struct Plan {
    address: String,
    request: String,
    /// Between two requests of one connection.
    every: Duration,
    /// Of one connection.
    count: u32,
    connections: u32,
}

impl Plan {
    fn of(words: &[String]) -> Option<Self> {
        let [address, path, rate, seconds, connections] = words else { return None };
        let (rate, seconds, connections): (f64, f64, u32) = (number(rate)?, number(seconds)?, number(connections)?);
        let every = Duration::from_secs_f64(f64::from(connections) / rate);
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: steady\r\n\r\n");
        let count = (seconds / every.as_secs_f64()) as u32;
        Some(Self { address: address.clone(), request, every, count, connections })
    }
}

fn number<T: FromStr>(word: &str) -> Option<T> {
    word.parse().ok()
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let Some(plan) = Plan::of(&words) else {
        eprintln!("usage: steady HOST:PORT PATH RATE SECONDS CONNECTIONS");
        return ExitCode::from(2);
    };
    match run(&plan) {
        Ok(took) => {
            tell(took);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Sends everything, and hands back how long each request took since it was due.
fn run(plan: &Plan) -> io::Result<Vec<Duration>> {
    let streams = (0..plan.connections).map(|_| TcpStream::connect(&plan.address)).collect::<io::Result<Vec<_>>>()?;
    // By then every thread is there.
    let began = Instant::now() + Duration::from_millis(200);
    let mut threads = Vec::new();
    for (number, stream) in (0..).zip(streams) {
        let first = began + plan.every * number / plan.connections;
        let plan = plan.clone();
        threads.push(thread::Builder::new().stack_size(STACK).spawn(move || converse(&stream, &plan, first))?);
    }
    let mut all = Vec::new();
    for thread in threads {
        all.extend(thread.join().map_err(|_| io::Error::other("a thread has panicked"))??);
    }
    Ok(all)
}

fn converse(mut stream: &TcpStream, plan: &Plan, first: Instant) -> io::Result<Vec<Duration>> {
    stream.set_nodelay(true)?;
    let mut took = Vec::with_capacity(plan.count as usize);
    let mut buffer = Vec::with_capacity(4096);
    for number in 0..plan.count {
        let due = first + plan.every * number;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(plan.request.as_bytes())?;
        answer(stream, &mut buffer)?;
        took.push(due.elapsed());
    }
    Ok(took)
}

/// Reads one whole answer, which has to say 200.
fn answer(mut stream: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::Error::other("the connection was closed"));
        }
        buffer.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(buffer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").and_then(number));
        if body.len() >= length.unwrap_or(0) {
            return if head.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(io::Error::other(head.to_owned())) };
        }
    }
}

fn tell(mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() as f64 * share) as usize).min(took.len() - 1)].as_micros();
    println!(
        "{{\"requests\": {}, \"p50\": {}, \"p90\": {}, \"p99\": {}, \"p999\": {}, \"max\": {}}}",
        took.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
