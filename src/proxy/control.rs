//! The proxy's control socket, as whoever drives it sees it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::answers::BothAnswers;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::domain::switch::ProxyAnswer;
use crate::net::unix::{Lines, UnixError};

/// On answers to requests that carry the prober's token: the colour that answered.
pub const COLOUR_HEADER: &str = "x-allswell-colour";
/// On the same answers: the epoch under which the colour was claimed.
pub const EPOCH_HEADER: &str = "x-allswell-epoch";
/// On the prober's own requests: the token of `probe.token`. Never passed on to the app.
pub const TOKEN_HEADER: &str = "x-allswell-probe-token";

/// `GET /v1/state`, and the answer to every order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyState {
    /// The live colour; none is *undefined*: the state could not be read.
    pub live: Option<Colour>,
    /// The epoch of the last shift; 0 before the first.
    pub epoch: u64,
    /// Who asked for that shift, user and host; none where nobody has said so.
    #[serde(default)]
    pub by: Option<String>,
    /// What blue has to do.
    pub blue: Load,
    /// What green has to do.
    pub green: Load,
    /// What both have answered since the proxy's start; none where it does not count.
    #[serde(default)]
    pub answers: Option<BothAnswers>,
}

/// What a colour has to do now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Requests that have claimed the colour and are not finished, without streams.
    pub in_flight: u64,
    /// WebSockets, other upgraded connections, and event streams.
    pub streams: u64,
}

impl ProxyState {
    /// What a colour has to do.
    #[must_use]
    pub fn load(&self, colour: Colour) -> Load {
        match colour {
            Colour::Blue => self.blue,
            Colour::Green => self.green,
        }
    }
}

/// `POST /v1/shift`: from the moment of the answer no new request reaches the other colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftOrder {
    /// The colour to go live.
    pub to: Colour,
    /// Higher than the proxy's last one, or it is refused with 409.
    pub epoch: u64,
}

/// The same with who asks for it, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedShift {
    /// What is to be done.
    #[serde(flatten)]
    pub order: ShiftOrder,
    /// User and host; none where it is not known, or where an older command line does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// `POST /v1/cut`: ends what is still running on a colour that is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOrder {
    /// The colour.
    pub colour: Colour,
}

/// `POST /v1/reach`: tries every address of a colour now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachOrder {
    /// The colour.
    pub colour: Colour,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Addresses that took a connection.
    pub taken: Vec<String>,
    /// Addresses that took none. They are the last choice until they take one.
    pub failed: Vec<String>,
}

/// `POST /v1/hold`: keeps new requests waiting, or sends them to whatever is then live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldOrder {
    /// Keep them, or let them go.
    pub on: bool,
    /// Who asks: user and host.
    #[serde(default)]
    pub by: Option<String>,
}

/// `POST /v1/maintenance`: answers every visitor with 503 and this message; none ends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceOrder {
    /// What the page says.
    pub message: Option<String>,
    /// Who asks: user and host.
    #[serde(default)]
    pub by: Option<String>,
}

/// Since when a hold or maintenance stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Since then.
    pub since: Moment,
    /// Who has ordered it, user and host; none where nobody has said so.
    pub by: Option<String>,
}

/// `GET /v1/pauses`, and the answer to those two orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pauses {
    /// New requests are kept waiting.
    pub is_held: bool,
    /// So many wait.
    pub waiting: u32,
    /// What visitors are told, while there is maintenance.
    pub maintenance: Option<String>,
    /// Since when they wait, and who has ordered that; none where they do not.
    #[serde(default)]
    pub held: Option<Begun>,
    /// The same of maintenance; none where there is none, or where an older proxy began it.
    #[serde(default)]
    pub maintained: Option<Begun>,
}

/// Whether whoever orders still may: asked at most once, and last of all. Why not.
pub trait Permit: Future<Output = Result<(), String>> + Send {}

impl<F: Future<Output = Result<(), String>> + Send> Permit for F {}

/// Why the proxy did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody answers on the socket.
    #[error("the proxy does not answer on {0}: {1}")]
    Silent(PathBuf, String),
    /// A lower epoch than the proxy has seen: somebody else has switched meanwhile.
    #[error("the proxy refused: {0}")]
    Stale(String),
    /// It was not ordered after all: whoever orders has lost the lease meanwhile.
    #[error("{0}")]
    Withdrawn(String),
    /// Any other refusal.
    #[error("the proxy refused: {0}")]
    Refused(String),
    /// It may have been done or not, and it may still come: whoever orders has to find out.
    #[error("what the proxy does is not known: {0}")]
    Unknown(String),
}

/// The client of a proxy's control socket.
#[derive(Debug, Clone)]
pub struct ProxyControl {
    lines: Lines,
    limit: Duration,
}

impl ProxyControl {
    /// For the socket at this path; each call gives up after `limit`.
    #[must_use]
    pub fn new(socket: &Path, limit: Duration) -> Self {
        Self { lines: Lines::to(socket), limit }
    }

    /// The longest that an order takes, with the question of what stands that comes before it.
    #[must_use]
    pub fn longest_order(&self) -> Duration {
        self.limit * 2
    }

    /// What is live, and what each colour has to do.
    ///
    /// # Errors
    /// Where the proxy does not answer.
    pub async fn state(&self) -> Result<ProxyState, ControlError> {
        self.call(Method::GET, "/v1/state", None::<&()>).await
    }

    /// The same as recovery sees it.
    pub async fn answer(&self) -> ProxyAnswer {
        self.state().await.map_or(ProxyAnswer::Silent, |state| ProxyAnswer::Live(state.live))
    }

    /// Makes a colour live.
    ///
    /// # Errors
    /// Where the proxy does not answer, has seen a higher epoch, or cannot store the new state.
    pub async fn shift(&self, order: ShiftOrder) -> Result<ProxyState, ControlError> {
        self.shift_for(order, None).await
    }

    /// Makes a colour live for whoever asks for it.
    ///
    /// # Errors
    /// As [`ProxyControl::shift`].
    pub async fn shift_for(&self, order: ShiftOrder, by: Option<&str>) -> Result<ProxyState, ControlError> {
        self.call(Method::POST, "/v1/shift", Some(&SignedShift { order, by: by.map(str::to_owned) })).await
    }

    /// Ends what is still running on a colour that is not live.
    ///
    /// # Errors
    /// Where the proxy does not answer, or where the colour is live.
    pub async fn cut(&self, colour: Colour) -> Result<ProxyState, ControlError> {
        self.call(Method::POST, "/v1/cut", Some(&CutOrder { colour })).await
    }

    /// Which addresses of a colour take connections from the proxy now; its names are looked up again where none does.
    ///
    /// # Errors
    /// Where the proxy does not answer.
    pub async fn reach(&self, order: ReachOrder) -> Result<Reach, ControlError> {
        self.call(Method::POST, "/v1/reach", Some(&order)).await
    }

    /// Keeps new requests waiting, or lets them go on.
    ///
    /// # Errors
    /// Where the proxy does not answer.
    pub async fn hold(&self, order: &HoldOrder) -> Result<Pauses, ControlError> {
        self.call(Method::POST, "/v1/hold", Some(order)).await
    }

    /// Begins or ends maintenance.
    ///
    /// # Errors
    /// Where the proxy does not answer, or cannot store it.
    pub async fn maintenance(&self, order: &MaintenanceOrder) -> Result<Pauses, ControlError> {
        self.call(Method::POST, "/v1/maintenance", Some(order)).await
    }

    /// What keeps visitors from the app on purpose.
    ///
    /// # Errors
    /// Where the proxy does not answer.
    pub async fn pauses(&self) -> Result<Pauses, ControlError> {
        self.call(Method::GET, "/v1/pauses", None::<&()>).await
    }

    /// What is wrong with the proxy though it serves: a certificate that ends soon, a hold that was forgotten.
    ///
    /// # Errors
    /// Where the proxy does not answer.
    pub async fn warning(&self) -> Result<Option<String>, ControlError> {
        self.call(Method::GET, "/v1/warning", None::<&()>).await
    }

    async fn call<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<A, ControlError> {
        self.lines.request(method, path, body, self.limit).await.map_err(|error| match error {
            UnixError::Unreachable(why) => ControlError::Silent(self.lines.socket().to_owned(), why),
            UnixError::Refused(StatusCode::CONFLICT, why) => ControlError::Stale(why),
            UnixError::Refused(_, why) => ControlError::Refused(why),
        })
    }
}
