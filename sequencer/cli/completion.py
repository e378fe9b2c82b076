"""`completion`: what makes bash, zsh and fish complete commands, options and this installation's own words.

The script asks the program at each tab; click answers for commands and options, cli/known_words.py for the words.
"""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_SEQUENCER_COMPLETE"
# bash takes an address apart at its @ unless it is told not to.
_BASH_FIRST = "COMP_WORDBREAKS=${COMP_WORDBREAKS//@/}\n"


@click.command(
    "completion",
    epilog="""\b
Example:  sequencer completion bash

\b
Where it goes:
  bash  sequencer completion bash > ~/.local/share/bash-completion/completions/sequencer
  zsh   sequencer completion zsh > ~/.zfunc/_sequencer
        (with "fpath+=~/.zfunc; autoload -Uz compinit; compinit" in ~/.zshrc)
  fish  sequencer completion fish > ~/.config/fish/completions/sequencer.fish
Then open a new shell. Create the folder first if it is not there. To try it in this bash:
  source <(sequencer completion bash)""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options, sequences, lists, mailboxes, reps and people's addresses."""
    made = get_completion_class(shell)
    assert made is not None
    script = made(ctx.find_root().command, {}, "sequencer", VARIABLE).source()
    click.echo(f"{_BASH_FIRST if shell == 'bash' else ''}{script.strip()}")


COMMANDS: dict[str, click.Command] = {"completion": completion}
