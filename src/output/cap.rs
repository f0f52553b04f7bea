//! Too long is cut.
