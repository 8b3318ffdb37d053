"""The commands of `odoportal`, a file for each kind. What takes long to load is imported inside them, so that `--help` answers at once."""
