//! Whom a provider's certificate must be signed by, and what is said where it is not.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use ferrogate_core::snapshot::TlsRules;
use ferrogate_core::{GatewayError, Kind};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use tokio_rustls::TlsConnector;

/// Bundles that are kept ready; more than providers have, unless their files change all the time.
const KEPT: usize = 256;

/// TLS settings: the system's certificates, or Mozilla's where the system has none. `SSL_CERT_FILE` is honoured.
pub(crate) fn tls_config() -> Result<ClientConfig, GatewayError> {
    trusting(system_roots())
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, GatewayError> {
    Ok(versions(false)?.with_root_certificates(roots).with_no_client_auth())
}

fn versions(newest: bool) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, GatewayError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let versions = if newest {
        builder.with_protocol_versions(&[&rustls::version::TLS13])
    } else {
        builder.with_safe_default_protocol_versions()
    };
    versions.map_err(|error| GatewayError::new(Kind::Internal, "TLS could not be set up.").with_cause(error))
}

/// TLS settings of a provider that has some of its own.
fn of_its_own(rules: &TlsRules) -> Result<ClientConfig, GatewayError> {
    let roots = match &rules.trust {
        Some(trust) => read(trust.pem())?,
        None => system_roots(),
    };
    let builder = versions(rules.newest)?.with_root_certificates(roots);
    let Some(identity) = &rules.identity else { return Ok(builder.with_no_client_auth()) };
    let unusable = |cause: String| {
        let message = "The client certificate of the provider's `tls.cert` and `tls.key` cannot be used.";
        GatewayError::new(Kind::UpstreamTls, message).with_cause(cause)
    };
    let chain = CertificateDer::pem_slice_iter(identity.chain().as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key().as_bytes())
        .map_err(|error| unusable(error.to_string()))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| unusable(error.to_string()))
}

/// The same settings twice; they differ in what they offer.
struct Offers {
    with_http2: TlsConnector,
    without_http2: TlsConnector,
}

impl Offers {
    fn new(config: &ClientConfig) -> Self {
        let offering = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        Self { with_http2: offering(&[b"h2", b"http/1.1"]), without_http2: offering(&[b"http/1.1"]) }
    }

    fn choose(&self, http2: bool) -> TlsConnector {
        if http2 { self.with_http2.clone() } else { self.without_http2.clone() }
    }
}

/// TLS settings by whom a provider trusts.
pub(super) struct Authorities {
    system: Offers,
    own: RefCell<HashMap<TlsRules, Offers>>,
}

impl Authorities {
    pub(super) fn new(system: &ClientConfig) -> Self {
        Self { system: Offers::new(system), own: RefCell::default() }
    }

    /// What to shake hands with. A provider's own authorities stand in the place of the system's.
    pub(super) fn connector(&self, rules: &TlsRules, http2: bool) -> Result<TlsConnector, GatewayError> {
        if rules.trust.is_none() && rules.identity.is_none() && !rules.newest {
            return Ok(self.system.choose(http2));
        }
        if let Some(offers) = self.own.borrow().get(rules) {
            return Ok(offers.choose(http2));
        }
        let offers = Offers::new(&of_its_own(rules)?);
        let chosen = offers.choose(http2);
        let mut own = self.own.borrow_mut();
        if own.len() >= KEPT {
            own.clear();
        }
        own.insert(rules.clone(), offers);
        Ok(chosen)
    }
}

fn read(pem: &str) -> Result<RootCertStore, GatewayError> {
    let unusable = |cause: String| {
        let message = "The file of the provider's `tls.ca` holds no certificate that can be used.";
        GatewayError::new(Kind::UpstreamTls, message).with_cause(cause)
    };
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 { Err(unusable("no certificate".to_owned())) } else { Ok(roots) }
}

/// What a failed handshake says, and what to do about it.
pub(super) fn failed(error: &std::io::Error) -> GatewayError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let message = match inner {
        Some(rustls::Error::InvalidCertificate(reason)) => untrusted(reason),
        Some(rustls::Error::InvalidMessage(_)) => {
            "The provider does not speak TLS on that port; if it is meant to be plain HTTP, write http:// in its \
             `base_url`."
        }
        _ => "The TLS handshake with the provider failed.",
    };
    GatewayError::new(Kind::UpstreamTls, message).with_cause(error)
}

fn untrusted(reason: &CertificateError) -> &'static str {
    match reason {
        CertificateError::UnknownIssuer => {
            "The provider's certificate is not trusted: nobody who signed it is known here. If it is meant to be, set \
             `tls.ca` of the provider in gateway.yaml to a file with its authority."
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "The provider's certificate is for another host name; correct the provider's `base_url`, or say the \
             name as its `tls.server_name`."
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "The provider's certificate has expired."
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "The provider's certificate is not valid yet; check this machine's clock."
        }
        CertificateError::Revoked => "The provider's certificate was revoked.",
        _ => "The provider's certificate cannot be accepted.",
    }
}
