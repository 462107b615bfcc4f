//! A test part that cannot run here says so; in CI it fails instead.

/// Prints `SKIP part: reason`.
///
/// # Panics
/// In CI (`CI` is set), where a skip would hide a missing test.
pub fn skip(part: &str, reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "SKIP {part}: {reason} (in CI a skip is a failure)");
    #[expect(clippy::print_stdout, reason = "the reader of a test run must see what did not run")]
    {
        println!("SKIP {part}: {reason}");
    }
}

/// Whether this process may do what the kernel tests need.
#[must_use]
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
