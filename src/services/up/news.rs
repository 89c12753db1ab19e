//! What the watchers are to be told.

use crate::domain::colour::Colour;
use crate::domain::moment::Moment;

/// A process ended when nobody had asked it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) about: About,
    /// Its name.
    pub(super) name: String,
    /// In the user's words.
    pub(super) reason: String,
    pub(super) at: Moment,
}

/// Whose death it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum About {
    /// A part's: told as `up`'s own trouble.
    Part,
    /// An instance's: as grave as its colour is.
    App { colour: Colour, version: Option<String> },
}

/// One pass of the supervisor, which a beat vouches for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pass {
    pub(super) news: Vec<News>,
    /// What is not well now.
    pub(super) trouble: Option<String>,
    /// Made at the interval. One made early, because of news, vouches for nothing more than its news.
    pub(super) is_due: bool,
    /// The last one: everything ends as told.
    pub(super) bye: bool,
}
