//! HTTP/2: RFC 9113 frame by frame, and what of it becomes a request to an app that speaks HTTP/1.1.

mod conformance;
mod downgrade;
mod still;
mod windows;
mod wire;
