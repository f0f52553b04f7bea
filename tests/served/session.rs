//! A whole session, with everything on.
