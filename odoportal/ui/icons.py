"""The icons of the portal: names in the Lucide set, drawn from one sprite that the build writes."""

import hashlib

NAMES = (
    "layout-dashboard", "list-checks", "calendar-sync", "circle-user-round", "book-user", "credit-card", "store", "package", "receipt-text",
    "share-2", "map-pin", "ticket", "circle-help", "menu", "globe", "chevron-down", "chevron-left", "chevron-right", "chevron-up",
    "arrow-up-right", "arrow-down", "arrow-up", "chevrons-up-down", "search", "x", "eye", "eye-off", "circle-alert", "triangle-alert",
    "circle-check", "circle", "circle-dot", "contrast", "circle-dashed", "undo-2", "clock", "calendar", "calendar-clock", "sliders-horizontal",
    "refresh-cw", "link", "book-open", "log-out", "sun", "moon", "monitor", "wifi-off", "package-open", "check", "inbox", "filter-x", "mail", "phone",
    "languages", "truck",
)  # fmt: skip

SPRITE = f"/icons.svg?v={hashlib.sha256(' '.join(NAMES).encode()).hexdigest()[:8]}"
