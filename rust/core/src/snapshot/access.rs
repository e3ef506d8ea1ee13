//! Who may call: gateway keys by hash, Host and Origin where no key is asked for.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::schema;
use crate::error::{GatewayError, Kind};

/// A caller.
#[derive(Debug, PartialEq, Eq)]
pub struct Principal {
    /// The gateway key's id; empty where none is asked for.
    pub key_id: Box<str>,
    /// Whose data this is.
    pub tenant: Box<str>,
}

/// The rules of entry.
#[derive(Debug)]
pub struct Access {
    required: bool,
    /// By the first eight bytes of the hash; the whole hash is compared in constant time.
    keys: HashMap<[u8; 8], Vec<Known>>,
    local: Arc<Principal>,
    /// `*` leaves the check to the owner of the application around the gateway.
    hosts: Vec<Box<str>>,
    origins: Vec<Box<str>>,
}

/// A key's hash and whose it is.
type Known = ([u8; 32], Arc<Principal>);

/// Names of this machine.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Starts of values that are a provider's key and not a gateway's.
const PROVIDER_KEY_PREFIXES: [&str; 5] = ["sk-", "gsk_", "AIza", "xai-", "hf_"];

impl Access {
    pub(super) fn compile(auth: schema::Auth) -> Result<Self, String> {
        let mut keys: HashMap<[u8; 8], Vec<_>> = HashMap::new();
        for key in auth.gateway_keys {
            let hash = hex32(&key.sha256)
                .ok_or_else(|| format!("gateway key {}: sha256 is not 64 hex digits", key.name))?;
            let principal = Arc::new(Principal { key_id: key.id.into(), tenant: key.tenant.into() });
            keys.entry(head(&hash)).or_default().push((hash, principal));
        }
        Ok(Self {
            required: auth.required,
            keys,
            local: Arc::new(Principal { key_id: "".into(), tenant: "local".into() }),
            hosts: auth.allowed_hosts.into_iter().map(|host| host.to_ascii_lowercase().into()).collect(),
            origins: auth
                .allowed_origins
                .into_iter()
                .map(|origin| origin.to_ascii_lowercase().into())
                .collect(),
        })
    }

    /// Whether callers need a gateway key.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Finds the caller. `credential` is what the client sent, without `Bearer `; `host` and `origin` are headers.
    pub fn identify(
        &self,
        credential: Option<&[u8]>,
        host: Option<&str>,
        origin: Option<&str>,
    ) -> Result<Arc<Principal>, GatewayError> {
        if !self.required {
            self.check_host(host)?;
            self.check_origin(origin, host)?;
            return Ok(Arc::clone(&self.local));
        }
        let credential = credential.filter(|value| !value.is_empty()).ok_or_else(|| {
            GatewayError::new(
                Kind::GatewayKeyInvalid,
                "This gateway asks for a gateway key: send it as `Authorization: Bearer <key>`.",
            )
        })?;
        let hash: [u8; 32] = Sha256::digest(credential).into();
        let known = self.keys.get(&head(&hash)).into_iter().flatten();
        known.filter(|(other, _)| other.ct_eq(&hash).into()).map(|(_, principal)| Arc::clone(principal)).next().ok_or_else(
            || {
                let looks_like_a_providers = std::str::from_utf8(credential)
                    .is_ok_and(|text| PROVIDER_KEY_PREFIXES.iter().any(|prefix| text.starts_with(prefix)));
                GatewayError::new(
                    Kind::GatewayKeyInvalid,
                    if looks_like_a_providers {
                        "This looks like a provider's key. The gateway asks for a gateway key (`gateway gateway-keys \
                         add NAME`); the provider's key belongs into the gateway (`gateway keys add PROVIDER`)."
                    } else {
                        "The gateway key is not known. Make one with `gateway gateway-keys add NAME`."
                    },
                )
            },
        )
    }

    fn check_host(&self, host: Option<&str>) -> Result<(), GatewayError> {
        let name = host.and_then(host_name).unwrap_or_default();
        let local = LOCAL.iter().any(|local| name.eq_ignore_ascii_case(local));
        if local || self.hosts.iter().any(|allowed| &**allowed == "*" || name.eq_ignore_ascii_case(allowed)) {
            return Ok(());
        }
        Err(GatewayError::new(
            Kind::HostForbidden,
            "This host name is not allowed: without authentication only localhost is, and what `server.allowed_hosts` lists.",
        ))
    }

    fn check_origin(&self, origin: Option<&str>, host: Option<&str>) -> Result<(), GatewayError> {
        let Some(origin) = origin.map(str::to_ascii_lowercase) else { return Ok(()) };
        let own = host.map(str::to_ascii_lowercase).unwrap_or_default();
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let is_own = authority.is_some_and(|authority| !own.is_empty() && authority == own);
        if is_own || self.origins.iter().any(|allowed| matches!(&**allowed, "*") || **allowed == *origin) {
            return Ok(());
        }
        Err(GatewayError::new(
            Kind::OriginForbidden,
            "This origin is not allowed to call the gateway; list it in `server.allowed_origins`.",
        ))
    }

    /// Whether CORS headers are sent to this origin.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

/// A Host header without its port. None where what stands behind the name is no port: a name that is trusted must not
/// be the beginning of another one, such as `localhost:80@evil.example` or `[::1].evil.example`.
fn host_name(host: &str) -> Option<&str> {
    let end = match host.strip_prefix('[') {
        Some(literal) => literal.find(']')? + 2,
        None => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(end);
    let is_port = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(name)
}

fn head(hash: &[u8; 32]) -> [u8; 8] {
    let mut head = [0; 8];
    head.copy_from_slice(&hash[..8]);
    head
}

fn hex32(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(required: bool) -> Access {
        let sha256 =
            Sha256::digest(b"fgk_good").iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        Access::compile(schema::Auth {
            required,
            gateway_keys: vec![schema::GatewayKey {
                id: "gk1".into(),
                name: "n".into(),
                tenant: "t1".into(),
                sha256,
            }],
            allowed_hosts: vec!["LLM.internal".into()],
            allowed_origins: vec!["https://app.example".into()],
        })
        .unwrap()
    }

    #[test]
    fn required_access_asks_for_a_known_key() {
        let access = access(true);
        let kind = |credential| {
            access.identify(credential, Some("any"), Some("https://any")).map_err(|error| error.kind)
        };
        assert_eq!(&*kind(Some(b"fgk_good".as_slice())).unwrap().tenant, "t1");
        assert_eq!(kind(None), Err(Kind::GatewayKeyInvalid));
        assert_eq!(kind(Some(b"")), Err(Kind::GatewayKeyInvalid));
        let hint = access.identify(Some(b"sk-abc"), None, None).unwrap_err();
        assert!(hint.message.contains("provider's key") && !hint.message.contains("sk-abc"));
    }

    #[test]
    fn a_star_leaves_the_checks_to_somebody_else() {
        let mut access = access(false);
        access.hosts.push("*".into());
        access.origins.push("*".into());
        assert!(access.identify(None, Some("any.example"), Some("https://page.example")).is_ok());
        assert!(!access.allows_origin("https://page.example"), "and lets no page read the answer");
    }

    #[test]
    fn open_access_checks_host_and_origin() {
        let access = access(false);
        let kind = |host, origin| {
            access.identify(None, Some(host), origin).map(|who| who.tenant.clone()).map_err(|e| e.kind)
        };
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "[::1]", "llm.internal:80"] {
            assert_eq!(kind(host, None), Ok("local".into()), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "[::2]:80",
            "",
            "localhost.evil:80",
            "localhost.",
            "localhost:80@evil.example",
            "localhost@evil.example",
            "localhost:evil",
            "localhost:80:80",
            "localhost/",
            "[::1].evil.example",
            "[::1]evil",
            "[::1",
            "::1",
            "[::ffff:127.0.0.1]",
            "127.1",
            "0.0.0.0",
        ] {
            assert_eq!(kind(host, None), Err(Kind::HostForbidden), "{host}");
        }
        assert!(kind("localhost:8080", Some("http://localhost:8080")).is_ok());
        assert!(kind("localhost:8080", Some("https://APP.example")).is_ok());
        for origin in [
            "http://localhost:3000",
            "null",
            "",
            "localhost:8080",
            "https://evil.example",
            "http://localhost:8080.evil",
            "http://evil@localhost:8080",
            "http://localhost:8080/",
            "file://localhost:8080",
        ] {
            assert_eq!(kind("localhost:8080", Some(origin)), Err(Kind::OriginForbidden), "{origin}");
        }
    }
}
