"""The commands of `odoportal`, a module for each kind. Slow imports are inside the commands, so that `--help` answers at once."""
