//! Room on the machine: most stories share it; one that counts what happens in a second has it alone.

use std::sync::{Condvar, Mutex};

/// How many share it now; -1 when somebody has it alone.
static HOLDERS: Mutex<i32> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();

/// A place among the running stories, until it is dropped.
pub(crate) struct Room {
    change: i32,
}

impl Room {
    /// Beside others.
    pub(crate) fn shared() -> Self {
        Self::take(|holders| holders >= 0, 1)
    }

    /// With nobody else.
    pub(crate) fn alone() -> Self {
        Self::take(|holders| holders == 0, -1)
    }

    fn take(free: impl Fn(i32) -> bool, change: i32) -> Self {
        let holders = HOLDERS.lock().expect("nobody panics holding it");
        let mut holders = CHANGED.wait_while(holders, |holders| !free(*holders)).expect("nobody panics holding it");
        *holders += change;
        Self { change }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *HOLDERS.lock().expect("nobody panics holding it") -= self.change;
        CHANGED.notify_all();
    }
}
