#!/usr/bin/env python3
"""Install packages with uv, configured as pip is, or with pip if that is not possible.

uv takes a fifth of pip's processor time. It is used if it can be installed, if it knows all
settings that ``pip config list`` shows, and if it succeeds. Run it with the Python of the
environment to install into; the arguments are those of both ``pip install`` and ``uv pip install``.
"""

import ast
import os
import subprocess
import sys

PIP = (sys.executable, "-m", "pip")
OPTIONS = {
    "constraint": "--constraints",
    "extra-index-url": "--extra-index-url",
    "find-links": "--find-links",
    "index-url": "--default-index",
    "trusted-host": "--allow-insecure-host",
}
VARIABLES = {
    "cert": "SSL_CERT_FILE",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
}
WITHOUT_EFFECT = {
    *("break-system-packages", "cache-dir", "compile", "disable-pip-version-check", "no-cache-dir"),
    *("no-color", "no-compile", "no-input", "no-warn-script-location", "prefer-binary"),
    *("progress-bar", "quiet", "require-virtualenv", "retries", "root-user-action", "verbose"),
}
"""Settings that change no choice of packages."""


def pip_settings() -> dict[str, str]:
    """Return the settings of ``pip install``, as its files and the environment give them."""
    listed = subprocess.run([*PIP, "config", "list"], check=True, capture_output=True, text=True)
    by_section: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in by_section:
            by_section[section][option] = str(ast.literal_eval(value))
    return {name: value for each in by_section.values() for name, value in each.items()}


def install_with_uv(arguments: list[str], settings: dict[str, str]) -> bool:
    """Install with uv; return whether that succeeded."""
    unknown = settings.keys() - OPTIONS.keys() - VARIABLES.keys() - WITHOUT_EFFECT - {"no-index"}
    if unknown:
        return False
    command = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable, "--quiet"]
    command += ["--index-strategy", "unsafe-best-match"]  # of all indexes together, as pip does
    if settings.get("no-index", "0").lower() in {"1", "true", "yes", "on"}:
        command += ["--no-index"]
    for name, option in OPTIONS.items():
        for value in settings.get(name, "").split():
            command += [option, value]
    variables = {VARIABLES[name]: settings[name] for name in VARIABLES.keys() & settings.keys()}
    return not subprocess.run(
        [*command, *arguments], check=False, env={**os.environ, **variables}
    ).returncode


def main(arguments: list[str]) -> None:
    """Install, and exit with pip's code if uv has not done it."""
    pip = [*PIP, "install", "--quiet", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--upgrade", "pip>=25.1"], check=True)
    got_uv = not subprocess.run([*pip, "uv>=0.7"], check=False).returncode
    if not (got_uv and install_with_uv(arguments, pip_settings())):
        sys.stderr.write("Installing with pip, because uv cannot\n")
        sys.exit(subprocess.run([*pip, "--no-compile", *arguments], check=False).returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
