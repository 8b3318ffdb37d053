"""Import hook that removes one guard from a module; Python imports this file at start-up if its folder is on the path.

The module's file is not changed, so nothing has to be built again, and every process that a test starts has the same change.
"""

import importlib.machinery
import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import CodeType, ModuleType
from typing import Any

MUTATION = "TESTS_MUTATION"


class _Changed(importlib.machinery.SourceFileLoader):
    old, new = "", ""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed source, without the cache, which would serve it to runs with another mutation."""
        name = self.get_filename(fullname)
        source = self.get_data(name).decode("utf-8")
        if source.count(self.old) != 1:
            raise ImportError(f"what is to be changed is not there exactly once: {self.old}")
        return compile(source.replace(self.old, self.new), name, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, module: str, old: str, new: str) -> None:
        self.module = module
        self.loader = type("Changed", (_Changed,), {"old": old, "new": new})

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if fullname != self.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin:
            spec.loader = self.loader(fullname, spec.origin)
        return spec


if MUTATION in os.environ:
    sys.meta_path.insert(0, _Finder(**json.loads(os.environ[MUTATION])))
