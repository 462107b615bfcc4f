//! Where members lie in the running kernel's structures, from `/sys/kernel/btf/vmlinux`.
//!
//! Rust has no relocations for the kernel's types, so user space looks the offsets up and sets them as globals.
//! Format: Documentation/bpf/btf.rst.

use std::collections::HashMap;

/// Types in their order; a type's id is its place plus one.
pub(super) struct Btf<'a> {
    types: Vec<Type<'a>>,
    strings: &'a [u8],
    structs: HashMap<&'a [u8], Vec<usize>>,
}

struct Type<'a> {
    kind: u32,
    name: u32,
    /// Of a pointer, a typedef: what it is of.
    target: u32,
    /// `kind_flag`: member offsets carry a bit-field size in their upper byte.
    bit_fields: bool,
    /// What follows the three words every type begins with.
    tail: &'a [u8],
}

const MAGIC: u16 = 0xeb9f;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const FUNC_PROTO: u32 = 13;
const MEMBER_LEN: usize = 12;
/// A structure nests anonymous ones a few deep; `task_struct` four.
const NESTING_MAX: u32 = 8;

impl<'a> Btf<'a> {
    /// Indexes the structures; `None` when this is not BTF in the machine's byte order.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        if u16::from_ne_bytes(*bytes.first_chunk()?) != MAGIC {
            return None;
        }
        let header = usize::try_from(word(bytes, 4)?).ok()?;
        let part = |offset: usize, len: usize| {
            let start = header.checked_add(usize::try_from(word(bytes, offset)?).ok()?)?;
            bytes.get(start..start.checked_add(usize::try_from(word(bytes, len)?).ok()?)?)
        };
        let (types, strings) = (part(8, 12)?, part(16, 20)?);
        let mut btf = Self { types: Vec::new(), strings, structs: HashMap::new() };
        btf.read_types(types)?;
        Some(btf)
    }

    /// Offset in bytes of `member` in the first structure `name` that has it.
    pub(super) fn offset(&self, name: &str, member: &str) -> Option<u32> {
        let places = self.structs.get(name.as_bytes())?;
        places
            .iter()
            .find_map(|&place| self.member(&self.types[place], member.as_bytes(), NESTING_MAX))
            .map(|bits| bits / 8)
    }

    /// How many parameters a tracepoint of its own type (`btf_trace_NAME`) has, what it carries for itself left out.
    pub(super) fn parameters(&self, name: &str) -> Option<usize> {
        let pointer = self.of_id(self.named(TYPEDEF, name)?.target)?;
        let function = self.of_id(pointer.target).filter(|function| function.kind == FUNC_PROTO)?;
        (function.tail.len() / 8).checked_sub(1)
    }

    /// Values and names of an enumeration; none when there is none of this name.
    pub(super) fn enumeration(&self, name: &str) -> Vec<(u32, &str)> {
        let entries = self.named(ENUM, name).map_or(&[][..], |found| found.tail).chunks_exact(8);
        let entry = |entry| Some((word(entry, 4)?, std::str::from_utf8(string(self.strings, word(entry, 0)?)?).ok()?));
        entries.filter_map(entry).collect()
    }

    fn named(&self, kind: u32, name: &str) -> Option<&Type<'a>> {
        let same = |found: &&Type<'a>| found.kind == kind && string(self.strings, found.name) == Some(name.as_bytes());
        self.types.iter().find(same)
    }

    fn of_id(&self, id: u32) -> Option<&Type<'a>> {
        self.types.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    fn read_types(&mut self, mut rest: &'a [u8]) -> Option<()> {
        while !rest.is_empty() {
            let info = word(rest, 4)?;
            let kind = info >> 24 & 0x1f;
            let (head, tail) = rest.split_at_checked(12)?;
            let (tail, next) = tail.split_at_checked(tail_len(kind, usize::try_from(info & 0xffff).ok()?)?)?;
            if kind == STRUCT {
                self.structs.entry(string(self.strings, word(head, 0)?)?).or_default().push(self.types.len());
            }
            let (name, target) = (word(head, 0)?, word(head, 8)?);
            self.types.push(Type { kind, name, target, bit_fields: info >> 31 == 1, tail });
            rest = next;
        }
        Some(())
    }

    /// Offset in bits, also of a member of an anonymous structure or union inside.
    fn member(&self, of: &Type<'a>, name: &[u8], nesting: u32) -> Option<u32> {
        of.tail.chunks_exact(MEMBER_LEN).find_map(|member| {
            let offset = word(member, 8)?;
            let offset = if of.bit_fields { offset & 0x00ff_ffff } else { offset };
            match string(self.strings, word(member, 0)?)? {
                found if found == name => Some(offset),
                b"" => self.anonymous(word(member, 4)?, name, nesting.checked_sub(1)?).map(|inner| offset + inner),
                _ => None,
            }
        })
    }

    fn anonymous(&self, id: u32, name: &[u8], nesting: u32) -> Option<u32> {
        let inner = self.of_id(id)?;
        matches!(inner.kind, STRUCT | UNION).then(|| self.member(inner, name, nesting)).flatten()
    }
}

/// How many bytes follow the three words of a type of this kind with `entries` entries.
fn tail_len(kind: u32, entries: usize) -> Option<usize> {
    Some(match kind {
        // INT, VAR, DECL_TAG
        1 | 14 | 17 => 4,
        // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
        2 | 7..=12 | 16 | 18 => 0,
        // ARRAY
        3 => 12,
        STRUCT | UNION | 15 | 19 => entries * 12,
        ENUM | FUNC_PROTO => entries * 8,
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn string(strings: &[u8], at: u32) -> Option<&[u8]> {
    strings.get(usize::try_from(at).ok()?..)?.split(|byte| *byte == 0).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct outer { u32 first; union { u32 left; u64 right; }; }` in BTF.
    fn sample() -> Vec<u8> {
        let strings = b"\0int\0outer\0first\0left\0right\0";
        let types: &[u32] = &[
            // 1: int of 4 bytes
            1,
            1 << 24,
            4,
            32,
            // 2: anonymous union of two
            0,
            5 << 24 | 2,
            8,
            17,
            1,
            0,
            22,
            1,
            0,
            // 3: outer
            5,
            4 << 24 | 2,
            16,
            11,
            1,
            0,
            0,
            2,
            64,
        ];
        let types: Vec<u8> = types.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut btf = Vec::from(MAGIC.to_ne_bytes());
        btf.extend([1, 0]);
        let lengths = [24, 0, types.len(), types.len(), strings.len()];
        btf.extend(lengths.iter().flat_map(|word| u32::try_from(*word).unwrap().to_ne_bytes()));
        [btf, types, strings.to_vec()].concat()
    }

    #[test]
    fn member_of_an_anonymous_union_has_its_offset() {
        let bytes = sample();
        let btf = Btf::parse(&bytes).unwrap();
        assert_eq!(btf.offset("outer", "first"), Some(0));
        assert_eq!(btf.offset("outer", "right"), Some(8));
        assert_eq!(btf.offset("outer", "missing"), None);
        assert_eq!(btf.offset("inner", "first"), None);
    }

    #[test]
    fn cut_or_foreign_bytes_are_no_btf() {
        let bytes = sample();
        for end in 0..bytes.len() {
            let _ = Btf::parse(&bytes[..end]);
        }
        assert!(Btf::parse(&bytes[..30]).is_none());
        assert!(Btf::parse(b"\x7fELF").is_none());
    }
}
