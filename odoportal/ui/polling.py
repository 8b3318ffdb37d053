"""Polling: a component that fires an event at an interval, a limited number of times."""

import reflex as rx


class Poll(rx.Component):
    """An invisible component that fires `on_again` every `seconds` seconds, at most `times` times. See again.js."""

    library = "$/public" + rx.asset("again.js", shared=True)
    tag = "Again"

    seconds: rx.Var[int]
    times: rx.Var[int]
    on_again: rx.EventHandler[rx.event.no_args_event_spec]
