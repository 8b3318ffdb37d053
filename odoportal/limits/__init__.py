"""Rate limits, quotas, and limits on open files and on work in progress."""
