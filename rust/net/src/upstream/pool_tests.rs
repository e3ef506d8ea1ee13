use std::net::{IpAddr, TcpListener};

use ferrogate_core::snapshot::{Reach, TlsRules};

use super::super::connect::{Connector, Opened};
use super::super::trust::tls_config;
use super::*;

/// A target on this machine, known by a name, and somebody who takes connections there.
fn local(warm: usize) -> (Arc<Target>, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let reach = Reach { dns_ttl: Duration::from_secs(30), warm, ..Reach::default() };
    let port = listener.local_addr().unwrap().port();
    let target = Target {
        tls: false,
        host: "localhost".into(),
        port,
        http2: false,
        rules: TlsRules::default(),
        reach,
    };
    (Arc::new(target), listener)
}

async fn opened(connector: &Connector, target: &Target) -> Link {
    match connector.open(target, Duration::from_secs(10)).await.unwrap() {
        Opened::H1(link) => link,
        Opened::H2(_) => panic!("nobody offered HTTP/2"),
    }
}

#[tokio::test]
async fn connections_to_addresses_that_are_gone_are_not_used_again() {
    let (target, _listener) = local(0);
    let connector = Connector::new(&tls_config().unwrap(), None);
    let pool = Pool::default();
    pool.put(&target, opened(&connector, &target).await);
    assert_eq!(pool.named().len(), 1);
    connector.refresh(&pool).await;
    pool.retire(&target, |_| false);
    let link = pool.take(&target, Instant::now()).expect("its address is still there");
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    assert_eq!(link.peer, Some(here));
    pool.put(&target, link);
    pool.retire(&target, |peer| peer == here);
    assert!(pool.take(&target, Instant::now()).is_none());
}

#[tokio::test]
async fn what_is_made_ahead_is_counted_and_a_failure_is_waited_after() {
    let (target, _listener) = local(3);
    let connector = Connector::new(&tls_config().unwrap(), None);
    let pool = Pool::default();
    let now = Instant::now();
    assert_eq!(pool.warm(&target, now), 3);
    assert_eq!(pool.warm(&target, now), 0, "three are being made");
    pool.put(&target, opened(&connector, &target).await);
    pool.warmed(&target, None);
    assert_eq!(pool.warm(&target, now), 0);
    pool.warmed(&target, Some(now));
    pool.warmed(&target, Some(now));
    assert_eq!(pool.warm(&target, now), 0, "not at once after a failure");
    assert_eq!(pool.warm(&target, now + COLD), 2);
}
