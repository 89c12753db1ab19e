//! What every story needs: an address of its own, real processes that end with the test, and waiting for a condition.

mod app;
mod beats;
mod clients;
mod cluster;
<<<<<<< HEAD
mod command;
mod ear;
mod fickle;
mod health_url;
=======
>>>>>>> prober
mod host;
mod manner;
mod marks;
mod moody;
mod process;
mod raw;
mod sender;
mod sinks;
mod slack;
mod smtp;
<<<<<<< HEAD
pub(crate) mod system;
mod traffic;
=======
>>>>>>> prober
mod wait;
mod webhook;

pub(crate) use app::{APP_COLOUR, App};
pub(crate) use beats::Beats;
pub(crate) use clients::Crowd;
pub(crate) use cluster::Cluster;
<<<<<<< HEAD
pub(crate) use command::{allswell, command};
pub(crate) use ear::Ear;
pub(crate) use health_url::HealthUrl;
=======
>>>>>>> prober
pub(crate) use host::Host;
pub(crate) use manner::Manner;
pub(crate) use marks::Marks;
pub(crate) use process::Process;
pub(crate) use raw::Raw;
pub(crate) use sender::Sender;
pub(crate) use sinks::Sinks;
pub(crate) use slack::Slack;
pub(crate) use smtp::{Demands, Smtp, mute};
<<<<<<< HEAD
pub(crate) use system::{EVERY, System};
pub(crate) use traffic::Traffic;
=======
>>>>>>> prober
pub(crate) use wait::{eventually, within};
pub(crate) use webhook::Webhook;
