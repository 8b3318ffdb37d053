"""A portal whose clock stands, one for all pictures."""

import functools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.pictures.camera import Camera
from tests.pictures.portal import stopped


@pytest.fixture(scope="package")
def camera(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Camera]:
    """Takes pictures of a portal of its own: no other test changes what is on them."""
    with stopped(tmp_path_factory.mktemp("pictures")) as portal:
        yield Camera(chromium, portal, functools.cache(portal.sign_in))
