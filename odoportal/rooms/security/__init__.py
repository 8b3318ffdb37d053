"""How a person gets in, for the person: email, password, two-step sign-in, open sessions."""
