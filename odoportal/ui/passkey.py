"""The component written for the browser in `passkey.js`, as Python sees it."""

import reflex as rx


class Passkeys(rx.Component):
    """What the buttons with `data-passkey` do in a page's forms: "create" makes a passkey, "get" answers with one."""

    library = "$/public" + rx.asset("passkey.js", shared=True)
    tag = "Passkeys"
