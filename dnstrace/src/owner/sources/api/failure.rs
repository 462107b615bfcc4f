//! An error of the client → a line that says what went wrong, and what to do.

use std::error::Error;
use std::io;

use kube::client::AuthError;
use kube::config::LoadDataError;
use kube::core::Status;

use super::body::GivenUp;
use super::server::{Call, Server};

/// More of what a server says about itself is not for a line.
const SAID_MAX: usize = 200;

/// What to do about a server that does not do as it should,
const REACH: &str = "is the API server reachable from here? --kube off does without it";

/// or that we do not trust, or that does not trust us.
const CERTIFICATES: &str = "name a kubeconfig with the right certificates with --kube FILE, or --kube off";

/// Why something is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    pub(super) text: String,
    pub(super) remedy: String,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The server is not there, or does not do as it should.
    Outage,
    /// It does not let us.
    Forbidden,
    /// What was asked for does not exist.
    Missing,
    /// It has no such version any more.
    Gone,
    /// It is more than we take.
    TooMany,
    /// What nobody told us is needed.
    Untold,
}

impl Failure {
    pub(super) fn of(error: &kube::Error, call: Call, server: &Server) -> Self {
        match error {
            kube::Error::Api(status) => Self::told(status, call, server),
            error => Self::outage(&reason(error), server),
        }
    }

    fn outage(reason: &str, server: &Server) -> Self {
        let text = format!("{}: {reason}", server.name);
        let by_certificate = reason.to_ascii_lowercase().contains("certificate");
        let remedy = if by_certificate { CERTIFICATES } else { REACH };
        Self { cause: Cause::Outage, text, remedy: remedy.into() }
    }

    fn told(status: &Status, call: Call, server: &Server) -> Self {
        let what = call.name();
        match status.code {
            401 => Self {
                cause: Cause::Forbidden,
                text: "the API server does not accept the credentials".into(),
                remedy: "renew them, name others with --kube FILE, or --kube off".into(),
            },
            403 => Self {
                cause: Cause::Forbidden,
                text: format!("the credentials may not list {what}"),
                remedy: format!("{}, or --kube off", permission(&status.message)),
            },
            404 => Self { cause: Cause::Missing, text: format!("there are no such {what}"), remedy: String::new() },
            410 => Self { cause: Cause::Gone, text: format!("the list of {what} is outdated"), remedy: String::new() },
            code => Self::outage(&format!("answers {code}: {}", line(&status.message)), server),
        }
    }
}

/// The last cause is the one that says what happened. What a plugin or a file for credentials has in it is not for a line:
/// errors on them show it.
pub(super) fn reason(error: &kube::Error) -> String {
    let mut last: &dyn Error = error;
    loop {
        if let Some(AuthError::AuthExecRun { out, .. }) = last.downcast_ref() {
            return format!("the plugin that the kubeconfig names failed: {}", out.status);
        }
        // Which one it is, the system does not say.
        if let Some(LoadDataError::ReadFile(error, path)) = last.downcast_ref() {
            return line(&format!("cannot read {}: {error}", path.display()));
        }
        if let Some(AuthError::AuthExecParse(_)) = last.downcast_ref() {
            return "the plugin that the kubeconfig names did not say credentials".into();
        }
        let Some(source) = last.source() else { break };
        last = source;
    }
    // Whose patience ended first, the connection's or ours, is chance.
    if last.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::TimedOut) {
        return GivenUp::Silent.to_string();
    }
    match error {
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            format!("does not answer as an API server does: {}", line(&last.to_string()))
        }
        _ => line(&last.to_string()),
    }
}

/// What others say, as one line without control characters.
pub(super) fn line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(SAID_MAX).collect()
}

/// The built-in role `view` reads pods, Services and EndpointSlices, and no secrets.
fn permission(message: &str) -> String {
    let user = message.split('"').nth(1).filter(|_| message.contains("User \""));
    let is_plain = |user: &&str| user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_@/".contains(&byte));
    let subject = match user.filter(is_plain).map(|user| (user, user.strip_prefix("system:serviceaccount:"))) {
        Some((_user, Some(account))) => format!("--serviceaccount={account}"),
        Some((user, None)) => format!("--user={user}"),
        None => "--user=USER".into(),
    };
    format!("kubectl create clusterrolebinding dnstrace --clusterrole=view {subject}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_names_who_lacks_it() {
        let cases = [
            (r#"pods is forbidden: User "system:serviceaccount:default:x" cannot list"#, "--serviceaccount=default:x"),
            (r#"pods is forbidden: User "jane@example.org" cannot list"#, "--user=jane@example.org"),
            (r#"pods is forbidden: User "a; rm -rf /" cannot list"#, "--user=USER"),
            ("no", "--user=USER"),
        ];
        for (message, expected) in cases {
            assert!(permission(message).ends_with(expected), "{message}");
        }
    }

    #[test]
    fn connection_that_is_not_made_in_time_is_silence() {
        let late = io::Error::new(io::ErrorKind::TimedOut, "deadline has elapsed");
        assert_eq!(reason(&kube::Error::Service(late.into())), "does not answer");
    }

    #[test]
    fn what_a_server_says_stays_one_line() {
        assert_eq!(line("a\n\u{1b}[31m b\t c "), "a [31m b c");
        assert_eq!(line(&"x".repeat(1000)).len(), SAID_MAX);
    }
}
