"""How Reflex builds and serves the portal. It is read at build time too, where no ODOPORTAL_ setting is needed."""

import os
from contextlib import suppress

import reflex as rx

from odoportal.frontend.post_build import PostBuild
from odoportal.frontend.pre_build import PreBuild
from odoportal.public_origin import origin_of


def _origins() -> list[str]:
    """Return the one origin whose pages may call the portal; without one, an origin that no site has, since an empty list allows all."""
    with suppress(ValueError):
        return [origin_of(os.environ.get("ODOPORTAL_PUBLIC_URL", ""))]
    return ["https://portal.invalid"]


config = rx.Config(
    app_name="odoportal",
    plugins=[PreBuild(), PostBuild()],
    disable_plugins=[rx.plugins.SitemapPlugin],
    telemetry_enabled=False,
    show_built_with_reflex=False,
    # One process keeps states in memory: never on disk, where they would lie readable for an hour.
    state_manager_mode=rx.constants.StateManagerMode.MEMORY,
    frontend_compression_formats=["brotli", "gzip"],
    cors_allowed_origins=_origins(),
)
