"""The state and the layout that all pages share."""
