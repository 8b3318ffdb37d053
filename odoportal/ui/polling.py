"""Asking again by itself, for a while."""

import reflex as rx


class Again(rx.Component):
    """Nothing on the screen: while it is there, `on_again` comes every so many seconds, a number of times; see again.js."""

    library = "$/public" + rx.asset("again.js", shared=True)
    tag = "Again"

    seconds: rx.Var[int]
    times: rx.Var[int]
    on_again: rx.EventHandler[rx.event.no_args_event_spec]
