"""Screens of the portal, compared with approved pictures of them."""
