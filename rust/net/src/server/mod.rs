//! The native listener: sockets of clients, one per engine thread and port.

mod client;
mod connection;
mod control;
mod farewell;
mod frames;
mod h1;
mod h2;
mod io;
mod listen;
mod pending;
mod preface;
mod stream;
mod tls;
mod watch;

pub(crate) use client::{Client, Flush};
pub(crate) use connection::serve;
pub(crate) use control::ControlPlane;
pub(crate) use listen::{adopt, bind, spread, to_tokio};
pub(crate) use stream::Stream;
pub(crate) use tls::server_config;
pub(crate) use watch::Watches;
