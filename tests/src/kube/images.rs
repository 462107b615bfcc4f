//! The images of the node's pods, made by hand from programs: nothing is pulled from a registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use super::space::Space;
use super::state::State;
use super::{build, wait};
use crate::{command, coredns};

const PAUSE_SOURCE: &str = include_str!("../../programs/kube/pause.c");
const LOOKUP_SOURCE: &str = include_str!("../../programs/kube/lookup.c");

/// Folders that a container's mounts go over; a container without them does not start.
const FOLDERS: [&str; 5] = ["dev", "etc", "proc", "sys", "tmp"];

/// An image: its name, the program it starts, and a function that puts files into its root folder.
pub(crate) struct Image {
    name: &'static str,
    program: &'static str,
    fill: fn(&Path) -> Result<()>,
}

/// The program of every sandbox.
pub(crate) const PAUSE: Image = Image { name: "pause", program: "/pause", fill: fill_pause };
const COREDNS: Image = Image { name: "coredns", program: "/coredns", fill: fill_coredns };
const GLIBC: Image = Image { name: "glibc", program: "/lookup", fill: fill_glibc };
/// Looks names up with musl.
pub(crate) const MUSL: Image = Image { name: "musl", program: "/lookup", fill: fill_musl };

pub(super) const ALL: [Image; 4] = [PAUSE, COREDNS, GLIBC, MUSL];

impl Image {
    /// As pods name it.
    pub(crate) fn reference(&self) -> String {
        format!("dnstrace.test/{}:1", self.name)
    }
}

/// Makes these images and gives them to the node's containerd.
pub(crate) fn import(state: &State, space: &Space, images: &[Image]) -> Result<()> {
    for image in images {
        let archive = archive(&state.path("image").join(image.name), image)
            .with_context(|| format!("cannot make the image {}", image.name))?;
        let mut import = space.command("ctr");
        import.args(["--namespace", "k8s.io", "images", "import"]).arg(&archive);
        command::of(&mut import)?;
        fs::remove_dir_all(state.path("image").join(image.name))?;
    }
    Ok(())
}

/// Waits until containerd answers.
pub(crate) fn wait_for_runtime(space: &Space) -> Result<()> {
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);
    wait::until_ok("containerd", LIMIT, || command::of(space.command("ctr").arg("version")))?;
    Ok(())
}

fn fill_pause(root: &Path) -> Result<()> {
    build::c_program("gcc", &["-static"], PAUSE_SOURCE, &root.join("pause"))
}

fn fill_coredns(root: &Path) -> Result<()> {
    fs::copy(coredns::binary()?, root.join("coredns"))?;
    Ok(())
}

fn fill_musl(root: &Path) -> Result<()> {
    build::c_program("musl-gcc", &["-static"], LOOKUP_SOURCE, &root.join("lookup"))
}

fn fill_glibc(root: &Path) -> Result<()> {
    let program = root.join("lookup");
    build::c_program("gcc", &[], LOOKUP_SOURCE, &program)?;
    fs::write(root.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
    let libraries = command::of(Command::new("ldd").arg(&program))?;
    for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
        let place = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(place.parent().context("a library has a folder")?)?;
        fs::copy(library, place)?;
    }
    Ok(())
}

/// Docker's archive of one image with one layer, which `ctr images import` reads.
fn archive(folder: &Path, image: &Image) -> Result<PathBuf> {
    let root = folder.join("root");
    for name in FOLDERS {
        fs::create_dir_all(root.join(name))?;
    }
    (image.fill)(&root)?;
    tar(&root, &folder.join("layer.tar"), &["."])?;
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [image.program], "Env": ["PATH=/"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(&folder.join("layer.tar"))?)]},
    });
    fs::write(folder.join("config.json"), config.to_string())?;
    let config = format!("{}.json", sha256(&folder.join("config.json"))?);
    fs::rename(folder.join("config.json"), folder.join(&config))?;
    let manifest = json!([{"Config": config, "RepoTags": [image.reference()], "Layers": ["layer.tar"]}]);
    fs::write(folder.join("manifest.json"), manifest.to_string())?;
    let file = folder.join("image.tar");
    tar(folder, &file, &[&config, "layer.tar", "manifest.json"])?;
    Ok(file)
}

fn tar(folder: &Path, file: &Path, members: &[&str]) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--owner=0", "--group=0", "--file"]).arg(file).arg("--directory").arg(folder).args(members);
    command::of(&mut tar)?;
    Ok(())
}

fn sha256(file: &Path) -> Result<String> {
    let line = command::of(Command::new("sha256sum").arg(file))?;
    Ok(line.split_whitespace().next().context("sha256sum prints a sum")?.to_owned())
}
