//! What leaves is clean.
