"""The HTTP and websocket layers: the document server, the event gate, and the checks on incoming requests."""
