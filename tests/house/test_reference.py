"""docs/cli.md is what `--help` says, and every command shows how it is typed."""

from tests.reference import MADE_BY, PAGE, described, page


def test_the_page_of_commands_is_what_help_says() -> None:
    assert PAGE.read_text() == page(), f"{PAGE.name} is stale: {MADE_BY}"


def test_every_command_has_an_example_that_help_prints_on_one_line() -> None:
    for each in described():
        assert each.examples, f"{each.path}: give it an epilog that begins with Example:"
        for example in each.examples:
            assert example in each.help, f"{each.path}: --help breaks the example, so nobody can paste it"
            assert each.path in example, each.path
