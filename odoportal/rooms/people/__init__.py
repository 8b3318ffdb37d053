"""The people of an account, their roles, and invitations to the account."""
