//! `/v1/...`: checks, and what was heard, decided and told of them.

mod checks;
mod log;
mod page;
mod routes;

pub(super) use routes::routes;
