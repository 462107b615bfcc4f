//! The node's namespaces: network, mounts and processes of its own.
//!
//! The node's first process holds them. When it ends, the kernel ends every process of the node with it, and every
//! mount, veth and rule of the node is gone: that is why the end of a node is one signal, also after a crash of ours.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::state::{NODE_FOLDERS, State, first_missing};
use super::{build, wait};
use crate::command;

/// The kernel needs a moment for some two hundred processes.
const END_LIMIT: Duration = Duration::from_secs(20);
const START_LIMIT: Duration = Duration::from_secs(10);

/// What kubelet sets for the whole machine. On the node these are plain files that take its values: others use this
/// machine too, and a kernel that panics on the first oops is not for us to ask for.
const MACHINE_SETTINGS: [&str; 6] = [
    "/proc/sys/kernel/keys/root_maxbytes",
    "/proc/sys/kernel/keys/root_maxkeys",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/panic_on_oops",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/panic_on_oom",
];

const INIT_SOURCE: &str = include_str!("../../programs/kube/pause.c");

/// The namespaces, by the process that holds them.
#[derive(Debug)]
pub(crate) struct Space {
    init: i32,
}

impl Space {
    /// Starts the first process in the network namespace `netns`, and puts the node's folders in their places.
    pub(crate) fn create(state: &State, netns: &Path) -> Result<Self> {
        let program = init_program(state);
        build::c_program("gcc", &["-static"], INIT_SOURCE, &program)?;
        // Slave: what the machine unmounts while the node stands is unmounted in the node too, not the other way round.
        let child = Command::new("nsenter")
            .arg(network_option(netns))
            .args(["unshare", "--mount", "--propagation", "slave", "--pid", "--fork", "--mount-proc"])
            .arg(&program)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(state.log("init"))?)
            // Ctrl-C in the terminal is for us, not for the node.
            .process_group(0)
            .spawn()?;
        let init = wait::until("the node's first process", START_LIMIT, || first_process(&child, &program))?;
        let space = Self { init };
        space.put_folders(state)?;
        space.shadow_settings(state)?;
        Ok(space)
    }

    /// The namespaces of the node that stands, if one does: of the process that runs its first program.
    pub(crate) fn existing(state: &State) -> Result<Option<Self>> {
        let program = init_program(state);
        let mut processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        Ok(processes.find(|&process| runs(process, &program)).map(|init| Self { init }))
    }

    /// The node's files, as its processes see them.
    pub(crate) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.init))
    }

    /// A command on the node.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.enter();
        command.arg("--net").arg("--").arg(program.as_ref());
        command
    }

    /// A command that sees the node's files and processes from another network namespace.
    pub(super) fn command_in(&self, netns: &Path, program: impl AsRef<Path>) -> Command {
        let mut command = self.enter();
        command.arg(network_option(netns)).arg("--").arg(program.as_ref());
        command
    }

    /// Ends every process of the node.
    pub(crate) fn end(self) -> Result<()> {
        kill(Pid::from_raw(self.init), Signal::SIGKILL).context("cannot end the node's first process")?;
        let process = PathBuf::from(format!("/proc/{}/exe", self.init));
        wait::until("the end of the node's processes", END_LIMIT, || Ok((!process.exists()).then_some(())))
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init.to_string(), "--mount", "--pid"]);
        command
    }

    fn put_folders(&self, state: &State) -> Result<()> {
        for folder in NODE_FOLDERS {
            make_mount_point(state, Path::new(folder))?;
            self.bind(&state.on_node(folder), folder)?;
        }
        Ok(())
    }

    fn shadow_settings(&self, state: &State) -> Result<()> {
        for setting in MACHINE_SETTINGS {
            let file = state.on_node(setting);
            fs::create_dir_all(file.parent().context("a setting has a folder")?)?;
            fs::write(&file, fs::read(setting).with_context(|| format!("cannot read {setting}"))?)?;
            self.bind(&file, setting)?;
        }
        Ok(())
    }

    fn bind(&self, source: &Path, place: &str) -> Result<()> {
        command::of(self.command("mount").arg("--bind").arg(source).arg(place))?;
        Ok(())
    }
}

/// Removes the folders that were made on this machine only to be mounted over.
pub(crate) fn remove_mount_points(state: &State) -> Result<()> {
    let made = fs::read_to_string(state.path("mount-points")).unwrap_or_default();
    for folder in made.lines().rev() {
        remove_empty(Path::new(folder)).with_context(|| format!("cannot remove {folder}"))?;
    }
    Ok(())
}

fn init_program(state: &State) -> PathBuf {
    state.path("bin").join("init")
}

fn network_option(netns: &Path) -> String {
    format!("--net={}", netns.display())
}

fn first_process(parent: &Child, program: &Path) -> Result<Option<i32>> {
    let id = parent.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    let first = children.split_whitespace().next().map(str::parse).transpose()?;
    // Before it is our program, it still prepares its mounts.
    Ok(first.filter(|&process| runs(process, program)))
}

fn runs(process: i32, program: &Path) -> bool {
    fs::read_link(format!("/proc/{process}/exe")).is_ok_and(|exe| exe == program)
}

fn make_mount_point(state: &State, folder: &Path) -> Result<()> {
    let Some(first) = first_missing(folder) else { return Ok(()) };
    let list = state.path("mount-points");
    let before = fs::read_to_string(&list).unwrap_or_default();
    fs::write(&list, format!("{before}{}\n", first.display()))?;
    Ok(fs::create_dir_all(folder)?)
}

/// Removes a folder and the folders below it, as long as there is nothing else in them.
fn remove_empty(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        remove_empty(&entry?.path())?;
    }
    Ok(fs::remove_dir(folder)?)
}
