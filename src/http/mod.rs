//! Beats, API, control, page and metrics over HTTP.
