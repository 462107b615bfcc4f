//! The kernel's functions by address, from `/proc/kallsyms`.

const KALLSYMS: &str = "/proc/kallsyms";

/// Functions, sorted by address.
#[derive(Default)]
pub(super) struct Symbols {
    /// Address, and where its name begins and ends in `names`.
    functions: Vec<(u64, u32, u32)>,
    names: String,
}

/// Whether the kernel tells addresses to us: with `kernel.kptr_restrict`, they are all 0.
pub(super) fn are_told() -> bool {
    crate::capture::prerequisites::tells_symbols(std::path::Path::new(KALLSYMS))
}

impl Symbols {
    /// Reads them all; none when that is not allowed.
    pub(super) fn read() -> Self {
        std::fs::read_to_string(KALLSYMS).map(|text| Self::parse(&text)).unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let mut symbols = Self::default();
        text.lines().for_each(|line| symbols.add(line));
        symbols.functions.sort_unstable_by_key(|function| function.0);
        symbols
    }

    /// `ffffffff81000000 T name`, or `... t name [module]`.
    fn add(&mut self, line: &str) {
        let mut words = line.splitn(3, ' ');
        let (Some(address), Some("t" | "T" | "w" | "W"), Some(name)) = (words.next(), words.next(), words.next())
        else {
            return;
        };
        let Ok(address @ 1..) = u64::from_str_radix(address, 16) else { return };
        // What compilers make of a function has its name, and how it was made behind a dot.
        let name = name.split(['.', '\t']).next().unwrap_or(name);
        let begin = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push_str(name);
        self.functions.push((address, begin, u32::try_from(self.names.len()).unwrap_or(u32::MAX)));
    }

    /// The function that an address lies in.
    pub(super) fn function(&self, address: u64) -> Option<&str> {
        let behind = self.functions.partition_point(|function| function.0 <= address);
        let &(_, begin, end) = self.functions.get(behind.checked_sub(1)?)?;
        self.names.get(begin as usize..end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "0000000000000010 T start\n\
                         0000000000000000 t hidden\n\
                         0000000000000300 t nft_do_chain\t[nf_tables]\n\
                         0000000000000200 t udp_rcv.constprop.0\n\
                         0000000000000250 d some_data\n";

    #[track_caller]
    fn check(address: u64, expected: Option<&str>) {
        assert_eq!(Symbols::parse(LINES).function(address), expected);
    }

    #[test]
    fn address_lies_in_the_function_before_it() {
        check(0x10, Some("start"));
        check(0x1ff, Some("start"));
        check(0x200, Some("udp_rcv"));
        check(0x2ff, Some("udp_rcv"));
        check(0x345, Some("nft_do_chain"));
    }

    #[test]
    fn address_before_all_functions_has_no_name() {
        check(0xf, None);
        assert_eq!(Symbols::default().function(u64::MAX), None);
    }
}
