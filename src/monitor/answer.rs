//! What comes of a beat, and the way there of who waits for it. Tasks of one runtime get theirs together: a commit wakes that runtime once, and not
//! once for each of its beats.

use std::borrow::Borrow;
use std::sync::LazyLock;

use prometheus::IntCounterVec;
use tokio::sync::{mpsc, oneshot};

use super::arrived::{Arrived, PING};
use super::skew;
use crate::domain::beat::Beat;
use crate::telemetry::metrics;

static STORED: LazyLock<IntCounterVec> = LazyLock::new(|| metrics::counter("allswell_beats_total"));

/// A beat is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// Now.
    Stored,
    /// Now, and its check with it.
    Created,
    /// It was there already; nothing has changed.
    Repeated,
}

/// Why a beat is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// Nothing of this name is expected.
    #[error("there is no check named \"{0}\"")]
    UnknownCheck(String),
    /// Somebody else's check has the name that this beat's check would have.
    #[error("there is another check named \"{0}\"")]
    NameTaken(String),
    /// As many checks as may be were made by their first beat.
    #[error("{0} checks were made by their first beat, and no more may be: raise pings.most_made, or name the check in the config")]
    TooMany(u32),
    /// The store refuses this row, and would again.
    #[error("the store refuses this beat: {0}")]
    Refused(String),
    /// The store does not work now.
    #[error("the store does not work: {0}")]
    Unavailable(String),
}

pub(super) type Answer = Result<Ack, IngestError>;

/// A beat whose sender waits. It is not copied on its way, and goes back with its answer: what one thread allocates and another frees costs both.
#[derive(Debug)]
pub(super) struct Waiting {
    arrived: Box<Arrived>,
    reply: oneshot::Sender<(Answer, Box<Arrived>)>,
    post: Option<Post>,
}

/// A beat with its answer.
type Answered = (Waiting, Answer);

/// Brings answers to tasks of one runtime.
#[derive(Debug, Clone)]
pub(super) struct Post(mpsc::UnboundedSender<Vec<Answered>>);

impl Post {
    /// For the runtime that this is called on, as long as it or a clone is kept.
    pub(super) fn here() -> Self {
        let (post, mut bags) = mpsc::unbounded_channel::<Vec<Answered>>();
        tokio::spawn(async move {
            while let Some(bag) = bags.recv().await {
                bag.into_iter().for_each(hand_over);
            }
        });
        Self(post)
    }

    /// Where the runtime has ended, nobody waits there any more.
    fn carry(&self, bag: Vec<Answered>) {
        if let Err(mpsc::error::SendError(bag)) = self.0.send(bag) {
            bag.into_iter().for_each(hand_over);
        }
    }
}

impl Borrow<Arrived> for Waiting {
    fn borrow(&self) -> &Arrived {
        &self.arrived
    }
}

impl Waiting {
    /// A beat and where its answer comes out; by the post where there is one.
    pub(super) fn new(arrived: Arrived, post: Option<Post>) -> (Self, oneshot::Receiver<(Answer, Box<Arrived>)>) {
        let (reply, answer) = oneshot::channel();
        (Self { arrived: Box::new(arrived), reply, post }, answer)
    }
}

/// Answers every beat of a commit.
pub(super) fn bring(answered: impl Iterator<Item = Answered>) {
    let mut bags: Vec<(Post, Vec<Answered>)> = Vec::new();
    for (mut waiting, answer) in answered {
        let Some(post) = waiting.post.take() else {
            hand_over((waiting, answer));
            continue;
        };
        match bags.iter_mut().find(|(known, _)| known.0.same_channel(&post.0)) {
            Some((_, bag)) => bag.push((waiting, answer)),
            None => bags.push((post, vec![(waiting, answer)])),
        }
    }
    for (post, bag) in bags {
        post.carry(bag);
    }
}

/// Only with it goes the arrival, and the sweep may look beyond it. A sender that has gone repeats its beat.
fn hand_over((Waiting { arrived, reply, .. }, answer): Answered) {
    if let Err((answer, arrived)) = reply.send((answer, arrived)) {
        count(&arrived, &answer);
    }
}

/// Counts a beat that is stored.
pub(super) fn count(arrived: &Arrived, answer: &Answer) {
    if matches!(answer, Ok(Ack::Stored | Ack::Created)) {
        let Beat { kind, identity, sent_at, .. } = &arrived.beat;
        STORED.with_label_values(&[kind.as_str()]).inc();
        // A ping has no clock of its own, and its sender is any address.
        if arrived.key_id != PING {
            skew::note(&identity.instance, *sent_at, arrived.arrival.at());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;
    use crate::domain::beat::{BeatKind, Identity};
    use crate::domain::moment::Moment;
    use crate::domain::sent::Sent;
    use crate::monitor::Arrivals;

    fn waiting(post: &Post) -> (Waiting, oneshot::Receiver<(Answer, Box<Arrived>)>) {
        let at = Moment::from_millis(0);
        let identity = Identity { instance: "one".into(), run: uuid::Uuid::nil(), sequence: 1 };
        let beat = Beat::new("job", BeatKind::Success, identity, at);
        let arrived = Arrived { key_id: "k".into(), beat, arrival: Arrivals::default().arrive(|| at), sent: Sent::default() };
        Waiting::new(arrived, Some(post.clone()))
    }

    #[tokio::test]
    async fn the_answers_of_a_commit_reach_the_tasks_of_every_runtime() {
        let elsewhere = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let there = elsewhere.spawn(async { Post::here() }).await.unwrap();
        let here = Post::here();
        let (beats, answers): (Vec<_>, Vec<_>) = [&here, &there, &here, &there].map(waiting).into_iter().unzip();
        bring(beats.into_iter().map(|beat| (beat, Ok(Ack::Stored))));
        for answer in answers {
            assert_eq!(answer.await.unwrap().0, Ok(Ack::Stored));
        }
        elsewhere.shutdown_background();
    }

    #[tokio::test]
    async fn a_beat_is_answered_though_the_runtime_that_has_the_post_is_gone() {
        let gone = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let post = gone.spawn(async { Post::here() }).await.unwrap();
        gone.shutdown_background();
        post.0.closed().await;
        let (beat, answer) = waiting(&post);
        bring(std::iter::once((beat, Ok(Ack::Repeated))));
        assert_eq!(answer.await.unwrap().0, Ok(Ack::Repeated));
    }
}
