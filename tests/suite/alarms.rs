//! What becomes of an alarm: acknowledged, reminded of, escalated, hushed, grouped.

mod acknowledged;
mod quiet;
mod stage;
