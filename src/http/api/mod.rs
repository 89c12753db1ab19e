//! `/v1/...`: checks, and what was heard, decided and told of them.

mod checks;
<<<<<<< HEAD
pub(crate) mod log;
mod page;
=======
mod log;
pub(crate) mod page;
>>>>>>> main
pub(crate) mod routes;
mod trouble;
