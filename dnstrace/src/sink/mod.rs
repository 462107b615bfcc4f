//! Transactions to bytes: text and JSON.
