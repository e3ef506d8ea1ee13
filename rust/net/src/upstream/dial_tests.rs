use std::cell::RefCell;
use std::rc::Rc;

use super::*;

fn sockets(addresses: &[&str]) -> Vec<SocketAddr> {
    addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 80)).collect()
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
