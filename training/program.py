"""What every program here shares: a --help made from its module's docstring."""

import argparse


def make_parser(name: str, docstring: str | None) -> argparse.ArgumentParser:
    """A parser for ``python -m name``: the docstring's first line says what it does, the rest follows the options."""
    summary, _, rest = (docstring or "").partition("\n")
    return argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=summary,
        epilog=rest.replace("%", "%%").strip("\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
