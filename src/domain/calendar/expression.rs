//! What an expression says.

use super::field::Field;
use crate::domain::zone::Zone;

/// When a systemd timer elapses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// One bit a day, Monday the lowest; none set: any day.
    pub(super) weekdays: u8,
    pub(super) year: Field,
    pub(super) month: Field,
    pub(super) day: Field,
    /// Days are counted from the end of the month: 1 is the last.
    pub(super) from_end: bool,
    pub(super) hour: Field,
    pub(super) minute: Field,
    /// In microseconds.
    pub(super) second: Field,
    /// The one that the expression names.
    pub(super) zone: Option<Zone>,
}
