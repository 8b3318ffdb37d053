"""Backup, restore and copies of the database."""
