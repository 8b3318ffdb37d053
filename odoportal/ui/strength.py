"""The hint under a new password about how hard it is to guess. It is only advice; `rooms.signin.passwords` decides."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.ui.template import El, el


class Strength(rx.Component):
    """Browser behaviour that updates a page's password hints as the person types."""

    library = "$/public" + rx.asset("strength.js", shared=True)
    tag = "Strength"


def strength(field: str, fewest: int) -> El:
    """Return the hint for the field with this id; `fewest` is the minimum length of a password. Without script it stays empty."""
    texts = {
        "data_short": t("Characters still missing: {n}.", n="{n}"),
        "data_weak": t("Easy to guess. Add words that do not belong together."),
        "data_fair": t("Not bad. One more word makes it harder to guess."),
        "data_hard": t("Hard to guess."),
    }
    bar = el("span", cls="strength-bar", aria_hidden="true")
    said = el("span", role="status", cls="field-hint")
    return el("p", bar, said, cls="strength", data_strength=field, data_fewest=str(fewest), data_level="0", **texts)
