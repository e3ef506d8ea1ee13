use std::cell::RefCell;
use std::rc::Rc;

use super::*;

fn target(host: &str) -> Target {
    Target { tls: false, host: host.into(), port: 80, http2: false, trust: None }
}

fn sockets(addresses: &[&str]) -> Vec<SocketAddr> {
    addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 80)).collect()
}

#[test]
fn a_name_that_leads_to_a_refused_address_is_refused_whatever_else_it_has() {
    for answer in
        [&["169.254.169.254"][..], &["10.0.0.1", "169.254.1.1"], &["fe80::1"], &["::ffff:169.254.0.7"]]
    {
        let error = checked(&target("rebound.example"), Ok(sockets(answer))).unwrap_err();
        assert_eq!(error.kind, Kind::AddressRefused, "{answer:?}");
        assert!(
            error.message.contains("base_url") && !error.message.contains("169.254"),
            "{}",
            error.message
        );
        assert!(error.cause.unwrap().starts_with("rebound.example is "));
    }
    let allowed = sockets(&["10.0.0.1", "::1"]);
    assert_eq!(checked(&target("lan.example"), Ok(allowed.clone())).unwrap(), allowed);
    assert_eq!(checked(&target("none.example"), Ok(Vec::new())).unwrap_err().kind, Kind::UpstreamDns);
    assert_eq!(
        checked(&target("gone.example"), Err(io::ErrorKind::NotFound.into())).unwrap_err().kind,
        Kind::UpstreamDns
    );
}

#[tokio::test]
async fn numbers_that_the_resolver_takes_for_an_address_are_refused_too() {
    for host in ["2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "169.254.43518", "169.254.169.254."] {
        let target = target(host);
        let kind = checked(&target, lookup(&target).await).unwrap_err().kind;
        // The last spelling is not an address to every resolver.
        assert!(matches!(kind, Kind::AddressRefused | Kind::UpstreamDns), "{host}: {kind}");
        assert!(host.ends_with('.') || kind == Kind::AddressRefused, "{host}: {kind}");
    }
}

#[test]
fn the_families_take_turns() {
    let order = interleaved(sockets(&["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"]));
    assert_eq!(order, sockets(&["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]));
    assert_eq!(interleaved(sockets(&["1.1.1.1"])), sockets(&["1.1.1.1"]));
}

/// What each address does, by its last digit: 1 is silent, 2 refuses, 3 answers.
async fn raced(addresses: &[&str]) -> (io::Result<SocketAddr>, Vec<SocketAddr>, Duration) {
    let tried = Rc::new(RefCell::new(Vec::new()));
    let start = Instant::now();
    let won = race(sockets(addresses), |address| {
        tried.borrow_mut().push(address);
        Box::pin(async move {
            match address.ip().to_string().chars().last() {
                Some('1') => std::future::pending().await,
                Some('2') => Err(io::ErrorKind::ConnectionRefused.into()),
                _ => Ok(address),
            }
        })
    });
    let won = tokio::time::timeout(Duration::from_secs(60), won).await;
    let won = won.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    (won, Rc::try_unwrap(tried).unwrap().into_inner(), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_next_address_is_tried_at_once_after_a_failure_and_soon_after_silence() {
    let (won, tried, took) = raced(&["10.0.0.2", "10.0.0.3"]).await;
    assert_eq!((won.unwrap(), tried.len()), (sockets(&["10.0.0.3"])[0], 2));
    assert!(took < STAGGER, "{took:?}");
    let (won, tried, took) = raced(&["10.0.0.1", "10.0.1.1", "10.0.0.3", "10.0.1.3"]).await;
    assert_eq!((won.unwrap(), tried.len()), (sockets(&["10.0.0.3"])[0], 3), "and no more than needed");
    assert!(took >= 2 * STAGGER && took < 3 * STAGGER, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_is_told_where_none_answers() {
    let (won, tried, _) = raced(&["10.0.0.2", "10.0.1.2"]).await;
    assert_eq!((won.unwrap_err().kind(), tried.len()), (io::ErrorKind::ConnectionRefused, 2));
    let (won, ..) = raced(&["10.0.0.1", "10.0.1.1"]).await;
    assert_eq!(won.unwrap_err().kind(), io::ErrorKind::TimedOut, "the caller's clock");
    assert_eq!(raced(&[]).await.0.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
}
