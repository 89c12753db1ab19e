//! The status page, drawn on the server. It shows; it does not act on the cluster.

mod advice;
pub mod assets;
mod badge;
mod bars;
mod check;
mod checks;
mod colours;
mod feed;
mod frame;
mod incident;
mod incidents;
mod line;
mod overview;
mod parts;
mod public;
mod sign_in;
mod switches;
mod told;
mod trouble;
mod words;

pub use badge::badge as svg_badge;
pub use check::draw as check;
pub use checks::draw as checks;
pub use feed::rss;
pub use frame::{Frame, Place, Who};
pub use incident::draw as incident;
pub use incidents::draw as incidents;
pub use overview::draw as overview;
pub use public::draw as public;
pub use sign_in::draw as sign_in;
pub use switches::draw as switches;
pub use trouble::draw as trouble;
