"""Accounts, the people who may look after them, and their roles: the room every other one stands on."""
