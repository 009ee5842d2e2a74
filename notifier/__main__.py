"""The door: `notifier` and `python -m notifier`."""

from __future__ import annotations


def main() -> None:
    """Run the command line; exits with the codes that the manual lists."""
    from notifier.cli import main as run

    run()


if __name__ == "__main__":
    main()
