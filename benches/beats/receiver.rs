//! A webhook's receiver, which keeps when the first byte of each notice came.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allswell::clock;
use allswell::domain::moment::Moment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Which check was told when.
type Told = Arc<Mutex<Vec<(String, Moment)>>>;

/// It.
pub(crate) struct Receiver {
    url: String,
    told: Told,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let told = Told::default();
        let keeping = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&keeping)));
            }
        });
        Self { url, told }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// How long after its deadline each of these was told; of those that were told.
    pub(crate) fn delays(&self, deadlines: &[(String, Moment)]) -> Vec<Duration> {
        let told = self.told.lock().unwrap();
        let delay = |(name, deadline): &(String, Moment)| {
            let at = told.iter().find(|(check, _)| check == name)?.1;
            assert!(at >= *deadline, "{name} was told before its deadline");
            Some(at.since(*deadline))
        };
        deadlines.iter().filter_map(delay).collect()
    }
}

/// Takes one notice after the other.
async fn receive(mut stream: TcpStream, told: Told) {
    let mut buffer = Vec::new();
    loop {
        if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
            return;
        }
        let at = clock::now();
        let body = loop {
            let text = String::from_utf8_lossy(&buffer).into_owned();
            let length =
                text.to_ascii_lowercase().split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
            if let (Some(body), Some(length)) = (body, length)
                && body.len() >= length
            {
                break body;
            }
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        };
        buffer.clear();
        let notice: serde_json::Value = serde_json::from_str(&body).unwrap();
        told.lock().unwrap().push((notice["data"]["check"].as_str().unwrap_or_default().to_owned(), at));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    }
}
