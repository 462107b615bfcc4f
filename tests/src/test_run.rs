//! `BPF_PROG_TEST_RUN`: one packet through one program of the kernel half.
