//! A visitor of the live site, who comes all the time and counts what goes wrong.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::system::reqwest_client;

/// Asks the live site every 20 ms until it is dropped.
pub(crate) struct Traffic {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What the visitor saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) answered: u32,
    pub(crate) failed: Vec<String>,
}

impl Traffic {
    /// Comes to this URL.
    pub(crate) fn to(url: &str) -> Self {
        let (client, url, seen) = (reqwest_client(), url.to_owned(), Arc::<Mutex<Seen>>::default());
        let counted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let answer = client.get(&url).send().await;
                {
                    let mut seen = counted.lock().expect("no test panics here");
                    match answer {
                        Ok(answer) if answer.status().is_success() => seen.answered += 1,
                        Ok(answer) => seen.failed.push(answer.status().to_string()),
                        Err(error) => seen.failed.push(format!("{error:?}")),
                    }
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        Self { seen, task }
    }

    /// What was seen since the last time it was asked.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().expect("no test panics here"))
    }

    /// Every request since the last time was answered, and there were some.
    pub(crate) fn all_answered(&self) {
        let seen = self.take();
        assert!(seen.answered > 0, "nobody came");
        assert_eq!(seen.failed, Vec::<String>::new(), "of {} requests", seen.answered + 1);
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.task.abort();
    }
}
