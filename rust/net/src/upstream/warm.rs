//! Connections that are made before a request asks for one.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ferrogate_core::snapshot::Provider;
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::connect::Opened;
use crate::shard::Shard;

/// Has as many connections to each provider open as its configuration asks for. Called about once a second.
pub(crate) fn keep_warm(shard: &Rc<Shard>) {
    let snapshot = shard.shared.snapshot.load();
    let wanted =
        snapshot.providers.iter().filter(|provider| provider.configured && provider.target.reach.warm > 0);
    for provider in wanted {
        for _ in 0..shard.pool.warm(&provider.target, Instant::now()) {
            spawn_local(make(Rc::clone(shard), Arc::clone(provider)));
        }
    }
}

async fn make(shard: Rc<Shard>, provider: Arc<Provider>) {
    let target = &provider.target;
    let limit = provider.timeouts.connect;
    let opened = timeout(limit, shard.connector.open(target, limit)).await;
    let failed = match opened {
        Ok(Ok(Opened::H1(link))) => {
            shard.pool.put(target, link);
            None
        }
        Ok(Ok(Opened::H2(connection))) => {
            shard.pool.multiplex(target).share(connection);
            None
        }
        // The first request says what is wrong.
        Ok(Err(_)) | Err(_) => Some(Instant::now()),
    };
    shard.pool.warmed(target, failed);
}
