"""A command as its record tells it: what was asked, and no secret and no folder of the machine or its user.

A record is sent along with its results. It tells of a path where it lies in the working folder, or else its last
part, and of a secret that there was one.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HIDDEN = "***"
"""Stands for a secret."""
ELSEWHERE = "…"
"""Stands for the folders of a path that lies outside the working folder."""
_SECRET_ENDS = ("key", "token", "password", "passwd", "pwd", "passphrase", "passcode", "secret", "secrets")
_SECRET_WORDS = {"pass", "passwords", "credential", "credentials", "auth", "authorization", "bearer", "cookie"}
_SHORTEST = 6
"""Characters below which the value of a variable is no secret: it would be found in other words."""
_OF_SERVICES = re.compile(
    r"\b(?:hf_\w{16,}|AIza[\w-]{20,}|sk-[\w-]{16,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}"
    r"|xox[a-z]-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|ya29\.[\w-]{16,}|eyJ[\w-]{8,}\.[\w.-]+)"
)
"""Tokens that their form gives away, of services such as Hugging Face, Google, OpenAI, GitHub, Slack and AWS."""
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://\S*)")
_LOGIN = re.compile(r"(?<!\S)[^\s/:@]+:[^\s@]+@(?=[\w.-])")
_NAMED = re.compile(r"(-{0,2}[\w.-]+)(=|:\s)(.*)", re.DOTALL)
_ATTACHED = re.compile(r"(-[A-Za-z])([/~\\].*)", re.DOTALL)
_ABSOLUTE = re.compile(r"(?:~|[A-Za-z]:[/\\]|[/\\](?!\s|$))")
_EMBEDDED = re.compile(r"(?<![\w.~/\\…])(?:~[\w.-]*|[A-Za-z]:)?[/\\][^\s,;:'\"|/\\][^,;:'\"|]*")
_UPWARDS = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)")
_DRIVE = re.compile(r"[A-Za-z]:/")
_QUOTED = re.compile(r"^~|[\s'\"\\$`;&|<>()]")
_HOMES = {"/home", "/Users", "C:/Users", "/var/home", "/export/home"}


def command_line(words: Sequence[str] | None = None) -> str:
    """The command that is running, quoted where a shell needs it, without secrets and folders of the machine.

    Args:
        words: What followed the program's name; that of this process by default.
    """
    shown = ["bench", *_told_words(sys.argv[1:] if words is None else words)]
    return " ".join(shlex.quote(word) if not word or _QUOTED.search(word) else word for word in shown)


def told(value: Any, name: str = "") -> Any:  # noqa: ANN401 (any setting)
    """A setting as a record tells it: every text in it as one in the command line.

    Args:
        value: Texts, numbers, and lists and mappings of them.
        name: The setting's name.
    """
    if isinstance(value, Mapping):
        return {key: told(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [told(item, name) for item in value]
    if not isinstance(value, str | os.PathLike):
        return value
    return HIDDEN if _is_secret(name) else _told(os.fspath(value))


def _told_words(words: Sequence[str]) -> Iterator[str]:
    hide = False
    for word in words:
        yield HIDDEN if hide else _told(word)
        hide = word.startswith("-") and "=" not in word and _is_secret(word)


def _told(text: str) -> str:
    """A word without secrets and folders of the machine, as text that can be written."""
    text = text.encode("utf-8", "replace").decode()
    for secret in _of_environment():
        text = text.replace(secret, HIDDEN)
    return _without_folders(_OF_SERVICES.sub(HIDDEN, text))


def _without_folders(text: str) -> str:
    if (named := _NAMED.fullmatch(text)) and not _URL.match(text):
        name, sign, rest = named.groups()
        return f"{name}{sign}{HIDDEN if _is_secret(name) else _without_folders(rest)}"
    if attached := _ATTACHED.fullmatch(text):
        return attached[1] + _place(attached[2])
    if _ABSOLUTE.match(text) or (_UPWARDS.search(text) and not _URL.search(text)):
        return _place(text)
    parts = _URL.split(text)
    parts[1::2] = map(_public_url, parts[1::2])
    parts[::2] = [_embedded_places(_LOGIN.sub(f"{HIDDEN}@", part)) for part in parts[::2]]
    return "".join(parts)


def _embedded_places(text: str) -> str:
    return _EMBEDDED.sub(lambda found: _place(found[0]), text)


def _place(path: str) -> str:
    """A path relative to the working folder; its last part where it lies elsewhere."""
    home, plain = _home().as_posix(), path.replace("\\", "/")
    if plain == "~" or plain.startswith("~/"):
        plain = f"{home}{plain[1:]}"
    if not (plain.startswith("~") or (_DRIVE.match(plain) and os.name != "nt")):
        for folder in _working_folders():
            place = Path(os.path.normpath(os.path.join(folder, plain)))  # noqa: PTH118 -- links stay as they are
            if place.is_relative_to(folder):
                return _embedded_places(place.relative_to(folder).as_posix())
        plain = os.path.normpath(os.path.join(os.getcwd(), plain))  # noqa: PTH109, PTH118
    if plain == home:
        return "~"
    parent, _, name = plain.rstrip("/").rpartition("/")
    is_user = parent in _HOMES or (plain.startswith("~") and not parent)
    return ELSEWHERE if is_user or not name else f"{ELSEWHERE}/{name}"


def _working_folders() -> list[str]:
    """The working folder, and as the shell calls it; none that holds the user's home folder below it."""
    folders = [os.getcwd()]  # noqa: PTH109 -- a text is wanted
    shells = os.environ.get("PWD", "")
    try:
        if shells and os.path.samefile(shells, folders[0]):  # noqa: PTH121
            folders.append(os.path.normpath(shells))
    except OSError:
        pass
    return [folder for folder in dict.fromkeys(folders) if folder not in map(str, _home().parents)]


def _home() -> Path:
    return Path(os.path.expanduser("~"))  # noqa: PTH111 -- Path.home raises where there is none


def _public_url(url: str) -> str:
    """An address without login, query and fragment, which may each hold a secret."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() == "file":
        return f"{scheme}:{_place(rest)}"
    *login, rest = rest.rsplit("@", 1)  # a password may hold any character
    open_part = re.split(r"[?#]", rest, maxsplit=1)
    hidden = f"{rest[len(open_part[0])]}{HIDDEN}" if len(open_part) > 1 else ""
    return f"{scheme}://{HIDDEN + '@' if login else ''}{open_part[0]}{hidden}"


def _is_secret(name: str) -> bool:
    """Whether what has this name is a secret: one of its words says so."""
    words = re.split(r"[^a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower())
    return any(word.endswith(_SECRET_ENDS) or word in _SECRET_WORDS for word in words)


def _of_environment() -> list[str]:
    """Values of the variables that are secrets: a shell puts them into the command line. Longest first."""
    names = [name for name in os.environ if _is_secret(name) and name not in ("PWD", "OLDPWD")]
    values = {os.environ[name] for name in names if len(os.environ[name]) >= _SHORTEST}
    return sorted(values, key=len, reverse=True)
