//! The signatures of tokens are checked by ring, which TLS uses as well. Nothing is signed here, and no shared secret known.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature::{self as ways, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: verifier,
    // Only what makes keys of private keys, and prints of keys, needs them.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Before the first token.
pub(super) fn install() {
    let _already = PROVIDER.install_default();
}

struct Check {
    algorithm: Algorithm,
    way: Way,
    key: DecodingKey,
}

enum Way {
    Rsa(&'static RsaParameters),
    Curve(&'static dyn ways::VerificationAlgorithm),
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let way = match algorithm {
        Algorithm::RS256 => Way::Rsa(&ways::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Way::Rsa(&ways::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Way::Rsa(&ways::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Way::Rsa(&ways::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Way::Rsa(&ways::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Way::Rsa(&ways::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Way::Curve(&ways::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Way::Curve(&ways::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Way::Curve(&ways::ED25519),
        // Shared secrets: whoever could check a token could make one.
        _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    };
    if key.family() != algorithm.family() {
        return Err(new_error(ErrorKind::InvalidAlgorithm));
    }
    Ok(Box::new(Check { algorithm: *algorithm, way, key: key.clone() }))
}

impl Verifier<Vec<u8>> for Check {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let checked = match (&self.way, self.key.kind()) {
            (Way::Rsa(way), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n: number(n), e: number(e) }.verify(way, message, signature)
            }
            (Way::Curve(way), DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(*way, point).verify(message, signature)
            }
            _ => return Err(Error::new()),
        };
        checked.map_err(|_| Error::new())
    }
}

impl JwtVerifier for Check {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Some providers write a zero before it, which ring does not take.
fn number(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}
