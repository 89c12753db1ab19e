//! Stories on a Docker Swarm: several engines in network namespaces, with proxy and prober as services on its overlay.

mod failures;
mod life;
mod system;
