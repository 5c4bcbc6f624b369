"""Help in plain text, and what was probably meant by a word that is not known.

Help is as wide as the terminal, at most 100 columns. Nothing is cut off, however narrow it is.
"""

import difflib
import inspect
from typing import Any

import typer
from typer.core import TyperGroup

_MAX_WIDTH = 100
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": _MAX_WIDTH}


class Group(TyperGroup):
    """A group that shows the whole help of its commands and suggests what was meant."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands with the first sentence of their help, wrapped."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                paragraph = inspect.cleandoc(command.help or "").partition("\n\n")[0]
                rows.append((name, " ".join(paragraph.split())))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options of the group itself."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            better = with_suggestions(error)
            if better is error:
                raise
            raise better from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is named first; options before it count for it.

        Raises:
            typer.BadParameter: There is no such command; the message has those of similar names.
        """
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise UsageError(
                f"there is no command {args[0]!r}{meant(args[0], self.list_commands(ctx))}",
                ctx=ctx,
            )
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, [*_given_before(ctx, command), *rest]


def _given_before(context: Any, command: Any) -> list[str]:
    """Return the options before a command that it has too, to stand before its own."""
    words: list[str] = []
    for option in context.command.params:
        source = context.get_parameter_source(option.name)
        if option.param_type_name != "option" or source is None or source.name != "COMMANDLINE":
            continue
        if not any(each.opts == option.opts for each in command.params):
            continue
        value = context.params[option.name]
        if option.is_flag:
            words.append((option.opts if value else option.secondary_opts)[0])
        else:
            for each in value if option.multiple else [value]:
                words += [option.opts[0], str(each)]
    return words


def plain(command: Any) -> None:
    """Give a command of a plugin, and those below it, the help of this program."""
    command.rich_markup_mode = None
    command.context_settings = {**CONTEXT, **command.context_settings}
    for inner in getattr(command, "commands", {}).values():
        plain(inner)


class UsageError(typer.BadParameter):
    """The command line is wrong; the message explains it without naming a parameter."""

    def format_message(self) -> str:
        """Return the message as it is."""
        return str(self.message)


def meant(word: str, words: list[str]) -> str:
    """Return a question with names similar to a word; empty if there are none."""
    similar = difflib.get_close_matches(word, words, n=2)
    return f"; did you mean {' or '.join(map(repr, similar))}?" if similar else ""


def with_suggestions(error: Exception) -> Exception:
    """Put what is allowed, or was probably meant, into the message of an error."""
    if isinstance(error, typer.BadParameter) and error.__cause__ is not None:
        from .wording import in_our_words  # noqa: PLC0415 - only when something failed

        return in_our_words(error, error.__cause__)
    option, context = getattr(error, "option_name", None), getattr(error, "ctx", None)
    if option is None or context is None:
        return error
    names = [name for each in context.command.params for name in each.opts if name[:2] == "--"]
    return UsageError(
        f"there is no option {option!r}{meant(option, [*names, '--help'])}", ctx=context
    )
