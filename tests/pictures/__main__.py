"""`python -m tests.pictures --list` lists the screens; `--approve [NAME…]` takes their pictures again and approves them.

Without names, it approves all screens that differ from their approved picture or have none. Look at each picture before you commit it.
"""

import argparse
import functools
import sys
import tempfile
from pathlib import Path

from odoportal.frontend import builder
from tests.chromium import launched
from tests.pictures import approved
from tests.pictures.camera import Camera, other_fonts, shot
from tests.pictures.portal import stopped
from tests.pictures.screens import SCREENS, Screen


class NotApproved(Exception):
    """A picture that cannot be approved; the message says why."""


def approve(camera: Camera, screen: Screen, always: bool) -> str:
    """Approve a screen as it is now, and return a line that says so; empty when it looks as approved.

    Args:
        camera: takes the picture.
        screen: the screen.
        always: approve it again even when it looks as approved.

    Raises:
        NotApproved: when text is drawn with a font that another machine may not have, or the picture is too large.
    """
    page = camera.open(screen)
    taken, fonts = shot(page, screen), other_fonts(page)
    page.context.close()
    if not approved.leave(screen.id, taken) and not always:
        return ""
    if fonts:
        raise NotApproved(f"{screen.id} is not drawn with the portal's font alone, but also with {', '.join(sorted(fonts))}")
    try:
        path = approved.approve(screen.id, taken)
    except ValueError as error:
        raise NotApproved(f"{screen.id}: {error}") from error
    kept = approved.read(screen.id).picture
    return f"{path.relative_to(builder.root())}: {path.stat().st_size} bytes, {kept.height} of {taken.height} pixels"


def main() -> int:
    """Run the command; return 1 when a picture could not be approved."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    known = {screen.id: screen for screen in SCREENS}
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="name the screens")
    what.add_argument("--approve", nargs="*", choices=known, metavar="NAME", help="approve these, or all that differ")
    chosen = parser.parse_args()
    if chosen.list:
        print("\n".join(known))
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder, stopped(Path(folder)) as portal, launched() as browser:
        camera = Camera(browser, portal, functools.cache(portal.sign_in))
        for name in chosen.approve or known:
            try:
                said = approve(camera, known[name], always=bool(chosen.approve))
            except NotApproved as error:
                said, failed = str(error), 1
            if said:
                print(said, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
