"""The embedded lake's folder in a browser, to be read only, and by no page of another site.

    python -m deployments.local.browse PORT FOLDER

The folder's files are shown to whoever opens a link on this machine. A page that had its own name bound to 127.0.0.1
would be such a reader, hence the look at the host; a file of the lake that is a page itself can do nothing here, but
for the catalog's pages, which run the one script that the project has written for them.
"""

from __future__ import annotations

import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flows.lake import keys
from flows.lake.catalog.pages import policy

NOTHING = "sandbox; frame-ancestors 'none'"
CATALOG = f"{policy()}; sandbox allow-scripts; frame-ancestors 'none'"
"""Whoever may write to the lake may write such a page too: the policy allows the project's script by its digest."""

TEXT = dict.fromkeys((".csv", ".txt", ".json", ".jsonl"), "text/plain; charset=utf-8")


class Browse(SimpleHTTPRequestHandler):
    """Shows files, and lists folders."""

    def guess_type(self, path: Any) -> str:
        """Show text as text, which browsers would save to a file by its usual type."""
        return TEXT.get(Path(path).suffix.lower()) or super().guess_type(path)

    def send_head(self) -> Any:
        """Answer to this machine's own names alone, and leave out links, which may lead out of the lake."""
        port = self.connection.getsockname()[1]
        if self.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            self.send_error(400, "This server is reached at 127.0.0.1 or localhost alone")
            return None
        path, root = Path(self.translate_path(self.path)), Path(self.directory)
        if not path.resolve().is_relative_to(root.resolve()):
            self.send_error(404, "File not found")
            return None
        return super().send_head()

    def end_headers(self) -> None:
        """Keep what a file holds from acting, and from being shown inside another page."""
        self.send_header("Content-Security-Policy", CATALOG if self._is_of_catalog() else NOTHING)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def _is_of_catalog(self) -> bool:
        parts = Path(self.translate_path(self.path)).relative_to(Path(self.directory).absolute()).parts
        return len(parts) > 2 and parts[1] == keys.CATALOG_PREFIX and parts[-1].endswith(".html")

    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


def main() -> None:
    """Serve until the process is ended."""
    port, folder = int(sys.argv[1]), sys.argv[2]
    with ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Browse, directory=folder)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
