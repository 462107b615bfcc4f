//! `dnstrace doctor`: what this kernel and user allow, a line each, with the remedy.
