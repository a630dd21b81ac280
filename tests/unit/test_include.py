"""Chats in files of their own: which are read and in which order, and every mistake with the file it is in."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from bridge.config import Config, load
from bridge.errors import ConfigError, Mistake
from bridge.include import Files
from bridge.readiness import not_ready, passed
from tests.unit.configs import SECOND, at, swap, written
from tests.unit.platforms import CONFIG, kinds

CHATS, NETWORKS = CONFIG.index("[[chats]]"), CONFIG.index("[networks.hall]")
BARE = 'include = "chats/*.toml"\n' + CONFIG[:CHATS] + CONFIG[NETWORKS:]
RHYTHM = CONFIG[CHATS:NETWORKS]


def series(folder: Path, main: str = BARE, **chats: str) -> Path:
    """A config, and files in the folder `chats` beside it."""
    (folder / "chats").mkdir(exist_ok=True)
    for name, text in chats.items():
        (folder / "chats" / f"{name}.toml").write_text(text, encoding="utf-8")
    return written(folder, main)


def read(path: Path) -> Config:
    return load(path, {}, platforms=kinds())


def wrong(path: Path) -> dict[tuple[str, str], Mistake]:
    """By file and key path."""
    with pytest.raises(ConfigError) as caught:
        read(path)
    return {(str(Path(m.file).relative_to(path.parent)), m.key): m for m in caught.value.mistakes}


def warned(path: Path) -> dict[tuple[str, str], Mistake]:
    return {(str(Path(m.file).relative_to(path.parent)), m.key): m for m in read(path).warnings}


def test_chats_stand_in_files_of_their_own(tmp_path: Path) -> None:
    config = read(series(tmp_path, b=RHYTHM, a=swap("tidetalk", "EbbTalk", SECOND)))
    assert [chat.id for chat in config.community.chats] == ["other", "rhythm"], "by the names of the files"
    assert [(Path(file).name, at) for file, at in config.places] == [
        ("a.toml", "chats[0]"),
        ("b.toml", "chats[0]"),
    ]


def test_those_of_the_config_itself_come_first(tmp_path: Path) -> None:
    main = f"{BARE}\n{swap('tidetalk', 'EbbTalk', SECOND)}"
    config = read(series(tmp_path, main, a=RHYTHM))
    assert [chat.id for chat in config.community.chats] == ["other", "rhythm"]


def test_several_patterns_and_paths_outside_take_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text(swap("tidetalk", "EbbTalk", SECOND))
    patterns = f'include = ["chats/*.toml", "chats/a*.toml", "../*.toml", "{elsewhere}"]'
    path = series(tmp_path / "home", swap('include = "chats/*.toml"', patterns, BARE), a=RHYTHM)
    config = read(path)
    assert sorted(chat.id for chat in config.community.chats) == ["other", "rhythm"]
    assert {m.key for m in config.warnings} == {"chats[0].hosts"}


def test_neither_hidden_files_nor_the_config_itself_are_included(tmp_path: Path) -> None:
    path = series(tmp_path, swap('"chats/*.toml"', '["chats/*.toml", "*.toml"]', BARE), a=RHYTHM)
    (tmp_path / "chats" / ".#b.toml").write_text("an editor's own")
    assert len(read(path).community.chats) == 1


@pytest.mark.parametrize("pattern", ["chats/**/*.toml", "chats/**", "**/*.toml", "**/**/*.toml"])
def test_folders_below_are_searched_and_links_to_folders_left_alone(tmp_path: Path, pattern: str) -> None:
    """Such a link may lead in a circle; several of them lead in more circles than anybody can walk."""
    files = Files(series(tmp_path, a=""), (pattern,))
    deep, hidden = tmp_path / "chats" / "2027" / "[spring]", tmp_path / "chats" / ".trash"
    for folder in (deep, hidden):
        folder.mkdir(parents=True)
        (folder / "b.toml").touch()
    for folder in (tmp_path / "chats", deep):
        for name in ("again", "and-again", "once-more"):
            (folder / name).symlink_to(tmp_path / "chats")
    (deep / "c.toml").symlink_to(hidden / "b.toml")
    found = {*islice(files.matching(pattern), 100)}
    assert found == {tmp_path / "chats" / "a.toml", deep / "b.toml", deep / "c.toml"}


def test_a_folder_that_is_named_may_be_a_link(tmp_path: Path) -> None:
    files = Files(series(tmp_path, a=""), ("linked/**/*.toml",))
    (tmp_path / "linked").symlink_to(tmp_path / "chats")
    assert files.included() == [tmp_path / "linked" / "a.toml"]


@pytest.mark.parametrize("pattern", ["**/*.toml", "./**//*.toml", "**"])
def test_a_config_in_the_folder_we_are_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    path = series(tmp_path, a="")
    monkeypatch.chdir(tmp_path)
    assert Files(Path(path.name), (pattern,)).included() == [Path("chats/a.toml")]


def test_a_pattern_without_a_file_is_only_unwise(tmp_path: Path) -> None:
    path = series(tmp_path, f"{BARE}\n{RHYTHM}")
    (warning,) = read(path).warnings
    assert (warning.key, warning.value) == ("include", '"chats/*.toml"')
    assert "a file it fits" in warning.expected


def test_no_chat_at_all_is_a_mistake(tmp_path: Path) -> None:
    assert set(wrong(series(tmp_path))) == {("config.toml", "chats")}


@pytest.mark.parametrize("said", ["5", "[5]", '""', "{a = 1}"])
def test_include_is_a_path_or_several(tmp_path: Path, said: str) -> None:
    main = swap('include = "chats/*.toml"', f"include = {said}", f"{BARE}\n{RHYTHM}")
    mistake = wrong(series(tmp_path, main))["config.toml", "include"]
    assert 'include = "chats/*.toml"' in mistake.mend


def test_include_below_a_table_is_told_where_it_belongs(tmp_path: Path) -> None:
    mistakes = wrong(series(tmp_path, f'{CONFIG}include = "chats/*.toml"\n'))
    assert "at the top of the config" in mistakes["config.toml", "networks.room.include"].mend


def test_every_mistake_names_its_file(tmp_path: Path) -> None:
    path = series(
        tmp_path,
        BARE,
        a=RHYTHM.replace("at = 5", 'at = "5"') + '[networks.hall]\nkind = "hall"\n',
        b='[community]\nname = "Ours"\n' + swap('id = "other"', 'id = "rhythm"', SECOND),
        c=swap('text = "And then?"', 'text = "And {then}?"', SECOND) + 'image = "q.png"\nalt = "a wave"\n',
        d="[[chats]]\nid = three",
        e='slack_token = "x"\n[[chat]]\n',
        f="[chats]\n",
    )
    found = wrong(path)
    assert set(found) == {
        ("chats/a.toml", "chats[0].questions[0].at"),
        ("chats/a.toml", "networks"),
        ("chats/b.toml", "community"),
        ("chats/b.toml", "chats[0].id"),
        ("chats/c.toml", "chats[0].questions[0].text"),
        ("chats/c.toml", "chats[0].questions[0].image"),
        ("chats/d.toml", "line 2, column 6"),
        ("chats/e.toml", "slack_token"),
        ("chats/e.toml", "chat"),
        ("chats/f.toml", "chats"),
    }
    assert found["chats/a.toml", "networks"].mend == "It belongs in config.toml."
    twice = found["chats/b.toml", "chats[0].id"].expected
    assert "chats[0] of" in twice
    assert "chats/a.toml has it too" in twice
    assert "chats" in found["chats/e.toml", "chat"].mend


def test_pictures_are_looked_for_beside_their_own_file(tmp_path: Path) -> None:
    picture = 'image = "q.png"\nalt = "a wave"\n'
    path = series(tmp_path, a=RHYTHM + picture)
    (tmp_path / "q.png").write_bytes(b"\x89PNG")
    assert set(wrong(path)) == {("chats/a.toml", "chats[0].questions[1].image")}
    (tmp_path / "chats" / "q.png").write_bytes(b"\x89PNG")
    assert read(path).community.chats[0].questions[1].image == str(tmp_path / "chats" / "q.png")


def test_two_with_one_tag_at_a_time_are_only_unwise(tmp_path: Path) -> None:
    warnings = warned(series(tmp_path, a=RHYTHM, b=SECOND))
    assert "chats/a.toml is on with #TideTalk" in warnings["chats/b.toml", "chats[0].starts"].expected


def test_a_file_without_a_chat_is_only_unwise(tmp_path: Path) -> None:
    assert set(warned(series(tmp_path, a=RHYTHM, b="# to come\n"))) == {("chats/b.toml", "the file")}


def test_what_is_past_or_left_to_fill_in_names_the_file_too(tmp_path: Path) -> None:
    path = series(tmp_path, a=swap("@mara@hall.test", "@…@…", RHYTHM))
    found = {(Path(m.file).name, m.key) for m in not_ready(read(path), at(2028, 1, 1))}
    assert found == {("a.toml", "chats[0].hosts[0].hall"), ("a.toml", "chats[0].starts")}
    assert {Path(m.file).name for m in passed(read(path), at(2027, 3, 16, 19))} == {"a.toml"}


def test_who_watches_learns_which_files_there_are_whatever_came_of_it(tmp_path: Path) -> None:
    path = series(tmp_path, a=RHYTHM + 'image = "q.png"\nalt = "a wave"\n')
    files = Files(path)
    with pytest.raises(ConfigError):
        load(path, None, platforms=kinds(), files=files)
    assert files.included() == [tmp_path / "chats" / "a.toml"]
    assert files.pictures == [tmp_path / "chats" / "q.png"]


def test_what_is_heeded_at_a_start_alone(tmp_path: Path) -> None:
    fixed = read(written(tmp_path, CONFIG + "[consent]\nkeep_text_days = 9\n[web]\nport = 8081\n")).fixed
    assert fixed["networks.room.channel"] == "C123"
    assert fixed["consent.keep_text_days"] == 9
    assert fixed["web.port"] == 8081
    assert not any(key.startswith(("chats", "community")) for key in fixed)


@pytest.mark.parametrize(
    "secret",
    ["xoxb-12-abc", "abcd-efgh-2345-wxyz", "Zx9_qP7vLk2mN8bR4tYw6sD1fG3hJ5kLmQ", "https://me:pw1@hall.test"],
)
def test_a_secret_where_none_belongs_is_not_repeated(tmp_path: Path, secret: str) -> None:
    text = swap('timezone = "Europe/London"', f'timezone = "{secret}"', CONFIG)
    (mistake,) = wrong(written(tmp_path, text)).values()
    assert "…" in mistake.value
    assert secret.rpartition("@")[0].removeprefix("https://") not in mistake.value or "@" not in secret
    assert secret not in str(mistake)
    assert secret not in mistake.line
