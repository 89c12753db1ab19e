//! Stories on a real Docker engine. `tests/all.sh --without-docker` leaves them out.

mod faults;
mod images;
mod stage;
mod swarm;
