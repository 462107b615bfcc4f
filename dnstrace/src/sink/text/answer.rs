//! The answer section in a few words.

use crate::decode::records::{AnswerRecord, Answers};
use crate::join::MessageCopy;
use crate::sink::iana;

/// Addresses of a Service or a web site; of more, the number is told.
const RECORDS_MAX: usize = 2;
/// An IPv6 address has 39 characters; text records have no bound.
const DATA_MAX: usize = 40;

/// What was answered to a question for `qtype`; `None` when there is nothing to say.
pub(super) fn short(response: &MessageCopy, answers: &Answers, qtype: Option<u16>) -> Option<String> {
    let count = response.header.counts[1];
    if count == 0 {
        return (answers.rcode(&response.header) == 0 && !response.header.truncated()).then(|| "NODATA".to_owned());
    }
    let asked: Vec<_> = answers.answers.iter().filter(|record| Some(record.rtype) == qtype).collect();
    // An alias without what it stands for, or what ANY and transfers give: the type says what is shown.
    let Some(first) = asked.first() else { return Some(typed(answers.answers.first(), count)) };
    let mut text = cut(&first.data);
    for record in &asked[1..asked.len().min(RECORDS_MAX)] {
        text = format!("{text}, {}", cut(&record.data));
    }
    // What was not captured counts as asked for: it follows the last that was.
    let unread = usize::from(count).saturating_sub(answers.answers.len());
    match asked.len().saturating_sub(RECORDS_MAX) + unread {
        0 => Some(text),
        more => Some(format!("{text} +{more}")),
    }
}

fn typed(record: Option<&AnswerRecord>, count: u16) -> String {
    match record {
        Some(record) => format!("{} {}", iana::record_type(record.rtype), cut(&record.data)),
        None => format!("{count} unreadable"),
    }
}

/// `data` is ASCII.
fn cut(data: &str) -> String {
    match data.get(..DATA_MAX) {
        Some(start) if data.len() > DATA_MAX => format!("{start}…"),
        _ => data.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::decode::Header;

    const A: u16 = 1;
    const CNAME: u16 = 5;

    #[track_caller]
    fn check(records: &[(u16, &str)], flags: u16, expected: Option<&str>) {
        let counts = [1, u16::try_from(records.len()).unwrap(), 0, 0];
        let header = Header { id: 0, flags: 0x8000 | flags, counts };
        let record = |&(rtype, data): &(u16, &str)| AnswerRecord {
            name: "example".to_owned(),
            rtype,
            class: 1,
            ttl: 30,
            data: data.to_owned(),
        };
        let answers = Answers { answers: records.iter().map(record).collect(), ..Answers::default() };
        let response = MessageCopy { bytes: Bytes::new(), wire_len: 0, header };
        assert_eq!(short(&response, &answers, Some(A)).as_deref(), expected);
    }

    #[test]
    fn first_records_and_how_many_more() {
        check(&[(A, "10.0.0.1")], 0, Some("10.0.0.1"));
        check(&[(A, "10.0.0.1"), (A, "10.0.0.2")], 0, Some("10.0.0.1, 10.0.0.2"));
        check(&[(A, "10.0.0.1"), (A, "10.0.0.2"), (A, "10.0.0.3")], 0, Some("10.0.0.1, 10.0.0.2 +1"));
    }

    #[test]
    fn alias_is_followed_or_named() {
        check(&[(CNAME, "www.example"), (A, "10.0.0.1")], 0, Some("10.0.0.1"));
        check(&[(CNAME, "www.example")], 0, Some("CNAME www.example"));
    }

    #[test]
    fn no_records_is_nodata_only_when_there_was_no_error() {
        check(&[], 0, Some("NODATA"));
        check(&[], 3, None);
        check(&[], 0x0200, None);
    }

    #[test]
    fn long_data_is_cut() {
        check(&[(16, &"x".repeat(60))], 0, Some(&format!("TXT {}…", "x".repeat(40))));
    }
}
