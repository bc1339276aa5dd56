"""``hcl page``."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; 0.0.0.0 lets others in.",
)
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    help="The port to listen on.  [default: the first free one from 7860]",
)
@click.option(
    "--weights",
    metavar="NAME",
    default="default",
    show_default=True,
    help="A folder of weights, the name of registered ones, or org/name on the Hugging Face Hub.",
)
@click.option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1, mps ...  [default: the fastest]")
@click.option(
    "--megabytes",
    metavar="N",
    type=click.IntRange(1),
    default=25,
    show_default=True,
    help="The maximum size of a file.",
)
@click.option(
    "--megapixels",
    metavar="N",
    type=click.IntRange(1),
    default=24,
    show_default=True,
    help="The maximum size of a photo.",
)
@click.option(
    "--photos",
    metavar="N",
    type=click.IntRange(1),
    default=12,
    show_default=True,
    help="The maximum number of photos that a visitor may have at a time.",
)
@click.option(
    "--minutes",
    metavar="N",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="The time after which the photos of an idle visitor are deleted.",
)
@click.option("--root-path", metavar="PATH", default="", help="The path under which a reverse proxy serves the page.")
@click.option("--open/--no-open", "open_browser", default=False, help="Also open the page in this machine's browser.")
def page(
    host: str,
    port: int | None,
    weights: str,
    device: str | None,
    megabytes: int,
    megapixels: int,
    photos: int,
    minutes: int,
    root_path: str,
    open_browser: bool,
) -> None:
    """Open a page for restoring photos in the browser.

    Drop photos, see what was found, correct it, restore, download. Photos stay on this machine and are deleted when the
    page is closed. Ctrl-C stops the server.
    """
    from hcl_gradio.limits import Limits
    from hcl_gradio.server import serve
    from hcl_sdk import Pipeline

    limits = Limits(megabytes=megabytes, megapixels=megapixels, photos=photos, minutes=minutes)
    try:
        pipeline = Pipeline.from_pretrained(weights, device=device)
    except (ValueError, OSError) as error:
        raise click.ClickException(f"weights {weights}: {error}") from error
    try:
        blocks = serve(
            pipeline, host=host, port=port, limits=limits, open_browser=open_browser, root_path=root_path, block=False
        )
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The page is at {blocks.local_url}  (Ctrl-C stops it)")
    if host not in ("127.0.0.1", "localhost", "::1"):
        click.echo("Everybody who can reach this machine can use the page.", err=True)
    try:
        blocks.block_thread()
    finally:
        blocks.close(verbose=False)
