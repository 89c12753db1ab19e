//! What becomes of an alarm: acknowledged, reminded of, escalated, hushed, grouped.

mod acknowledged;
mod groups;
mod independent;
mod quiet;
mod reload;
mod stage;
mod threads;
mod truth;
