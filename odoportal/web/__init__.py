"""HTTP and sockets: the document server, the event gate, what is let in."""
