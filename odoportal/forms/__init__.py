"""What is sent with a form, and what answers it."""
