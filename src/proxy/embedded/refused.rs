//! Why a request is answered in our own words: by trouble, or on purpose.

use hyper::StatusCode;

use super::said::Said;
use super::trouble::Trouble;
use crate::domain::colour::Colour;

/// How long whoever meets maintenance is asked to wait, in seconds.
const RETRY_AFTER_MAINTENANCE: u32 = 60;

/// Why the app was not asked, or has not answered.
#[derive(Debug)]
pub(super) enum Refused {
    /// Something went wrong.
    Trouble(Trouble),
    /// There is maintenance, and this is what it says.
    Maintenance(String),
    /// There is maintenance, and the health path is answered with 200.
    Well,
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Refused {
    /// The label of the metric.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Trouble(trouble) => trouble.reason(),
            Self::Maintenance(_) | Self::Well => "maintenance",
        }
    }

    /// Whether it is the colour's own trouble.
    pub(super) fn is_colours(&self) -> bool {
        match self {
            Self::Trouble(trouble) => trouble.is_colours(),
            Self::Maintenance(_) | Self::Well => false,
        }
    }

    /// What the client is told.
    pub(super) fn said(self, colour: Option<Colour>) -> Said {
        match self {
            Self::Trouble(trouble) => trouble.said(colour),
            Self::Maintenance(message) => Said {
                status: StatusCode::SERVICE_UNAVAILABLE,
                words: if message.is_empty() { "maintenance: back soon".to_owned() } else { message },
                retry_after: Some(RETRY_AFTER_MAINTENANCE),
                page: Some("maintenance"),
            },
            Self::Well => Said { status: StatusCode::OK, words: "maintenance".to_owned(), retry_after: None, page: None },
        }
    }
}
