//! Kept answers.
