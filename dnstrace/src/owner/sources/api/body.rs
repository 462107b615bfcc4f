//! An answer's body → the same, as long as it is no longer, and takes no longer, than any answer has a reason to.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use kube::client::Body;
use thiserror::Error;
use tokio::time::Sleep;

/// A page of 500 pods of the largest size that etcd keeps would be 750 MB, usual ones are 3 MB. A server that answers
/// from its cache sends all Services in one page: 20,000 of them are 40 MB.
const ANSWER_MAX: usize = 64 << 20;

/// One object, as an event of a watch: etcd keeps up to 1.5 MB of each.
const EVENT_MAX: usize = 4 << 20;

/// Why an answer was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum GivenUp {
    #[error("does not answer")]
    Silent,
    #[error("stopped in the middle of an answer")]
    Unfinished,
    #[error("sends more than an answer can have")]
    TooLong,
}

/// A body with its bounds.
pub(super) struct Bounded {
    body: Body,
    bound: Bound,
}

enum Bound {
    /// All of it.
    Answer { left: usize, until: Pin<Box<Sleep>> },
    /// Each line. A watch goes on for minutes, and may say nothing for as long.
    Events { line: usize },
}

impl Bounded {
    pub(super) fn answer(body: Body, until: Sleep) -> Self {
        Self { body, bound: Bound::Answer { left: ANSWER_MAX, until: Box::pin(until) } }
    }

    pub(super) fn events(body: Body) -> Self {
        Self { body, bound: Bound::Events { line: 0 } }
    }
}

impl Bound {
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        match self {
            Self::Answer { until, .. } => until.as_mut().poll(context).is_ready(),
            Self::Events { .. } => false,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), GivenUp> {
        match self {
            Self::Answer { left, .. } => {
                *left = left.checked_sub(bytes.len()).ok_or(GivenUp::TooLong)?;
            }
            Self::Events { line } => {
                let rest = bytes.iter().rev().position(|byte| *byte == b'\n');
                *line = rest.unwrap_or(*line + bytes.len());
                return (*line <= EVENT_MAX).then_some(()).ok_or(GivenUp::TooLong);
            }
        }
        Ok(())
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = tower::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tower::BoxError>>> {
        if self.bound.is_late(context) {
            return Poll::Ready(Some(Err(GivenUp::Unfinished.into())));
        }
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)?) else { return Poll::Ready(None) };
        let taken = self.bound.take(frame.data_ref().map_or(&[], |data| data));
        Poll::Ready(Some(taken.map(|()| frame).map_err(Into::into)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_bounded_line_by_line() {
        let half = vec![b'x'; EVENT_MAX / 2 + 1];
        let mut bound = Bound::Events { line: 0 };
        assert_eq!(bound.take(&half), Ok(()));
        assert_eq!(bound.take(b"\n{"), Ok(()));
        assert_eq!(bound.take(&half), Ok(()));
        assert_eq!(bound.take(&half), Err(GivenUp::TooLong));
    }

    #[tokio::test]
    async fn answers_are_bounded_as_a_whole() {
        let until = Box::pin(tokio::time::sleep(std::time::Duration::ZERO));
        let mut bound = Bound::Answer { left: 5, until };
        assert_eq!(bound.take(b"abc"), Ok(()));
        assert_eq!(bound.take(b"de"), Ok(()));
        assert_eq!(bound.take(b"f"), Err(GivenUp::TooLong));
    }
}
