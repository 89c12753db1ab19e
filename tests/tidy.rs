//! The fences: layers, lengths, and what must be documented.
