"""Backup, restore and copy of the database."""
