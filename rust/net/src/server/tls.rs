//! TLS on the native listener. The pair can be changed while connections run: each takes the one of its start.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const H2: &[u8] = b"h2";

/// Reads a chain (the server's own certificate first) and its key, both PEM.
///
/// # Errors
/// A sentence that says which of the two is wrong.
pub(crate) fn server_config(chain: &[u8], key: &[u8]) -> Result<ServerConfig, String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the certificate is not PEM: {error}"))?;
    if chain.is_empty() {
        return Err("the certificate's file holds no certificate in PEM".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => {
            "the key's file holds no private key in PEM (PKCS#8, SEC1 or RSA, not encrypted)".to_owned()
        }
        other => format!("the key is not PEM: {other}"),
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => "the key does not belong to the certificate".to_owned(),
            other => format!("the certificate or its key cannot be used: {other}"),
        })?;
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Shakes hands; true where the client chose HTTP/2. The caller bounds the time.
pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    config: Arc<ServerConfig>,
    stream: S,
) -> io::Result<(TlsStream<S>, bool)> {
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(H2);
    Ok((stream, is_h2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_pair_is_read_and_a_foreign_key_is_not() {
        let (chain, key) = pair();
        let (other_chain, other_key) = pair();
        let config = server_config(chain.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        let longer = format!("{chain}{other_chain}");
        assert!(server_config(longer.as_bytes(), key.as_bytes()).is_ok(), "a chain");
        let both = format!("{key}{chain}");
        assert!(server_config(both.as_bytes(), both.as_bytes()).is_ok(), "one file for both");
        let refused = |chain: &str, key: &str| server_config(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(refused(&chain, &other_key), "the key does not belong to the certificate");
        assert!(refused("", &key).contains("no certificate"));
        assert!(refused(&chain, &chain).contains("no private key"));
        assert!(refused(&key, &key).contains("no certificate"));
    }
}
