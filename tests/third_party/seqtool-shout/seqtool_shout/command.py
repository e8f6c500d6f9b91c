"""The command `seqtool shout`."""

import click

from seqtool.options import ExamplesFirst, common_options, output_option


@click.command(cls=ExamplesFirst, examples=[("seqtool shout notes.txt", "louder")])
@click.argument("files", nargs=-1, type=click.Path())
@output_option
@common_options
def shout(files: tuple[str, ...], output: str | None, quiet: bool, verbose: bool) -> None:
    """Write text in upper case."""
    from seqtool.output import open_output  # heavy things only inside the command

    with open_output(output) as out:
        for name in files or ["-"]:
            with click.open_file(name, encoding="utf-8") as lines:
                out.writelines(line.upper() for line in lines)
