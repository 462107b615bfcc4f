//! What the hooks need of kernel, host and user.
