//! Stories about: proxy.
