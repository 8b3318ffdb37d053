"""Changes the sources that Reflex writes for Vite before they are bundled, for fewer and smaller scripts."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reflex.plugins import Plugin
from reflex_base.constants import Templates

from odoportal.frontend import styles

ELEMENT, EVENTS, TRANSPORTS = "utils/element.js", "utils/state.js", "utils/transports.js"
SHEET = '"data-sheet":reflexGlobalStyles'
SHARED_STYLES, ROOM_STYLES = "portal.css", "rooms"
"""Where the style sheets are in the build folder's `styles`: the shared one, and the folder of the rooms' ones."""
_EMOTION = f'{{ find: "@emotion/react", replacement: fileURLToPath(new URL("./{ELEMENT}", import.meta.url)) }},'
# The portal only accepts WebSockets (web/socket_filter.py), so the other transports of Socket.IO are left out.
_OTHER_TRANSPORTS = (
    r"{ find: /^\.\/(?:transports\/)?(?:polling-xhr|polling-xhr\.node|polling-fetch|webtransport)\.js$/, "
    f'replacement: fileURLToPath(new URL("./{TRANSPORTS}", import.meta.url)) }},'
)
# Three scripts contain what every page needs: browsers open six connections to a server, and need some for the document and the font.
# The styles of the sign-in pages come with the scripts that these pages load anyway; otherwise they would be a request of their own.
_GROUPS = """groups: [
  { name: "react", test: /node_modules\\/(react|react-dom|scheduler)\\//, priority: 2 },
  { name: "router", test: /node_modules\\/react-router\\//, priority: 2 },
  { name: "signin", test: /styles\\/rooms\\/signin\\.css|ui\\/(strength|passkey)\\//, priority: 2 },
  { name: "portal", test: /node_modules\\/|\\.web\\/utils\\/|ui\\/client\\/client\\.js|env\\.json$/, priority: 1 },
],"""


_REQUEST_HOOK = """  const asked = useRef("");
  useEffect(() => {
    window.odoAsk = ({ pathname, search }) => {
      if (!socket.current?.connected) return;
      asked.current = pathname + search;
      dispatch["reflex___state____state"]({ is_hydrated_rx_state_: false });
      const router_data = { pathname, asPath: pathname + search, query: Object.fromEntries(new URLSearchParams(search)) };
      addEvents(app.onLoadInternalEvent().map((event) => ({ ...event, router_data })));
    };
  }, [dispatch, addEvents]);
"""
_SKIP_IF_REQUESTED = """    const known = asked.current === location.pathname + location.search;
    asked.current = "";
    if (known) {
      prevLocationRef.current = location;
      return;
    }
"""


class BuildChanged(Exception):
    """The output of Reflex or Vite differs from that of the supported version."""


def _replace_once(text: str, pattern: str, new: str) -> str:
    """Replace the only match of a pattern, or raise BuildChanged."""
    changed, found = re.subn(pattern, lambda _: new, text, flags=re.S)
    if found != 1:
        raise BuildChanged(f"{pattern} is {found} times in what Reflex wrote, not once.")
    return changed


def bundle(config: str) -> str:
    """Return Vite's configuration with the scripts grouped into a few files, and without Emotion and the transports that no page uses.

    Raises:
        BuildChanged: the places to change were not found.
    """
    config = _replace_once(config, r"(?<=alias: \[)", _EMOTION + _OTHER_TRANSPORTS)
    return _replace_once(config, r"groups: \[.*?\n          \],", _GROUPS)


def document(script: str) -> str:
    """Return the document around every page with a place for its style sheet's text, instead of two links to the sheet.

    Raises:
        BuildChanged: the links were not found.
    """
    links = r'jsx\("link",\{as:"style",href:reflexGlobalStyles.*?\},?\),jsx\("link",\{href:reflexGlobalStyles.*?\},?\)'
    kept = "dangerouslySetInnerHTML:{__html:''},suppressHydrationWarning:true"
    return _replace_once(script, links, f'jsx("style",{{{SHEET},{kept}}})')


def events(script: str) -> str:
    """Return Reflex's event script adapted to the portal.

    It loses the handling of a newer version, which reloads a page while a person is typing or shows an English message, and the uploads,
    because files of the portal are sent by forms. It gains an event that reopens the socket and a function that requests an address's
    content.

    Raises:
        BuildChanged: the places to change were not found.
    """
    version_handling = r"const reloadForNewVersion = .*?\nconst handleStateMismatch = .*?\n\};\n"
    script = _replace_once(script, version_handling, "const handleStateMismatch = () => {};\n")
    # A form may give the browser another session (see ui/form.js), but a socket keeps the cookies it was opened with: reopen it.
    connect_error = 'socket.current.on("connect_error", retryConnect);'
    reopen = 'window.addEventListener("odo-renewed", () => { socket.current?.disconnect(); socket.current?.reconnect(); });'
    script = _replace_once(script, re.escape(connect_error), f"{connect_error}\n  {reopen}")
    # The content of an address is requested at the navigation (`turn` in ui/client.js), otherwise, as in Reflex, after the page is
    # rendered.
    route_change = "    // Equivalent to routeChangeStart"
    script = _replace_once(script, re.escape(route_change), f"{_SKIP_IF_REQUESTED}\n{route_change}")
    navigation_ref = "  const handleNavigationEvents = useRef(false);"
    script = _replace_once(script, re.escape(navigation_ref), _REQUEST_HOOK + navigation_ref)
    return _replace_once(script, r'import \{ uploadFiles \} from "[^"]+";', "const uploadFiles = () => false;")


def root(script: str) -> str:
    """Return the root of the pages without the libraries it keeps for evaluated components, which the content security policy forbids.

    Raises:
        BuildChanged: the place to change was not found.
    """
    script = _replace_once(script, r"useEffect\(\(\) => \{\s*// Make contexts and state objects available.*?\}, \[\]\);", "")
    return re.sub(r"^import \* as .*?;$", "", script, flags=re.M)


class PreBuild(Plugin):
    """Reflex's hooks before a production build."""

    def get_static_assets(self, **context: Any) -> Sequence[tuple[Path, str | bytes]]:  # noqa: ARG002
        """Return what replaces Emotion and unused transports, Reflex's event script adapted to the portal, and the style sheets.

        Reflex copies the event script into the build folder only once, so it is changed on the way there and not in place.
        """
        ui = Path(__file__).parents[1] / "ui"
        rooms = [(Path("styles", ROOM_STYLES, f"{room}.css"), sheet) for room, sheet in styles.room_sheets().items()]
        return [
            (Path(ELEMENT), (ui / "element.js").read_text("utf-8")),
            (Path(TRANSPORTS), (ui / "transports.js").read_text("utf-8")),
            (Path(EVENTS), events((Path(Templates.Dirs.WEB_TEMPLATE) / EVENTS).read_text("utf-8"))),
            (Path("styles", SHARED_STYLES), styles.shared_sheet()),
            *rooms,
        ]

    def get_stylesheet_paths(self, **context: Any) -> Sequence[str]:  # noqa: ARG002
        """Return the shared style sheet, which Reflex links in every document."""
        return [f"./{SHARED_STYLES}"]

    def pre_compile(self, **context: Any) -> None:
        """Register the changes of the sources that Reflex writes."""
        add_modification = context["add_modify_task"]
        add_modification("vite.config.js", bundle)
        add_modification("app/_document.js", document)
        add_modification("app/root.jsx", root)
