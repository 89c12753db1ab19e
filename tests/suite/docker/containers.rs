//! `[runtime] kind = "docker"`: proxy and prober in containers, and an operator beside the engine.

mod cut_off;
mod life;
mod lossless;
mod refused;
mod registry;
mod system;
mod tls;
