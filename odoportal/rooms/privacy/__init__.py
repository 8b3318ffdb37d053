"""My data: the export of a person's and an account's data as one file, and the request to close an account."""
