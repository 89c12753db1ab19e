//! Fifty shifts under load, whoever orders them.

use std::sync::Arc;
use std::time::Duration;

use allswell::domain::colour::Colour;
use allswell::proxy::control::ProxyControl;

use super::app::App;
use super::clients::Crowd;
use super::marks::Marks;
use super::wait::{eventually, within};

/// A live listener, both apps behind it, and the proxy's own word for what they have to do.
pub(crate) struct Stand {
    pub(crate) live: String,
    pub(crate) marks: Arc<Marks>,
    pub(crate) apps: [App; 2],
    pub(crate) control: ProxyControl,
}

impl Stand {
    /// The app of a colour.
    pub(crate) fn app(&self, colour: Colour) -> &App {
        &self.apps[usize::from(colour == Colour::Green)]
    }

    /// Has `shift` make the other colour live fifty times while 32 clients ask and 4 WebSockets talk. It marks order and
    /// acknowledgement, and says when the latter came, in elapsed time.
    ///
    /// # Panics
    /// Where a request failed, a connection was closed, or a request sent after an acknowledgement reached the old colour.
    pub(crate) async fn fifty_shifts(&self, mut shift: impl AsyncFnMut(Colour, u64) -> Duration) {
        let crowd = Crowd::start(&self.live, &self.marks, 32, 4);
        let mut shifted = Vec::new();
        let mut drained_at = Some(self.app(Colour::Green).seen.arrivals());
        for number in 1..=50 {
            let (old, new) = if number % 2 == 1 { (Colour::Blue, Colour::Green) } else { (Colour::Green, Colour::Blue) };
            let before = crowd.answers();
            eventually("requests are under way on the colour that is live", || async {
                (crowd.answers() > before + 100 && self.app(old).seen.working() >= 4).then_some(())
            })
            .await;
            if let Some(arrivals) = drained_at.take() {
                let seen = self.app(new).seen.arrivals();
                assert_eq!(seen, arrivals, "nothing arrives at {new} once it has drained, until it is live again");
            }
            shifted.push(shift(new, number).await);
            let since = crowd.answers();
            eventually("requests go on over the shift", || async { (crowd.answers() > since + 100).then_some(()) }).await;
            if number % 4 == 0 {
                drained_at = Some(self.drained(old).await);
            }
        }
        let tally = crowd.end().await;
        assert_eq!(tally.failed, [""; 0]);
        assert_eq!(tally.closed, [""; 0]);
        assert_eq!(tally.strays, [""; 0]);
        let fewest = shifted.iter().map(|at| tally.around(*at)).min().unwrap_or(0);
        let (answered, echoes) = (tally.answered.len(), tally.echoes);
        eprintln!(
            "50 shifts: {answered} answers, {echoes} WebSocket messages echoed, {fewest} answers at least in the second around a shift"
        );
        assert!(tally.echoes > 500, "{} messages echoed", tally.echoes);
    }

    /// Waits until nothing is in flight on the old colour; says how many requests had arrived there by then.
    async fn drained(&self, old: Colour) -> u64 {
        within(Duration::from_secs(10), "the old colour drains", || async {
            let state = self.control.state().await.expect("a state");
            (state.load(old).in_flight == 0).then(|| self.app(old).seen.arrivals())
        })
        .await
    }
}
