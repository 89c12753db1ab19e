//! What has been ordered and what has been acknowledged: by it an app and a client judge where a request belonged.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use allswell::domain::colour::Colour;

/// Shifts, counted. Number 0 is what is live at the start.
pub(crate) struct Marks {
    ordered: AtomicU64,
    acknowledged: AtomicU64,
    colours: Mutex<Vec<Colour>>,
}

impl Marks {
    /// With the colour that is live at the start.
    pub(crate) fn new(live: Colour) -> Self {
        Self { ordered: AtomicU64::new(0), acknowledged: AtomicU64::new(0), colours: Mutex::new(vec![live]) }
    }

    /// Call it before a shift is ordered.
    pub(crate) fn order(&self, to: Colour) {
        let mut colours = self.colours.lock().expect("marks");
        colours.push(to);
        self.ordered.store(colours.len() as u64 - 1, Ordering::SeqCst);
    }

    /// Call it after the shift ordered last was acknowledged.
    pub(crate) fn acknowledge(&self) {
        self.acknowledged.store(self.ordered(), Ordering::SeqCst);
    }

    /// How many were ordered.
    pub(crate) fn ordered(&self) -> u64 {
        self.ordered.load(Ordering::SeqCst)
    }

    /// How many were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Where a request belonged that was sent after `acknowledged` shifts had been acknowledged, and that arrived when `ordered`
    /// had been ordered. None where a shift was under way: either is right.
    pub(crate) fn only_right_colour(&self, acknowledged: u64, ordered: u64) -> Option<Colour> {
        let colours = self.colours.lock().expect("marks");
        (acknowledged == ordered).then(|| usize::try_from(ordered).ok().and_then(|number| colours.get(number).copied())).flatten()
    }
}
