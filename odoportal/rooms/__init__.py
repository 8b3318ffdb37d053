"""The places of the portal, a folder each."""
