"""Visual regression tests: screens of the portal are compared with approved pictures."""
