//! Stories on a real Docker engine. `tests/all.sh --without-docker` leaves them out.

mod compose;
mod containers;
mod faults;
mod images;
mod probe;
mod setup;
mod stage;
mod swarm;
mod wrapper;
