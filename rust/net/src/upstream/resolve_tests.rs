use ferrogate_core::snapshot::{Reach, TlsRules};

use super::*;

fn sockets(addresses: &[&str]) -> Vec<SocketAddr> {
    addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 80)).collect()
}

fn target(host: &str, reach: Reach) -> Target {
    Target { tls: false, host: host.into(), port: 80, http2: false, rules: TlsRules::default(), reach }
}

#[test]
fn a_name_that_leads_to_a_refused_address_is_refused_whatever_else_it_has() {
    for answer in
        [&["169.254.169.254"][..], &["10.0.0.1", "169.254.1.1"], &["fe80::1"], &["::ffff:169.254.0.7"]]
    {
        let error = checked("rebound.example", Ok(sockets(answer))).unwrap_err();
        assert_eq!(error.kind, Kind::AddressRefused, "{answer:?}");
        assert!(
            error.message.contains("base_url") && !error.message.contains("169.254"),
            "{}",
            error.message
        );
        assert!(error.cause.unwrap().starts_with("rebound.example is "));
    }
    let allowed = sockets(&["10.0.0.1", "::1"]);
    assert_eq!(checked("lan.example", Ok(allowed.clone())).unwrap(), allowed);
    assert_eq!(checked("none.example", Ok(Vec::new())).unwrap_err().kind, Kind::UpstreamDns);
    assert_eq!(
        checked("gone.example", Err(io::ErrorKind::NotFound.into())).unwrap_err().kind,
        Kind::UpstreamDns
    );
}

#[tokio::test]
async fn numbers_that_the_resolver_takes_for_an_address_are_refused_too() {
    for host in ["2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "169.254.43518", "169.254.169.254."] {
        let kind = checked(host, ask(host, 80).await).unwrap_err().kind;
        // The last spelling is not an address to every resolver.
        assert!(matches!(kind, Kind::AddressRefused | Kind::UpstreamDns), "{host}: {kind}");
        assert!(host.ends_with('.') || kind == Kind::AddressRefused, "{host}: {kind}");
    }
}

#[tokio::test]
async fn fixed_addresses_are_not_asked_for_and_refused_all_the_same() {
    let fixed = |text: &str| Reach { addresses: [text.parse().unwrap()].into(), ..Reach::default() };
    let resolver = Resolver::default();
    let found = resolver.of(&target("nowhere.invalid", fixed("10.0.0.7"))).await;
    assert_eq!(found.unwrap(), sockets(&["10.0.0.7"]));
    let refused = resolver.of(&target("nowhere.invalid", fixed("169.254.169.254"))).await;
    assert_eq!(refused.unwrap_err().kind, Kind::AddressRefused);
}

#[tokio::test]
async fn an_answer_holds_for_its_time_and_longer_while_the_resolver_fails() {
    let resolver = Resolver::default();
    let ttl = Duration::from_secs(30);
    resolver.note("api.invalid", &sockets(&["10.0.0.1"]), ttl);
    let reach = Reach { dns_ttl: ttl, ..Reach::default() };
    assert_eq!(resolver.of(&target("api.invalid", reach)).await.unwrap(), sockets(&["10.0.0.1"]));
    assert!(!resolver.is_due("api.invalid", ttl) && resolver.is_due("api.invalid", Duration::ZERO));
    assert!(!resolver.is_due("10.0.0.1", Duration::ZERO), "an address is no name");
    let again = resolver.lookup("api.invalid", 80, ttl).await;
    assert_eq!(again.unwrap(), sockets(&["10.0.0.1"]), "a name under .invalid never resolves");
    assert_eq!(resolver.lookup("other.invalid", 80, ttl).await.unwrap_err().kind, Kind::UpstreamDns);
}

#[test]
fn an_address_is_gone_when_it_has_not_been_seen_for_a_while() {
    let resolver = Resolver::default();
    let (ttl, gone) = (Duration::ZERO, "10.0.0.1".parse().unwrap());
    assert!(!resolver.is_gone("api.example", gone, ttl), "nobody asked");
    resolver.note("api.example", &sockets(&["10.0.0.1"]), ttl);
    assert!(!resolver.is_gone("api.example", gone, ttl));
    std::thread::sleep(Duration::from_millis(2));
    resolver.note("api.example", &sockets(&["10.0.0.2"]), ttl);
    assert!(resolver.is_gone("api.example", gone, ttl));
    assert!(!resolver.is_gone("api.example", "10.0.0.2".parse().unwrap(), ttl));
    let long = Duration::from_secs(60);
    resolver.note("many.example", &sockets(&["10.0.0.1"]), long);
    resolver.note("many.example", &sockets(&["10.0.0.2"]), long);
    assert!(!resolver.is_gone("many.example", gone, long), "it may come back with the next answer");
}
