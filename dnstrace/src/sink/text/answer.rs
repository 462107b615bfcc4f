//! The answer section in a few words.

use crate::decode::presentation::push_number;
use crate::decode::records::{Record, Records};
use crate::join::MessageCopy;
use crate::sink::iana;

/// Addresses of a Service or a web site; of more, the number is told.
const RECORDS_MAX: usize = 2;
/// An IPv6 address has 39 characters; text records have no bound.
const DATA_MAX: usize = 40;

/// Appends a blank and what was answered to a question for `qtype`; nothing when there is nothing to say.
pub(super) fn push_short(text: &mut String, response: &MessageCopy, records: &Records<'_>, qtype: Option<u16>) {
    let count = response.header.counts[1];
    if count == 0 {
        if records.rcode(&response.header) == 0 && !response.header.truncated() {
            text.push_str(" NODATA");
        }
        return;
    }
    let mut asked = 0;
    for record in records.answers().filter(|record| Some(record.rtype) == qtype) {
        if asked < RECORDS_MAX {
            text.push_str(if asked == 0 { " " } else { ", " });
            push_cut(text, &record);
        }
        asked += 1;
    }
    if asked == 0 {
        // An alias without what it stands for, or what ANY and transfers give: the type says what is shown.
        return push_typed(text, records.answers().next(), count);
    }
    // What was not captured counts as asked for: it follows the last that was.
    let unread = usize::from(count.saturating_sub(records.answer_count()));
    let more = asked.saturating_sub(RECORDS_MAX) + unread;
    if more != 0 {
        text.push_str(" +");
        push_number(text, more as u64, 1);
    }
}

fn push_typed(text: &mut String, record: Option<Record<'_>>, count: u16) {
    text.push(' ');
    if let Some(record) = record {
        text.push_str(&iana::record_type(record.rtype));
        text.push(' ');
        push_cut(text, &record);
    } else {
        push_number(text, count.into(), 1);
        text.push_str(" unreadable");
    }
}

fn push_cut(text: &mut String, record: &Record<'_>) {
    let begin = text.len();
    record.push_data(text);
    // It is ASCII: each byte is a character.
    if text.len() - begin > DATA_MAX {
        text.truncate(begin + DATA_MAX);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::decode::Header;

    const A: u16 = 1;
    const CNAME: u16 = 5;
    const TXT: u16 = 16;
    const WWW: &[u8] = b"\x03www\x07example\0";

    /// Without a question: what was asked is an argument.
    #[track_caller]
    fn check(records: &[(u16, &[u8])], flags: u16, expected: Option<&str>) {
        let counts = [0, u16::try_from(records.len()).unwrap(), 0, 0];
        let header = Header { id: 0, flags: 0x8000 | flags, counts };
        let mut bytes = [0, header.flags, 0, counts[1], 0, 0].map(u16::to_be_bytes).concat();
        for (rtype, data) in records {
            let length = u16::try_from(data.len()).unwrap();
            bytes.extend([&[0][..], &[*rtype, 1, 0, 30, length].map(u16::to_be_bytes).concat(), data].concat());
        }
        let response = MessageCopy { bytes: Bytes::from(bytes), wire_len: 0, header };
        let mut text = String::new();
        push_short(&mut text, &response, &Records::read(&response.bytes).unwrap(), Some(A));
        assert_eq!(text.strip_prefix(' '), expected);
    }

    #[test]
    fn first_records_and_how_many_more() {
        let [first, second, third] = [1, 2, 3].map(|last| [10, 0, 0, last]);
        check(&[(A, &first)], 0, Some("10.0.0.1"));
        check(&[(A, &first), (A, &second)], 0, Some("10.0.0.1, 10.0.0.2"));
        check(&[(A, &first), (A, &second), (A, &third)], 0, Some("10.0.0.1, 10.0.0.2 +1"));
    }

    #[test]
    fn alias_is_followed_or_named() {
        check(&[(CNAME, WWW), (A, &[10, 0, 0, 1])], 0, Some("10.0.0.1"));
        check(&[(CNAME, WWW)], 0, Some("CNAME www.example"));
    }

    #[test]
    fn no_records_is_nodata_only_when_there_was_no_error() {
        check(&[], 0, Some("NODATA"));
        check(&[], 3, None);
        check(&[], 0x0200, None);
    }

    #[test]
    fn long_data_is_cut() {
        let text = [&[60][..], &[b'x'; 60]].concat();
        check(&[(TXT, &text)], 0, Some(&format!("TXT \"{}…", "x".repeat(39))));
    }
}
