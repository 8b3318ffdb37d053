"""Reflex wrapper of the browser component in `passkey.js`."""

import reflex as rx


class Passkeys(rx.Component):
    """Browser behaviour of form buttons with `data-passkey`: "create" makes a passkey, "get" authenticates with one."""

    library = "$/public" + rx.asset("passkey.js", shared=True)
    tag = "Passkeys"
