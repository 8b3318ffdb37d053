"""Accounts, the people who may act for them, their roles and rights: what every room depends on."""
