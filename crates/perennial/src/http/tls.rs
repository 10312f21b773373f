//! TLS from a certificate chain and a key, both PEM files that the settings name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How to speak TLS, or `None` where the settings name no files. Paths are relative to the shop's folder.
pub fn acceptor(shop: &Path, (cert, key): (&str, &str)) -> Result<Option<TlsAcceptor>> {
    match (cert.is_empty(), key.is_empty()) {
        (true, true) => return Ok(None),
        (false, false) => {}
        _ => bail!("settings serve.tls_cert and serve.tls_key go together: name both files or neither"),
    }
    let (cert, key): (PathBuf, PathBuf) = (shop.join(cert), shop.join(key));
    let of_cert = || format!("setting serve.tls_cert: {} holds no certificate in PEM", cert.display());
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(&cert).with_context(of_cert)?.collect::<Result<_, _>>().with_context(of_cert)?;
    if chain.is_empty() {
        bail!(of_cert());
    }
    let secret = PrivateKeyDer::from_pem_file(&key)
        .with_context(|| format!("setting serve.tls_key: {} holds no private key in PEM", key.display()))?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, secret);
    let config = config.context("settings serve.tls_cert and serve.tls_key: the key is not that of the certificate")?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}
