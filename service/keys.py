"""Make a key: print it once, and keep nothing but its SHA-256.

    python -m service.keys newsroom --file keys.txt
    python -m service.keys newsroom --file keys.txt --expires 2027-01-31

With --file the line for the key is added there (a file that does not exist is made, readable for its owner alone).
Without it the line is printed besides, for a secret store or STANCE_KEYS. To end a key, remove its line; a running
service reads the file again on SIGHUP.
"""

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from service.auth import PREFIX_OF_KEYS, Key, fingerprint, parse_expiry, parse_keys
from service.settings import SettingsError


def make_key(name: str, *, expires: str | None = None) -> tuple[str, Key]:
    """A new random key, and the record of it. Raises: SettingsError for a name or an expiry that cannot be used."""
    secret = PREFIX_OF_KEYS + secrets.token_urlsafe(32)
    line = " ".join(filter(None, [name, fingerprint(secret.encode()), expires]))
    (key,) = parse_keys([line], source="the new key")
    return secret, key


def add_line(path: Path, key: Key) -> None:
    """Add a key to a file of keys. Raises: SettingsError when the file, with it, could not be read; OSError.

    One at a time: of two that are added in the same moment one may be lost.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = f"{before}{'' if before.endswith(chr(10)) or not before else chr(10)}{key.line}\n"
    parse_keys(after.split("\n"), source=str(path))
    # A name that nobody can foresee, and for its owner alone, whatever was left behind under another.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    partial = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8") as output:
            output.write(after)
            output.flush()
            os.fsync(output.fileno())
        if path.exists():
            partial.chmod(path.stat().st_mode & 0o777)
        partial.replace(path)  # a service that reads the file meanwhile reads the old one or the new one
    except BaseException:
        partial.unlink()
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m service.keys",
        description=summary,
        epilog=rest.strip("\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="who gets the key; the log and the metrics show it")
    parser.add_argument("--expires", help="a date or time (ISO 8601, UTC unless it says otherwise) that ends it")
    parser.add_argument("--file", type=Path, help="the file of keys to add it to")
    options = parser.parse_args(arguments)
    try:
        if options.expires:
            parse_expiry(options.expires)
        secret, key = make_key(options.name, expires=options.expires)
        if options.file:
            add_line(options.file, key)
    except (SettingsError, ValueError, OSError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    print(secret)
    if not options.file:
        print(key.line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
