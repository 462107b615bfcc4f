//! What rules say: what is wrong with whom, how surely, and how that is known.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::name::Name;
use crate::capture::{BootTime, WallTime};
use crate::join::TransactionId;
use crate::owner::fact::Text;
use crate::owner::{Party, Service};

/// How bad it is for who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Works, and could do so better.
    Advice,
    /// Works for some, sometimes or slowly.
    Warning,
    /// Does not work.
    Error,
}

impl Severity {
    /// As in JSON and on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How surely something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Fits what was seen; other causes do, too.
    Suspected,
    /// A pattern and one assumption.
    Likely,
    /// Was observed itself.
    Certain,
}

impl Certainty {
    /// Every certainty, the least first.
    pub const ALL: [Self; 3] = [Self::Suspected, Self::Likely, Self::Certain];

    /// As in JSON, on the screen and after `--fail-on`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }

    /// One step less.
    #[must_use]
    pub fn lowered(self) -> Self {
        match self {
            Self::Certain => Self::Likely,
            Self::Likely | Self::Suspected => Self::Suspected,
        }
    }
}

/// What a finding is about: one of each is aggregated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// A pod of this node, by its UID.
    Pod(Text),
    /// Somebody else who asks, or answers.
    Address(IpAddr),
    /// A server, with its port.
    Server(SocketAddr),
    /// A domain name.
    Name(Name),
    /// This node.
    Node,
}

/// What a finding is about, with what is known of it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// It.
    pub about: About,
    /// Who that is,
    pub party: Option<Party>,
    /// or which Service.
    pub service: Option<Arc<Service>>,
}

/// In words, unescaped: `shop/web-7d9c`, `svc kube-system/kube-dns (10.96.0.10)`, `192.0.2.53`, `this node`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.party, &self.service) {
            (Some(Party::Pod { pod, .. }), _) => match (&pod.namespace, &pod.name) {
                (Some(namespace), Some(name)) => write!(f, "{namespace}/{name}"),
                _ => write!(f, "pod {}", pod.uid),
            },
            (Some(Party::Remote(pod)), _) => write!(f, "{}/{}", pod.namespace, pod.name),
            (_, Some(service)) => write!(f, "svc {}/{} ({})", service.namespace, service.name, self.about),
            _ => self.about.fmt(f),
        }
    }
}

/// DNS' own port needs no mention.
impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(uid) => write!(f, "pod {uid}"),
            Self::Address(address) => address.fmt(f),
            Self::Server(server) if server.port() == DNS_PORT => server.ip().fmt(f),
            Self::Server(server) => server.fmt(f),
            Self::Name(name) => name.fmt(f),
            Self::Node => f.write_str("this node"),
        }
    }
}

/// The port that needs no mention.
const DNS_PORT: u16 = 53;

/// A transaction that a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The transaction.
    pub transaction: TransactionId,
    /// When it began.
    pub wall: WallTime,
    /// What was asked.
    pub question: Option<(Name, u16)>,
    /// What became of it, in words: `no response, last seen out eth0`.
    pub fate: String,
}

/// What is wrong, added up over one subject.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that says it.
    pub rule: &'static Explanation,
    /// About whom.
    pub subject: Subject,
    /// How bad.
    pub severity: Severity,
    /// The surest of the evidence.
    pub certainty: Certainty,
    /// One sentence, without a full stop: `192.0.2.53:53 does not answer CoreDNS`.
    pub sentence: String,
    /// The first ones, and the last.
    pub evidence: Vec<Evidence>,
    /// Further facts: counters, configuration, numbers. Each is one short sentence without a full stop.
    pub facts: Vec<String>,
    /// Transactions it rests on.
    pub count: u64,
    /// When the first of them began,
    pub first: (BootTime, WallTime),
    /// and the last.
    pub last: (BootTime, WallTime),
    /// Pods and addresses that suffer, the first few by name; not where the subject itself is who suffers.
    pub affected: Vec<Subject>,
    /// How many there are.
    pub affected_count: u64,
    /// Certainty was lowered, as packets were lost when it was captured.
    pub is_lowered: bool,
}

/// What a rule means: `dnstrace explain ID`.
#[derive(Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Its id, as in JSON: `upstream-timeout`.
    pub id: &'static str,
    /// One line: what is wrong, for whom.
    pub title: &'static str,
    /// How bad that is.
    pub severity: Severity,
    /// A paragraph: how it comes about, and what people notice of it.
    pub meaning: &'static str,
    /// A paragraph: what is seen on the wire, and what makes it certain, likely, or suspected.
    pub signature: &'static str,
    /// What to do, in a sentence or two.
    pub remedy: &'static str,
    /// Where to read on.
    pub link: &'static str,
    /// What would make it surer.
    pub surer: &'static str,
    /// Whether it says why a transaction failed: nothing else needs to then.
    pub explains_failure: bool,
}
