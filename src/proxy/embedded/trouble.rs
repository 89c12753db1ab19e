//! What goes wrong between client and app, told apart.

use std::time::Duration;

use hyper::StatusCode;

use super::said::Said;
use crate::domain::colour::Colour;
use crate::proxy::Size;

/// Why the proxy answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody listens there.
    Refused,
    /// No way there.
    Unreachable,
    /// The connection broke before the answer.
    Broken,
    /// It answers something that is no HTTP, or whose framing is ambiguous.
    BadAnswer,
    /// The colour was cut.
    Cut,
    /// No colour is live.
    Undefined,
    /// We have no descriptor left for a connection to the app.
    NoDescriptor,
    /// The colour's name does not resolve.
    NoAddress,
    /// It does not take the connection.
    ConnectTimeout(Duration),
    /// It does not answer.
    AnswerTimeout(Duration),
    /// The client has stopped sending its request.
    ClientTimeout,
    /// The client's body broke off or is malformed.
    BadBody,
    /// The client's body is larger than allowed.
    TooLarge(Size),
    /// The request's header is larger than allowed.
    HeaderTooLarge(Size),
    /// Its target is longer than any that is read.
    TargetTooLong,
    /// It is no request.
    Malformed,
    /// Requests are held, and this one has waited for too long.
    HeldTooLong(Duration),
    /// Requests are held, and too many wait.
    HeldTooMany,
    /// No `Host`, or several, or none that could be one.
    NoHost,
    /// The target is of a form that its method does not have.
    BadTarget,
    /// A transfer coding other than chunked.
    BadCoding,
    /// `CONNECT`.
    NoTunnel,
}

impl Trouble {
    /// The status code.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Refused | Self::Unreachable | Self::Broken | Self::BadAnswer | Self::Cut => StatusCode::BAD_GATEWAY,
            Self::Undefined | Self::NoDescriptor | Self::NoAddress | Self::HeldTooLong(_) | Self::HeldTooMany => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::ConnectTimeout(_) | Self::AnswerTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::ClientTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeaderTooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Malformed | Self::BadBody | Self::NoHost | Self::BadTarget => StatusCode::BAD_REQUEST,
            Self::BadCoding | Self::NoTunnel => StatusCode::NOT_IMPLEMENTED,
        }
    }

    /// Whether it is the colour's own: its app cannot be reached, or does not answer as it should. In everything else the app has no part.
    pub(super) fn is_colours(self) -> bool {
        match self {
            Self::Refused
            | Self::Unreachable
            | Self::Broken
            | Self::BadAnswer
            | Self::NoAddress
            | Self::ConnectTimeout(_)
            | Self::AnswerTimeout(_) => true,
            Self::Cut
            | Self::Undefined
            | Self::NoDescriptor
            | Self::ClientTimeout
            | Self::BadBody
            | Self::TooLarge(_)
            | Self::HeaderTooLarge(_)
            | Self::TargetTooLong
            | Self::Malformed
            | Self::HeldTooLong(_)
            | Self::HeldTooMany
            | Self::NoHost
            | Self::BadTarget
            | Self::BadCoding
            | Self::NoTunnel => false,
        }
    }

    /// In how many seconds another try makes sense.
    fn retry_after(self) -> Option<u32> {
        (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1)
    }

    /// What the client is told.
    pub(super) fn said(self, colour: Option<Colour>) -> Said {
        Said { status: self.status(), words: self.words(colour), retry_after: self.retry_after(), page: None }
    }

    /// The label of the metric.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::BadAnswer => "bad_answer",
            Self::Cut => "cut",
            Self::Undefined => "undefined",
            Self::NoDescriptor => "no_descriptor",
            Self::NoAddress => "no_address",
            Self::ConnectTimeout(_) => "connect_timeout",
            Self::AnswerTimeout(_) => "answer_timeout",
            Self::ClientTimeout => "client_timeout",
            Self::TooLarge(_) => "too_large",
            Self::HeldTooLong(_) | Self::HeldTooMany => "held",
            Self::HeaderTooLarge(_) | Self::TargetTooLong => "header_too_large",
            Self::Malformed | Self::BadBody | Self::NoHost | Self::BadTarget | Self::BadCoding | Self::NoTunnel => "bad_request",
        }
    }

    /// In words, without addresses: the public reads it.
    fn words(self, colour: Option<Colour>) -> String {
        let colour = colour.map_or("the app", Colour::as_str);
        match self {
            Self::Refused => format!("{colour} refuses connections"),
            Self::Unreachable => format!("{colour} cannot be reached"),
            Self::Broken => format!("{colour} broke the connection before it answered"),
            Self::BadAnswer => format!("{colour} answered what is no HTTP/1.1"),
            Self::Cut => format!("{colour} was told to end what was still running"),
            Self::Undefined => "no colour is live: the proxy's state is undefined".to_owned(),
            Self::NoDescriptor => "the proxy has no room for another connection: try again".to_owned(),
            Self::NoAddress => format!("{colour} has no address"),
            Self::ConnectTimeout(limit) => format!("{colour} did not take the connection within {limit:?}"),
            Self::AnswerTimeout(limit) => format!("{colour} did not answer within {limit:?}"),
            Self::ClientTimeout => "the request's body did not arrive".to_owned(),
            Self::TooLarge(limit) => format!("the request's body is larger than {limit}"),
            Self::HeaderTooLarge(limit) => format!("the request's header is larger than {limit}"),
            Self::TargetTooLong => "the request's target is too long".to_owned(),
            Self::Malformed => "this is no request of HTTP/1.1".to_owned(),
            Self::HeldTooLong(limit) => format!("requests are held, and this one was for {limit:?}: try again"),
            Self::HeldTooMany => "requests are held, and too many wait: try again".to_owned(),
            Self::BadBody => "the request's body broke off".to_owned(),
            Self::NoHost => "a request needs one Host, and a valid one".to_owned(),
            Self::BadTarget => "the request's target is neither a path nor a URL of http or https".to_owned(),
            Self::BadCoding => "of transfer codings this proxy knows chunked alone".to_owned(),
            Self::NoTunnel => "CONNECT is not for this proxy".to_owned(),
        }
    }
}
