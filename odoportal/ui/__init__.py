"""How everything looks and behaves in the browser; it knows no room and no rule."""
