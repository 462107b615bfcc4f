//! What the project does to itself, one file each: `cargo xtask --help`.

#![expect(clippy::print_stdout, reason = "a command-line tool's output is its stdout")]
#![expect(clippy::print_stderr, reason = "progress goes to stderr")]

mod bench;
mod build_ebpf;
mod check;
mod demo;
mod fuzz;
mod kernels;
mod kube;
mod steps;
mod test;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(about = "Build, check, test and show dnstrace", bin_name = "cargo xtask")]
enum Task {
    /// Show dnstrace on a throw-away node: pods, DNS servers and a Service in network namespaces
    Demo(demo::Args),
    /// Run every test there is, installing what they need
    Test(test::Args),
    /// Format, lints, tests without root, docs, dependencies, committed eBPF object
    Check(check::Args),
    /// Rebuild the committed eBPF object, installing what that needs
    BuildEbpf(build_ebpf::Args),
    /// Boot supported kernels in QEMU and run every hook's self-test in each
    Kernels(kernels::Args),
    /// Start or stop a real one-node Kubernetes in a network namespace
    Kube(kube::Args),
    /// Look for inputs that break decoding, each target for a bounded time
    Fuzz(fuzz::Args),
    /// Measure: cost per packet, pipeline rate, loss; ratios of two things in one run
    Bench(bench::Args),
}

fn main() -> ExitCode {
    match run(&Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> anyhow::Result<()> {
    match task {
        Task::Demo(args) => demo::run(args),
        Task::Test(args) => test::run(args),
        Task::Check(args) => check::run(args),
        Task::BuildEbpf(args) => build_ebpf::run(args),
        Task::Kernels(args) => kernels::run(args),
        Task::Kube(args) => kube::run(args),
        Task::Fuzz(args) => fuzz::run(args),
        Task::Bench(args) => bench::run(args),
    }
}
