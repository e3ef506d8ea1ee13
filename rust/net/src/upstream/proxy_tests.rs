use ferrogate_core::snapshot::ProxyScheme;
use tokio::io::duplex;

use super::*;

fn proxy(credential: Option<(&str, &str)>) -> Proxy {
    Proxy {
        scheme: ProxyScheme::Http,
        host: "proxy.example".into(),
        port: 3128,
        credential: credential.map(|(name, password)| (name.into(), password.into())),
    }
}

fn named() -> Destination {
    Destination::Name("api.example".into())
}

/// What is sent to a proxy that answers with these pieces, one after each thing that it hears, and how that ends.
async fn connected(credential: Option<(&str, &str)>, answer: &[u8]) -> (String, Result<(), GatewayError>) {
    let (mut ours, mut theirs) = duplex(1 << 20);
    theirs.write_all(answer).await.unwrap();
    let result = connect(&mut ours, &proxy(credential), &named(), 443).await;
    drop(ours);
    let mut sent = String::new();
    theirs.read_to_string(&mut sent).await.unwrap();
    (sent, result)
}

#[tokio::test]
async fn connect_names_the_host_and_brings_the_credential() {
    let (sent, result) = connected(Some(("ann", "pass word")), b"HTTP/1.1 200 Fine\r\nvia: x\r\n\r\n").await;
    assert_eq!(result, Ok(()));
    assert_eq!(
        sent,
        "CONNECT api.example:443 HTTP/1.1\r\nhost: api.example:443\r\n\
         proxy-authorization: Basic YW5uOnBhc3Mgd29yZA==\r\n\r\n"
    );
    let (sent, result) = connected(None, b"HTTP/1.0 200 OK\r\n\r\n").await;
    assert_eq!(result, Ok(()));
    assert!(!sent.contains("authorization"));
}

#[tokio::test]
async fn what_a_proxy_says_instead_is_told_apart() {
    let endless = [&b"HTTP/1.1 200 OK\r\nx: "[..], &vec![b'a'; 2 * HEAD]].concat();
    for (answer, message) in [
        (&b"HTTP/1.1 407 Who\r\ncontent-length: 3\r\n\r\nwho"[..], "asks for credentials"),
        (b"HTTP/1.1 403 No\r\n\r\n", "refuses to connect"),
        (b"HTTP/1.1 503 Later\r\n\r\n", "could not reach the provider"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}", "none that its protocol knows"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "none that its protocol knows"),
        (b"HTTP/1.1 99 x\r\n\r\n", "none that its protocol knows"),
        (&endless, "none that its protocol knows"),
    ] {
        let error = connected(Some(("ann", "hunter2")), answer).await.1.unwrap_err();
        assert_eq!(error.kind, Kind::UpstreamConnect);
        assert!(
            error.message.contains(message),
            "{}: {}",
            String::from_utf8_lossy(&answer[..20.min(answer.len())]),
            error.message
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_proxy_that_says_nothing_more_has_closed() {
    let (mut ours, theirs) = duplex(1024);
    drop(theirs);
    let error = connect(&mut ours, &proxy(None), &named(), 443).await.unwrap_err();
    assert!(error.message.contains("closed the connection"), "{}", error.message);
}

async fn by_socks(
    credential: Option<(&str, &str)>,
    destination: Destination,
    answer: &[u8],
) -> (Vec<u8>, Result<(), GatewayError>) {
    let (mut ours, mut theirs) = duplex(1 << 20);
    theirs.write_all(answer).await.unwrap();
    let result = socks(&mut ours, &proxy(credential), &destination, 443).await;
    drop(ours);
    let mut sent = Vec::new();
    theirs.read_to_end(&mut sent).await.unwrap();
    (sent, result)
}

#[tokio::test]
async fn socks_asks_by_name_or_address() {
    let fine = [5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80];
    let (sent, result) = by_socks(None, named(), &fine).await;
    assert_eq!(result, Ok(()));
    assert_eq!(sent, [&[5, 1, 0, 5, 1, 0, 3, 11][..], b"api.example", &[1, 187]].concat());
    let (sent, result) = by_socks(None, Destination::Address([10, 0, 0, 7].into()), &fine).await;
    assert_eq!(result, Ok(()));
    assert_eq!(sent, [5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 7, 1, 187]);
    let longer = [&[5, 0, 5, 0, 0, 3, 4][..], b"exit", &[0, 80]].concat();
    assert_eq!(by_socks(None, Destination::Address("::1".parse().unwrap()), &longer).await.1, Ok(()));
}

#[tokio::test]
async fn socks_brings_the_credential_and_hears_refusals() {
    let fine = [5, 2, 1, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80];
    let (sent, result) = by_socks(Some(("ann", "pw")), named(), &fine).await;
    assert_eq!(result, Ok(()));
    assert!(sent.starts_with(&[5, 1, 2, 1, 3, b'a', b'n', b'n', 2, b'p', b'w', 5, 1, 0, 3]));
    for (answer, message) in [
        (&[5, 0xff][..], "asks for credentials"),
        (&[5, 2, 1, 1], "asks for credentials"),
        (&[5, 2, 1, 0, 5, 2, 0, 1], "refuses to connect"),
        (&[5, 2, 1, 0, 5, 5, 0, 1], "could not reach the provider"),
        (&[5, 2, 1, 0, 5, 7, 0, 1], "refused the connection"),
        (&[5, 0], "none that its protocol knows"),
        (&[72, 84], "none that its protocol knows"),
        (&[5, 2, 1, 0, 4, 0, 0, 1], "none that its protocol knows"),
        (&[5, 2, 1, 0, 5, 0, 0, 9], "none that its protocol knows"),
    ] {
        let error = by_socks(Some(("ann", "pw")), named(), answer).await.1.unwrap_err();
        assert!(error.message.contains(message), "{answer:?}: {}", error.message);
    }
}
