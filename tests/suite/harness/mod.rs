//! What every story needs: an address of its own, real processes that end with the test, and waiting for a condition.

mod app;
mod beats;
mod clients;
mod cluster;
mod command;
mod ear;
mod health_url;
mod host;
mod manner;
mod marks;
mod moody;
mod process;
mod raw;
<<<<<<< HEAD
mod room;
=======
mod scripted;
>>>>>>> prober
mod sender;
mod shifts;
mod sinks;
mod slack;
mod smtp;
pub(crate) mod system;
mod traffic;
mod wait;
mod webhook;

pub(crate) use app::{APP_COLOUR, App};
pub(crate) use beats::Beats;
pub(crate) use cluster::{Cluster, Lone, Pair};
pub(crate) use command::{allswell, command};
pub(crate) use ear::Ear;
pub(crate) use health_url::HealthUrl;
pub(crate) use host::Host;
pub(crate) use manner::Manner;
pub(crate) use marks::Marks;
pub(crate) use moody::Moody;
pub(crate) use process::Process;
<<<<<<< HEAD
pub(crate) use raw::{Raw, RawAnswer};
=======
pub(crate) use raw::Raw;
pub(crate) use scripted::{Script, Scripted};
>>>>>>> prober
pub(crate) use sender::Sender;
pub(crate) use shifts::Stand;
pub(crate) use sinks::Sinks;
pub(crate) use slack::Slack;
pub(crate) use smtp::{Demands, Smtp, mute};
pub(crate) use system::{EVERY, System};
pub(crate) use traffic::Traffic;
pub(crate) use wait::{eventually, within};
pub(crate) use webhook::Webhook;
