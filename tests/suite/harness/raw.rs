//! An HTTP/1.1 client that hides nothing: one socket, no retry, no reconnect.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection.
pub(crate) struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer as it came over the socket.
#[derive(Debug, Clone)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl RawAnswer {
    /// A header, by its lower-case name; several lines are joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.headers.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Raw {
    /// Connects.
    pub(crate) async fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Sends a request with these header lines, and reads its answer.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, lines: &[&str], body: &[u8]) -> io::Result<RawAnswer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        for line in lines {
            head.push_str(line);
            head.push_str("\r\n");
        }
        if !lines.iter().any(|line| line.to_ascii_lowercase().starts_with("host:")) {
            head.push_str("host: shop.example\r\n");
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        self.send([head.as_bytes(), body].concat()).await?;
        if method == "HEAD" { self.head().await } else { self.answer().await }
    }

    /// Reads one answer, its body included.
    pub(crate) async fn answer(&mut self) -> io::Result<RawAnswer> {
        let mut answer = self.head().await?;
        if answer.header("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            self.chunks(&mut answer).await?;
        } else if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().map_err(io::Error::other)?;
            answer.body = self.take(length).await?;
        }
        Ok(answer)
    }

    /// Reads the header of one answer.
    pub(crate) async fn head(&mut self) -> io::Result<RawAnswer> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not an answer: {first}")))?;
        let headers = self.fields().await?;
        Ok(RawAnswer { status, headers, body: Vec::new(), trailers: Vec::new() })
    }

    async fn chunks(&mut self, answer: &mut RawAnswer) -> io::Result<()> {
        loop {
            let line = self.line().await?;
            let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            if length == 0 {
                answer.trailers = self.fields().await?;
                return Ok(());
            }
            let chunk = self.take(length).await?;
            answer.body.extend_from_slice(&chunk);
            self.line().await?;
        }
    }

    async fn fields(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut fields = Vec::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { return Ok(fields) };
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads one line.
    pub(crate) async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.more().await?;
        }
    }

    /// Reads so many bytes.
    pub(crate) async fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            self.more().await?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    async fn more(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.unread.extend_from_slice(&piece[..read]);
                Ok(())
            }
        }
    }

    /// Whether the other side has closed, or has sent what nobody asked for.
    pub(crate) fn is_over(&mut self) -> bool {
        let mut piece = [0; 1];
        !matches!(self.stream.try_read(&mut piece), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Waits until the other side has closed.
    pub(crate) async fn closed(&mut self) -> io::Result<()> {
        loop {
            match self.more().await {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
