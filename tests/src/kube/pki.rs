//! Keys and certificates of the control plane, by openssl.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command;

/// Longer than any node of ours stands.
const DAYS: &str = "30";

/// File name, subject, and the names a client may use for it.
const CERTIFICATES: [(&str, &str, &str); 3] = [
    (
        "apiserver",
        "/CN=kube-apiserver",
        "DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:192.0.2.2",
    ),
    ("node", "/O=system:nodes/CN=system:node:node1", "DNS:node1,IP:192.0.2.2"),
    ("admin", "/O=system:masters/CN=admin", "DNS:admin"),
];

/// Writes `ca`, one certificate and key for each of [`CERTIFICATES`], and the key pair of service accounts.
pub(super) fn create(folder: &Path) -> Result<()> {
    command::of(certificate(folder, "ca").args(["-subj", "/CN=ca"]))?;
    for (name, subject, names) in CERTIFICATES {
        let mut signed = certificate(folder, name);
        signed.args(["-CA", "ca.crt", "-CAkey", "ca.key", "-subj", subject]);
        signed.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        signed.args(["-addext", "extendedKeyUsage=serverAuth,clientAuth"]);
        command::of(signed.args(["-addext", &format!("subjectAltName={names}")]))?;
    }
    let mut key = openssl(folder, "genpkey");
    command::of(key.args(["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "sa.key"]))?;
    command::of(openssl(folder, "pkey").args(["-in", "sa.key", "-pubout", "-out", "sa.pub"]))?;
    Ok(())
}

/// A new key and a certificate for it.
fn certificate(folder: &Path, name: &str) -> Command {
    let mut openssl = openssl(folder, "req");
    openssl.args(["-x509", "-new", "-nodes", "-days", DAYS]);
    // Elliptic curves: four RSA keys take a second, these nothing.
    openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]);
    openssl
}

fn openssl(folder: &Path, verb: &str) -> Command {
    let mut openssl = Command::new("openssl");
    openssl.arg(verb).current_dir(folder);
    openssl
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_signed_by_the_authority() {
        let folder = tempfile::tempdir().unwrap();
        create(folder.path()).unwrap();
        for (name, ..) in CERTIFICATES {
            let file = format!("{name}.crt");
            command::of(openssl(folder.path(), "verify").args(["-CAfile", "ca.crt", &file])).unwrap();
        }
    }
}
