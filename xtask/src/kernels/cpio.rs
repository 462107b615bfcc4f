//! An initramfs: the kernel's `newc` archive with one program as `/init` (Documentation/driver-api/early-userspace).

/// An archive with the folder `dev`, the device `dev/console`, and `init`.
pub(super) fn initramfs(init: &[u8]) -> Vec<u8> {
    let mut archive = Vec::with_capacity(init.len() + 1024);
    append(&mut archive, "dev", FOLDER | 0o755, NO_DEVICE, &[]);
    append(&mut archive, "dev/console", CHARACTER_DEVICE | 0o600, CONSOLE, &[]);
    append(&mut archive, "init", FILE | 0o755, NO_DEVICE, init);
    append(&mut archive, "TRAILER!!!", 0, NO_DEVICE, &[]);
    archive
}

const FOLDER: u32 = 0o040_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const FILE: u32 = 0o100_000;
const NO_DEVICE: (u32, u32) = (0, 0);
/// Major and minor number of `/dev/console`.
const CONSOLE: (u32, u32) = (5, 1);

fn append(archive: &mut Vec<u8>, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
    let length = u32::try_from(content.len()).expect("an initramfs file below 4 GiB");
    let name_length = u32::try_from(name.len() + 1).expect("a short name");
    // inode, mode, uid, gid, links, mtime, length, device of the file system (2), device (2), name length, checksum
    let fields = [0, mode, 0, 0, 1, 0, length, 0, 0, device.0, device.1, name_length, 0];
    archive.extend_from_slice(b"070701");
    archive.extend(fields.iter().flat_map(|field| format!("{field:08X}").into_bytes()));
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    pad(archive);
    archive.extend_from_slice(content);
    pad(archive);
}

/// Header with name, and content, each end at a multiple of four bytes.
fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_aligned_and_end_with_the_trailer() {
        let archive = initramfs(b"12345");
        assert_eq!(archive.len() % 4, 0);
        assert!(archive.starts_with(b"070701"));
        let at = archive.windows(5).position(|bytes| bytes == b"12345").unwrap();
        assert_eq!(at % 4, 0);
        assert!(archive.windows(10).any(|bytes| bytes == b"TRAILER!!!"));
    }
}
