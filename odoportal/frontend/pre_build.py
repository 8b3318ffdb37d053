"""What is changed in the sources that Reflex writes for Vite, before they are bundled: fewer and smaller scripts."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reflex.plugins import Plugin
from reflex_base.constants import Templates

ELEMENT, EVENTS = "utils/element.js", "utils/state.js"
SHEET = '"data-sheet":reflexGlobalStyles'
_EMOTION = f'{{ find: "@emotion/react", replacement: fileURLToPath(new URL("./{ELEMENT}", import.meta.url)) }},'
# Three scripts for what every page needs: browsers ask six at once of a server, the document and the font among them.
_GROUPS = """groups: [
  { name: "react", test: /node_modules\\/(react|react-dom|scheduler)\\//, priority: 2 },
  { name: "router", test: /node_modules\\/react-router\\//, priority: 2 },
  { name: "portal", test: /node_modules\\/|\\.web\\/utils\\/|ui\\/client\\/client\\.js|env\\.json$/, priority: 1 },
],"""


_ASK = """  const asked = useRef("");
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
_KNOWN = """    const known = asked.current === location.pathname + location.search;
    asked.current = "";
    if (known) {
      prevLocationRef.current = location;
      return;
    }
"""


class BuildChanged(Exception):
    """What Reflex writes or Vite builds is not what it was when the portal was made for this version."""


def _changed(text: str, pattern: str, new: str) -> str:
    changed, found = re.subn(pattern, lambda _: new, text, flags=re.S)
    if found != 1:
        raise BuildChanged(f"{pattern} stands {found} times in what Reflex wrote, not once.")
    return changed


def bundle(config: str) -> str:
    """Vite's configuration with Emotion replaced by a few lines of our own, and the scripts in a few files.

    Raises:
        BuildChanged: when its places for that are not found.
    """
    config = _changed(config, r"(?<=alias: \[)", _EMOTION)
    return _changed(config, r"groups: \[.*?\n          \],", _GROUPS)


def document(script: str) -> str:
    """The document around every page with a place for its style sheet's text instead of two links to it.

    Raises:
        BuildChanged: when the links are not found.
    """
    links = r'jsx\("link",\{as:"style",href:reflexGlobalStyles.*?\},?\),jsx\("link",\{href:reflexGlobalStyles.*?\},?\)'
    kept = "dangerouslySetInnerHTML:{__html:''},suppressHydrationWarning:true"
    return _changed(script, links, f'jsx("style",{{{SHEET},{kept}}})')


def events(script: str) -> str:
    """Reflex's events without its ways to a newer version, which reload a page under what somebody writes, or say so in English, without
    its uploads, as files of the portal go through forms, with a way to open the socket anew and one to ask for what an address shows.

    Raises:
        BuildChanged: when they are not found.
    """
    ways = r"const reloadForNewVersion = .*?\nconst handleStateMismatch = .*?\n\};\n"
    script = _changed(script, ways, "const handleStateMismatch = () => {};\n")
    # After a form that gave the browser another session, see ui/form.js: a socket keeps the cookies it was opened with.
    failing = 'socket.current.on("connect_error", retryConnect);'
    anew = 'window.addEventListener("odo-renewed", () => { socket.current?.disconnect(); socket.current?.reconnect(); });'
    script = _changed(script, re.escape(failing), f"{failing}\n  {anew}")
    # What an address shows is asked for by who goes there (`turn` in ui/client.js), and else, as before, once the page was drawn for it.
    started = "    // Equivalent to routeChangeStart"
    script = _changed(script, re.escape(started), f"{_KNOWN}\n{started}")
    first = "  const handleNavigationEvents = useRef(false);"
    script = _changed(script, re.escape(first), _ASK + first)
    return _changed(script, r'import \{ uploadFiles \} from "[^"]+";', "const uploadFiles = () => false;")


def root(script: str) -> str:
    """The root of the pages without the libraries it would keep for components that are evaluated, which the policy forbids.

    Raises:
        BuildChanged: when that is not found.
    """
    script = _changed(script, r"useEffect\(\(\) => \{\s*// Make contexts and state objects available.*?\}, \[\]\);", "")
    return re.sub(r"^import \* as .*?;$", "", script, flags=re.M)


class PreBuild(Plugin):
    """Reflex's hooks before a production build."""

    def get_static_assets(self, **context: Any) -> Sequence[tuple[Path, str | bytes]]:  # noqa: ARG002
        """Our stand-in for Emotion, and Reflex's events as the portal has them.

        The events are copied once into the folder of a build, so they are changed on their way there and not in it.
        """
        own = (Path(__file__).parents[1] / "ui" / "element.js").read_text("utf-8")
        return [(Path(ELEMENT), own), (Path(EVENTS), events((Path(Templates.Dirs.WEB_TEMPLATE) / EVENTS).read_text("utf-8")))]

    def pre_compile(self, **context: Any) -> None:
        """Have the sources changed once they are written."""
        change = context["add_modify_task"]
        change("vite.config.js", bundle)
        change("app/_document.js", document)
        change("app/root.jsx", root)
