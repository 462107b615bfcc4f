//! Pods' UIDs and other words that come from files, to text that may be kept.

use crate::owner::fact::Text;

/// The longest word that is kept: names have 253 bytes at most, images' are a few hundred with a digest.
const WORD_MAX: usize = 512;

/// API objects' UIDs are UUIDs of 36 characters, kubelet's of static pods hashes of 32.
const UID_MAX: usize = 64;

/// A UID as a cgroup's path has it: a UUID, with `_` for `-` in systemd's names, or 32 hexadecimal digits.
pub(super) fn in_path(text: &str) -> Option<Text> {
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() == 32 && text.bytes().all(hexadecimal) {
        return Some(text.into());
    }
    let hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let well_formed =
        |(at, byte): (usize, u8)| if hyphen(at) { matches!(byte, b'-' | b'_') } else { hexadecimal(byte) };
    (text.len() == 36 && text.bytes().enumerate().all(well_formed)).then(|| text.replace('_', "-").into())
}

/// A UID as a file or a folder has it.
pub(super) fn given(text: &str) -> Option<Text> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && !text.is_empty() && text.len() <= UID_MAX).then(|| text.into())
}

/// A name that is kept if it has any sensible length.
pub(super) fn word(text: &str) -> Option<Text> {
    (!text.is_empty() && text.len() <= WORD_MAX).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_in_a_path_has_one_of_three_forms() {
        let uid = "6a1f0f6e-1111-2222-3333-444455556666";
        assert_eq!(in_path(uid).as_deref(), Some(uid));
        assert_eq!(in_path(&uid.replace('-', "_")).as_deref(), Some(uid));
        assert!(in_path("0123456789abcdef0123456789abcdef").is_some());
        assert_eq!(in_path("6a1f0f6e-1111-2222-3333-44445555666"), None);
        assert_eq!(in_path("6A1f0f6e-1111-2222-3333-444455556666"), None);
        assert_eq!(in_path("s"), None);
    }

    #[test]
    fn what_has_no_sensible_length_is_no_word() {
        assert_eq!(given("a/b"), None);
        assert_eq!(given(&"a".repeat(65)), None);
        assert!(given("0123456789abcdef0123456789abcdef").is_some());
        assert_eq!(word(""), None);
        assert_eq!(word(&"a".repeat(513)), None);
    }
}
