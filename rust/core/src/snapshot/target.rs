//! Where connections to a provider lead.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::reach::{Reach, TlsRules};

/// Where a provider lives: what connections are pooled by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// TLS or not.
    pub tls: bool,
    /// Host name or address, IPv6 without brackets.
    pub host: Box<str>,
    /// Port.
    pub port: u16,
    /// Whether HTTP/2 may be offered.
    pub http2: bool,
    /// What handshakes ask for and show.
    pub rules: TlsRules,
    /// How it is reached.
    pub reach: Reach,
}

/// Authorities of a provider's own. Equal ones have equal content, which is compared by its hash.
#[derive(Clone)]
pub struct Trust {
    id: [u8; 32],
    pem: Arc<str>,
}

impl Trust {
    pub(super) fn new(pem: String) -> Self {
        Self { id: Sha256::digest(&pem).into(), pem: pem.into() }
    }

    /// Certificates in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Trust {}

impl Hash for Trust {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("bytes", &self.pem.len()).finish_non_exhaustive()
    }
}
