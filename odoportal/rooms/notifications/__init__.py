"""Notifications: which mails a person gets for an account, the mails themselves, and the addresses that get copies of invoices."""
