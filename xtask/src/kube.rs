//! A real one-node Kubernetes to try things on: `cargo xtask kube up`, then `kubectl` as it says.

use clap::Subcommand;
use dnstrace_tests::kube::Kube;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start the node and wait until its pods are ready; a first start builds Kubernetes, which takes minutes
    Up,
    /// Remove the node, or what is left of one
    Down,
    /// Say whether the node stands, and list its pods
    Status,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match args.verb {
        Verb::Up => up(),
        Verb::Down => Kube::down(),
        Verb::Status => status(),
    }
}

fn up() -> anyhow::Result<()> {
    Kube::up(&|step| eprintln!("{step}"))?;
    status()
}

fn status() -> anyhow::Result<()> {
    let Some(node) = Kube::running()? else {
        println!("no node (cargo xtask kube up starts one)");
        return Ok(());
    };
    print!("{}", node.kubectl(&["get", "pods", "--all-namespaces", "--output", "wide"])?);
    println!("\nnetwork namespace: {}", node.netns().display());
    println!("kubectl: {}", node.kubectl_line());
    Ok(())
}
