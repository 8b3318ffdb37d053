"""The changes to Reflex's sources before bundling, on the output of the installed release."""

import re
from pathlib import Path

import pytest
from reflex.config import get_config
from reflex_base.compiler import templates
from reflex_base.constants import Templates

from odoportal.frontend import pre_build
from odoportal.frontend.pre_build import BuildChanged

DOCUMENT = (
    'jsx("head",{},jsx("link",{as:"style",href:reflexGlobalStyles,rel:"preload"},),'
    'jsx("link",{href:reflexGlobalStyles,rel:"stylesheet",type:"text/css"},),jsx(Links,{},))'
)
ROOT = """import * as React from "react";
import * as utils_state from "$/utils/state";
function ReflexProviders({children}) {
  useEffect(() => {
    // Make contexts and state objects available globally for dynamic eval'd components
    window.__reflex = { "react": React };
  }, []);
  return children;
}
"""


def vite() -> str:
    return templates.vite_config_template(
        base="/", hmr=False, force_full_reload=False, experimental_hmr=False, sourcemap=False, minify=True
    )


def test_scripts_are_bundled_in_few_files_without_emotion() -> None:
    config = pre_build.bundle(vite())
    assert re.search(r'alias: \[\{ find: "@emotion/react", replacement: [^}]*utils/element\.js', config)
    assert re.findall(r'name: "(\w+)", test', config) == ["react", "router", "signin", "portal"]
    assert "reflex-env" not in config
    assert config.count("{") == config.count("}")
    assert config.count("[") == config.count("]")


def test_only_the_transport_of_the_pages_is_bundled() -> None:
    found = re.search(r"find: /(\^\S+)/, replacement: [^}]*utils/transports\.js", pre_build.bundle(vite()))
    assert found
    left_out = re.compile(found[1])
    assert get_config().transport == "websocket"
    for name in ("./polling-xhr.node.js", "./transports/polling-xhr.js", "./transports/polling-fetch.js", "./transports/webtransport.js"):
        assert left_out.match(name), name
    for name in ("./websocket.node.js", "./transports/websocket.js", "./transports/index.js", "./transport.js"):
        assert not left_out.match(name), name


def test_the_style_sheet_has_a_place_and_no_link() -> None:
    script = pre_build.document(DOCUMENT)
    assert script.startswith('jsx("head",{},jsx("style",{"data-sheet":reflexGlobalStyles,')
    assert script.endswith("),jsx(Links,{},))")
    assert "link" not in script


def test_the_root_keeps_no_libraries_for_evaluated_components() -> None:
    script = pre_build.root(ROOT)
    assert "__reflex" not in script
    assert "import *" not in script
    assert "return children" in script


def test_a_newer_version_and_uploads_are_not_reflex_s_to_handle() -> None:
    whole = (Path(Templates.Dirs.WEB_TEMPLATE) / pre_build.EVENTS).read_text("utf-8")
    script = pre_build.events(whole)
    assert "A new version of this app" in whole
    assert "A new version of this app" not in script
    assert "helpers/upload" not in script
    assert "socket.current.on(STATE_MISMATCH_EVENT, handleStateMismatch)" in script
    assert script.count("odo-renewed") == 1
    assert script.count("window.odoAsk") == 1
    assert script.index("const known = asked.current") < script.index("addEvents(app.onLoadInternalEvent());")


def test_the_shared_styles_are_linked_and_each_room_s_are_beside_them() -> None:
    plugin = pre_build.PreBuild()
    files = {path.as_posix(): text for path, text in plugin.get_static_assets()}
    (linked,) = plugin.get_stylesheet_paths()
    assert "@layer components {" in str(files[f"styles/{linked.removeprefix('./')}"])
    assert "@layer rooms {" in str(files["styles/rooms/orders.css"])


@pytest.mark.parametrize("change", [pre_build.bundle, pre_build.document, pre_build.events, pre_build.root])
def test_a_changed_release_stops_the_build(change: object) -> None:
    assert callable(change)
    with pytest.raises(BuildChanged):
        change("export default {}")
