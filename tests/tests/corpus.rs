//! The fuzz targets on the inputs that are kept: what once broke something, and what reaches most of the code.

use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::fuzz::TARGETS;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");

/// Fewer, and a corpus was forgotten.
const INPUTS_MIN: usize = 8;

#[test]
fn kept_inputs_break_nothing() -> Result<()> {
    let mut broken = Vec::new();
    for (name, run) in TARGETS {
        let inputs = files(&Path::new(FOLDER).join("corpus").join(name))?;
        ensure!(inputs.len() >= INPUTS_MIN, "{name}: {} inputs", inputs.len());
        for input in inputs {
            let bytes = fs::read(&input)?;
            if panic::catch_unwind(|| run(&bytes)).is_err() {
                broken.push(input);
            }
        }
    }
    ensure!(broken.is_empty(), "{broken:?}");
    Ok(())
}

#[test]
fn each_target_has_its_program_and_its_corpus() -> Result<()> {
    let expected: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for folder in ["fuzz_targets", "corpus"] {
        let found = entries(&Path::new(FOLDER).join(folder))?;
        let names: Option<BTreeSet<String>> =
            found.iter().map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect();
        ensure!(names.as_ref() == Some(&expected), "{folder}: {names:?}");
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_file()).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
