"""All commands print through one function, so that text from strangers cannot control the terminal."""

import re
from pathlib import Path

import pytest
from sqlmodel import select

from odoportal import cli
from odoportal.accounts.models import Account, Person
from odoportal.core import clock, database
from tests.test_cli import Run, clean, one_sentence, production, run

__all__ = ["clean", "production", "run"]


@pytest.mark.usefixtures("production")
def test_what_a_stranger_wrote_does_nothing_to_the_terminal(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "\x1b[31mred\u202e\n.csv").write_text("anything")
    (folder / "accounts.csv").write_text("number,name,\u202eruoloc \u2066x\n1042,Transport Gagnon,red\n")
    people = ("a@example.com,\u202eairaM", "b@example.com,Luc\x1b[2J")
    (folder / "people.csv").write_text("account,email,name,role\n" + "".join(f"1042,{person},owner\n" for person in people))
    code, out, err = run("import", str(folder))
    assert (code, err) == (1, "")
    assert "\ufffd[31mred\ufffd\ufffd.csv: ignored" in out
    assert "people.csv, line 3, column name: control character U+001B" in out
    # Stored before such texts were cleaned.
    with database.write_session() as session:
        session.add(Account(number="\u202e2401", name="Gagnon\x1b]0;x\x07\nline", created_at=clock.now()))
    assert run("user", "invite", "a@example.com", "--account", "\u202e2401", "--name", "\u202eairaM")[0] == 0
    roles = run("user", "roles", "a@example.com")[1]
    assert roles == "   \ufffd2401  owner       Gagnon\ufffd]0;x\ufffd\ufffdline\n"
    assert one_sentence(run("user", "roles", "\x1b[2Jnobody\n@example.com")[2])
    with database.read_session() as session:
        assert session.exec(select(Person.name)).one() == "airaM"


def test_commands_print_in_one_way_only() -> None:
    folder = Path(cli.__file__).parent
    printing = [
        f"{path.name}:{number}: {line.strip()}"
        for path in (folder / "cli.py", *sorted((folder / "commands").glob("*.py")))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(r"\b(echo|secho|print)\(", line)
    ]
    assert printing == [f"common.py:{printing[0].split(':')[1]}: click.echo(printable(line), err=err)"]
