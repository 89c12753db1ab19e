//! `/v1/...`: checks, and what was heard, decided and told of them.

mod checks;
pub(crate) mod log;
mod overview;
pub(crate) mod page;
pub(crate) mod routes;
mod trouble;
