"""Fixtures for the pictures: a portal whose clock is stopped."""

import functools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.pictures.camera import Camera
from tests.pictures.portal import stopped


@pytest.fixture(scope="package")
def camera(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Camera]:
    """Yield a camera with a separate portal, so that no other test changes what the pictures show."""
    with stopped(tmp_path_factory.mktemp("pictures")) as portal:
        yield Camera(chromium, portal, functools.cache(portal.sign_in))
