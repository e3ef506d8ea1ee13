//! The native listener: sockets of clients, one per engine thread and port.

mod connection;
mod control;
mod io;
mod listen;
mod watch;

pub(crate) use connection::serve;
pub(crate) use control::ControlPlane;
pub(crate) use listen::{bind, to_tokio};
pub(crate) use watch::{Phase, Watch, Watches};
