"""The room "Sign-in and security": a person's own email, password, two-step sign-in, passkeys and open sessions."""
