//! `/v1/...`: checks, and what was heard, decided and told of them.

mod checks;
pub(crate) mod log;
pub(crate) mod page;
pub(crate) mod routes;
mod trouble;
