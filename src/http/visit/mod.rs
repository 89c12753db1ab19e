//! The pages over HTTP: who may see them, what they read, what is done from them.

mod acts;
mod answer;
pub mod door;
mod events;
mod public;
mod reads;
pub(crate) mod routes;
mod session;
mod sign_in;
pub(crate) mod visitor;

pub use public::router as public_router;
