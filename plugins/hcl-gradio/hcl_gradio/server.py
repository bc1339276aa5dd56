"""The server around the page: where it listens, what it lets in and out, and how it cleans up."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hcl_gradio.limits import Limits
from hcl_sdk import Pipeline

_HEADERS = {
    # Whatever Gradio contains, the page loads nothing from other hosts and sends nothing to them.
    "content-security-policy": (
        "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; connect-src 'self' data: blob:; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class _Guard:
    """Middleware that adds the headers above, and refuses to fetch files from other hosts on behalf of visitors."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].lower()
        if "/file=http" in path or "/proxy=" in path:
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"only files of this page are served"})
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    *((key.encode(), value.encode()) for key, value in _HEADERS.items()),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def serve(
    pipeline: Pipeline,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    limits: Limits | None = None,
    open_browser: bool = False,
    block: bool = True,
    root_path: str = "",
) -> Any:
    """Open the page.

    Args:
        pipeline: with a detector and a restorer.
        host: the address to listen on; ``"0.0.0.0"`` stands for all addresses of this machine, so that others can
            reach the page.
        port: the port to listen on; by default the first free one from 7860.
        limits: what a visitor may ask for.
        open_browser: also open the page in this machine's browser.
        block: wait until the server is stopped (Ctrl-C); otherwise return at once.
        root_path: the path under which a reverse proxy serves the page, such as ``"/photos"``.

    Returns:
        With ``block=False``, the blocks, whose ``close()`` stops the server. All files are deleted when it stops.

    Raises:
        OSError: if the port is taken.
        ValueError: if the pipeline lacks a detector or a restorer.
    """
    limits = Limits() if limits is None else limits
    folder = Path(mkdtemp(prefix="hcl-page-"))  # readable by this user only
    try:
        blocks = _launch(pipeline, host, port, limits, folder, open_browser=open_browser, root_path=root_path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if not block:
        return blocks
    try:
        blocks.block_thread()
    finally:
        blocks.close(verbose=False)
    return None


def _launch(
    pipeline: Pipeline, host: str, port: int | None, limits: Limits, folder: Path, *, open_browser: bool, root_path: str
) -> Any:
    """Make the page and start the server. Closing the blocks deletes the folder."""
    # Gradio reads the first when it is imported, the second when blocks are made.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "gradio")

    from starlette.middleware import Middleware

    from hcl_gradio.looks import CSS, HEAD, make_theme
    from hcl_gradio.page import make_page

    blocks = make_page(pipeline, limits=limits, folder=folder)
    close = blocks.close

    def close_and_delete(*args: Any, **options: Any) -> None:
        close(*args, **options)
        shutil.rmtree(folder, ignore_errors=True)

    blocks.close = close_and_delete
    blocks.launch(
        server_name=host,
        server_port=port,
        inbrowser=open_browser,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        max_file_size=limits.megabytes * 1024**2,
        max_threads=16,
        state_session_capacity=limits.visitors,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        footer_links=[],
        run_history=False,
        root_path=root_path or None,
        app_kwargs={"middleware": [Middleware(_Guard)], "docs_url": None, "redoc_url": None},
        theme=make_theme(),
        css=CSS,
        head=HEAD,
    )
    return blocks
