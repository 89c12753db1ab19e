//! When a certificate ends (RFC 5280, 4.1): as much of DER as that takes.

use chrono::NaiveDateTime;

use crate::domain::moment::Moment;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xA0;

/// The moment after which a certificate is no longer valid; none where it is no certificate.
#[must_use]
pub(super) fn not_after(certificate: &[u8]) -> Option<Moment> {
    let (_, certificate, _) = element(certificate)?;
    let (tag, fields, _) = element(certificate)?;
    let mut rest = if tag == SEQUENCE { fields } else { return None };
    if *rest.first()? == VERSION {
        rest = element(rest)?.2;
    }
    // Serial number, signature, issuer; then the validity: two times.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (_, _, after_first) = element(validity)?;
    let (tag, text, _) = element(after_first)?;
    let text = std::str::from_utf8(text).ok()?;
    let whole = match tag {
        // Two digits of a year: from 1950 to 2049.
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&whole, "%Y%m%d%H%M%SZ").ok()?;
    Some(Moment::from_millis(time.and_utc().timestamp_millis()))
}

/// The first element: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = bytes else { return None };
    let (length, rest) = match usize::from(*first) {
        short @ ..=0x7F => (short, rest),
        long => {
            let (digits, rest) = rest.split_at_checked(long & 0x7F)?;
            let length = digits.iter().try_fold(0_usize, |length, digit| length.checked_mul(256)?.checked_add(usize::from(*digit)))?;
            (length, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn what_openssl_says_is_found_in_its_certificates() {
        for end in ["20370101000000Z", "20991231235959Z"] {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            let made = std::process::Command::new("openssl")
                .args(["req", "-x509", "-subj", "/CN=x", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
                .args(["-days", &days_until(end).to_string(), "-keyout"])
                .arg(path("key"))
                .arg("-out")
                .arg(path("pem"))
                .output()
                .unwrap();
            assert!(made.status.success(), "{made:?}");
            let told = std::process::Command::new("openssl").args(["x509", "-noout", "-enddate", "-in"]).arg(path("pem")).output().unwrap();
            let told = String::from_utf8(told.stdout).unwrap();
            let told = NaiveDateTime::parse_from_str(told.trim(), "notAfter=%b %e %H:%M:%S %Y GMT").unwrap();
            let found = not_after(&CertificateDer::from_pem_file(path("pem")).unwrap()).unwrap();
            assert_eq!(found.to_utc().naive_utc(), told);
        }
    }

    fn days_until(end: &str) -> i64 {
        let end = NaiveDateTime::parse_from_str(end, "%Y%m%d%H%M%SZ").unwrap().and_utc();
        (end - crate::clock::now().to_utc()).num_days()
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let nested = [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF];
        for bytes in [b"".as_slice(), b"\x30", b"\x30\x03\x30\x01\x00", &nested, &[0x30; 64]] {
            assert_eq!(not_after(bytes), None);
        }
    }
}
