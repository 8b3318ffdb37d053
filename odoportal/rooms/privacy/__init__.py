"""My data: what is kept on a person and an account, taken home in one file, and the wish to close an account."""
