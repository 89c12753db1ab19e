//! A real Docker engine for the stories, in a network namespace of its own, with our own images and the demo app's.

mod demo;
mod images;
mod nodes;
mod shared;
mod stage;
mod stand_ins;
mod supervised;

pub(crate) use demo::{Demo, LAST_WORDS};
pub(crate) use nodes::Nodes;
pub(crate) use stage::Stage;
