//! Addresses that no request is sent to, whatever name leads there: link-local ones, and those where clouds serve a
//! machine's credentials. `ferrogate/config/addresses.py` knows the same ones; `tests/golden/addresses.json` holds
//! both to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services that are not at link-local addresses: Alibaba, Oracle, Azure's host agent.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];

/// AWS's instance metadata and its pods' credentials, and Google's.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Whether an address is never called. Private and loopback addresses are: models run there.
pub fn is_refused(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_refused_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || METADATA_V6.contains(&v6) || embedded(v6).is_some_and(is_refused_v4)
        }
    }
}

fn is_refused_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || METADATA_V4.contains(&address)
}

/// The IPv4 address that an IPv6 one leads to: mapped (RFC 4291, also the old compatible form), by NAT64 (RFC 6052 and
/// 8215), by 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = || {
        let octets = address.octets();
        Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15])
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => {
            Some(last())
        }
        [0x2002, high, low, ..] => Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Golden {
        refused: Vec<IpAddr>,
        allowed: Vec<IpAddr>,
    }

    #[test]
    fn addresses_are_told_apart_as_the_golden_file_says() {
        let golden: Golden =
            serde_json::from_str(include_str!("../../../tests/golden/addresses.json")).unwrap();
        for address in golden.refused {
            assert!(is_refused(address), "{address}");
        }
        for address in golden.allowed {
            assert!(!is_refused(address), "{address}");
        }
    }
}
