//! The connection that a request takes, made where there is none with room.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_core::GatewayError;
use ferrogate_core::snapshot::Target;

use super::connect::{Connector, Opened};
use super::exchange::Link;
use super::multiplexed::{Lease, Multiplexed, Next};
use super::pool::SharedPool;

/// How a request gets to the provider.
pub(super) enum Way {
    /// By a connection of HTTP/1.1 of its own.
    Link(Link),
    /// By one of HTTP/2, and whether it has served before.
    Shared(Multiplexed, Lease, bool),
}

/// Takes a place on a connection of HTTP/2, or makes a connection. `fresh` asks for one that is younger than this.
pub(super) async fn find_way(
    connector: &Connector,
    pool: &SharedPool,
    target: &Arc<Target>,
    fresh: bool,
    limit: Duration,
) -> Result<Way, GatewayError> {
    let since = fresh.then(Instant::now);
    let multiplex = pool.multiplex(target);
    loop {
        match multiplex.next(since) {
            Next::Use(connection) => {
                let lease = connection.lease();
                return Ok(Way::Shared(connection, lease, true));
            }
            Next::Wait(notified) => multiplex.wait(notified).await,
            Next::Open => {
                // Held until the connection can be found by those who wait for it.
                let _opening = multiplex.opening();
                return Ok(match connector.open(target, limit).await? {
                    Opened::H1(link) => {
                        multiplex.forget();
                        Way::Link(link)
                    }
                    Opened::H2(connection) => {
                        multiplex.share(connection.clone());
                        let lease = connection.lease();
                        Way::Shared(connection, lease, false)
                    }
                });
            }
        }
    }
}
