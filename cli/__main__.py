"""Lets ``python -m pdfsluice.cli`` stand in for ``pdfsluice``."""

from . import main

if __name__ == "__main__":
    main()
