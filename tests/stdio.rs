//! The protocol over pipes: what a client may send wrong, and how a session ends.

mod endings;
mod lines;
mod unread;
