//! Who: names for what the kernel gives as numbers.
