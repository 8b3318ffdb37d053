"""The user interface: markup, components and browser code. It depends on no room and no business rule."""
