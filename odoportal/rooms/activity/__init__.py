"""The activity of an account: who changed what, when and from where."""
