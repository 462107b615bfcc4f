//! Service bindings (SVCB, HTTPS) in presentation format (RFC 9460, 2.1).

use hickory_proto::rr::rdata::SVCB;
use hickory_proto::rr::rdata::svcb::{SvcParamKey, SvcParamValue};

use super::{escaped, name};

/// What a character string has to escape when it stands without quotes (RFC 9460, appendix A).
const SPECIAL: &[u8] = b"\"\\();";

/// Priority, target, parameters.
pub(super) fn text(binding: &SVCB) -> String {
    let mut text = format!("{} {}", binding.svc_priority, name(&binding.target_name));
    for (key, value) in &binding.svc_params {
        text.extend([" ", &key_text(*key)]);
        let value = value_text(value);
        if !value.is_empty() {
            text.extend(["=", &value]);
        }
    }
    text
}

/// RFC 9460, 14.3.2; `key` and a number for those it does not name.
fn key_text(key: SvcParamKey) -> String {
    match key {
        SvcParamKey::Mandatory => "mandatory".to_owned(),
        SvcParamKey::Alpn => "alpn".to_owned(),
        SvcParamKey::NoDefaultAlpn => "no-default-alpn".to_owned(),
        SvcParamKey::Port => "port".to_owned(),
        SvcParamKey::Ipv4Hint => "ipv4hint".to_owned(),
        SvcParamKey::EchConfigList => "ech".to_owned(),
        SvcParamKey::Ipv6Hint => "ipv6hint".to_owned(),
        key => format!("key{}", u16::from(key)),
    }
}

fn value_text(value: &SvcParamValue) -> String {
    match value {
        SvcParamValue::Mandatory(keys) => list(keys.0.iter().map(|key| key_text(*key))),
        SvcParamValue::Alpn(protocols) => list(protocols.0.iter().map(|protocol| list_item(protocol))),
        SvcParamValue::NoDefaultAlpn => String::new(),
        SvcParamValue::Port(port) => port.to_string(),
        SvcParamValue::Ipv4Hint(addresses) => list(addresses.0.iter().map(ToString::to_string)),
        SvcParamValue::Ipv6Hint(addresses) => list(addresses.0.iter().map(ToString::to_string)),
        // hickory puts the quotes of a zone file around base 64.
        SvcParamValue::EchConfigList(configs) => configs.to_string().trim_matches('"').to_owned(),
        SvcParamValue::Unknown(bytes) => word(&bytes.0),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

/// An item of a list is escaped for the list first and then as a part of the character string that the list is.
fn list_item(item: &str) -> String {
    word(item.replace('\\', "\\\\").replace(',', "\\,").as_bytes())
}

/// A character string without quotes.
fn word(bytes: &[u8]) -> String {
    escaped(bytes, SPECIAL).replace(' ', "\\032")
}
