from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flowsm.errors import DataInvalid, NotAllowed
from flowsm.tasks.builtin import allowed
from flowsm.tasks.builtin.allowed import allowed_path, check_host, is_bare_word, read_allowed, writable_target
from flowsm.tasks.context import Permissions


@pytest.fixture
def inside(tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    return folder


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "outside" / "secret.csv"
    file.parent.mkdir()
    file.write_text("a\n1\n")
    return file


def only(folder):
    return Permissions(folders=(folder,))


def test_files_inside(inside):
    """A file in an allowed folder is read, however its path is written, links inside included."""
    (inside / "sub").mkdir()
    (inside / "a.csv").write_text("text")
    (inside / "sub" / "link.csv").symlink_to(inside / "a.csv")
    for path in ("a.csv", "sub/../a.csv", "sub/link.csv"):
        assert read_allowed(str(inside / path), only(inside)) == b"text"


def test_default_is_the_working_folder(inside, secret, monkeypatch):
    """Unless told otherwise, the working folder is allowed, and nothing else."""
    monkeypatch.chdir(inside)
    Path("a.csv").write_text("text")
    assert read_allowed("a.csv", Permissions()) == b"text"
    with pytest.raises(NotAllowed):
        read_allowed(str(secret), Permissions())


def test_nothing_outside(inside, secret, monkeypatch):
    """No path leads out of the allowed folders: not `..`, not a link to a file, not a link to a folder."""
    monkeypatch.chdir(inside)
    (inside / "file.csv").symlink_to(secret)
    (inside / "folder").symlink_to(secret.parent)
    for path in ("../outside/secret.csv", str(secret), "file.csv", "folder/secret.csv", "folder/../outside/secret.csv"):
        for touch in (read_allowed, writable_target):
            with pytest.raises(NotAllowed, match="--allow-dir") as caught:
                touch(path, only(inside))
            assert caught.value.kind == "path"
    assert secret.read_text() == "a\n1\n"


def test_sibling_with_the_same_beginning(inside, tmp_path):
    """A folder whose name merely begins like the allowed one is not allowed."""
    (tmp_path / "inside-not").mkdir()
    with pytest.raises(NotAllowed):
        allowed_path(str(tmp_path / "inside-not" / "a.csv"), only(inside))


def test_the_option_to_give(inside, secret, monkeypatch):
    """The error names the folder to allow, on the command line and in Python, as the path was given."""
    monkeypatch.chdir(inside)
    for path, folder in (
        (secret, secret.parent),
        (secret.parent, secret.parent),
        ("../outside/secret.csv", "../outside"),
        ("../outside", "../outside"),
    ):
        with pytest.raises(NotAllowed) as caught:
            allowed_path(str(path), only(inside))
        assert str(caught.value) == (
            f"path {str(path)!r} is not allowed; allow its folder with --allow-dir {folder} "
            f"or FlowManager(allow_dirs=[{str(folder)!r}])"
        )


def test_no_error_tells_where_a_path_lies(inside, secret, monkeypatch):
    """Where a link leads, and where relative paths begin, is not told: others than the owner of the files may read it."""
    monkeypatch.chdir(inside)
    (inside / "link.csv").symlink_to(secret)
    based = Permissions((inside,), base=inside)
    for path, permissions in (
        ("link.csv", only(inside)),
        ("link.csv", based),
        ("../outside/secret.csv", based),
        ("none.csv", only(inside)),
        ("none.csv", based),
    ):
        with pytest.raises((NotAllowed, DataInvalid)) as caught:
            read_allowed(path, permissions)
        assert str(inside.parent) not in str(caught.value)
        assert path in str(caught.value)


def test_allowed_folder_behind_a_link(inside, tmp_path):
    """An allowed folder may itself be given by a link."""
    (tmp_path / "alias").symlink_to(inside)
    (inside / "a.csv").write_text("text")
    assert read_allowed(str(inside / "a.csv"), only(tmp_path / "alias")) == b"text"


def test_special_files(inside):
    """A FIFO, a device and a folder are refused, without waiting for anybody."""
    os.mkfifo(inside / "fifo.csv")
    (inside / "folder.csv").mkdir()
    for path in ("fifo.csv", "folder.csv"):
        with pytest.raises(DataInvalid, match="special file"):
            read_allowed(str(inside / path), only(inside))
        with pytest.raises(DataInvalid, match="special file"):
            writable_target(str(inside / path), only(inside))
    with pytest.raises(DataInvalid, match="special file"):
        read_allowed("/dev/null", only(Path("/dev")))


def test_what_cannot_be_opened(inside):
    """A file that is not there, a path through a file, and what is no path are clear errors."""
    (inside / "a.csv").write_text("text")
    with pytest.raises(DataInvalid, match="no such file"):
        read_allowed(str(inside / "b.csv"), only(inside))
    with pytest.raises(DataInvalid, match="cannot be opened: Not a directory"):
        read_allowed(str(inside / "a.csv" / "b.csv"), only(inside))
    with pytest.raises(DataInvalid, match="expected a path"):
        read_allowed("a\0b", only(inside))
    with pytest.raises(DataInvalid, match="its folder cannot be made"):
        writable_target(str(inside / "a.csv" / "sub" / "b.csv"), only(inside))


def test_link_put_in_while_it_is_opened(inside, secret, monkeypatch):
    """A link that is put in the file's place after it was looked at is not followed."""
    file = inside / "a.csv"
    file.write_text("text")
    real_open = os.open

    def swap(path, flags, *args):
        file.unlink()
        file.symlink_to(secret)
        return real_open(path, flags, *args)

    monkeypatch.setattr(allowed.os, "open", swap)
    with pytest.raises(DataInvalid, match="cannot be opened"):
        read_allowed(str(file), only(inside))


def test_folder_swapped_while_it_is_opened(inside, secret, monkeypatch):
    """What was read through a folder that was swapped meanwhile is not given out."""
    (inside / "sub").mkdir()
    (inside / "sub" / "secret.csv").write_text("text")
    real_open = os.open

    def swap(path, flags, *args):
        (inside / "sub").rename(inside / "gone")
        (inside / "sub").symlink_to(secret.parent)
        return real_open(path, flags, *args)

    monkeypatch.setattr(allowed.os, "open", swap)
    with pytest.raises(NotAllowed):
        read_allowed(str(inside / "sub" / "secret.csv"), only(inside))


def test_moved_within_while_it_is_opened(inside, monkeypatch):
    """A path that leads elsewhere once the file is open is not trusted."""
    for folder in ("one", "two"):
        (inside / folder).mkdir()
        (inside / folder / "a.csv").write_text(folder)
    (inside / "link").symlink_to(inside / "one")
    real_open = os.open

    def swap(path, flags, *args):
        (inside / "link").unlink()
        (inside / "link").symlink_to(inside / "two")
        return real_open(path, flags, *args)

    monkeypatch.setattr(allowed.os, "open", swap)
    with pytest.raises(DataInvalid, match="moved while it was opened"):
        read_allowed(str(inside / "link" / "a.csv"), only(inside))


def test_largest_file(inside, monkeypatch):
    """A file larger than DATA_MAX_BYTES is refused."""
    monkeypatch.setattr(allowed, "DATA_MAX_BYTES", 4)
    (inside / "a.csv").write_text("1234")
    assert read_allowed(str(inside / "a.csv"), only(inside)) == b"1234"
    (inside / "a.csv").write_text("12345")
    with pytest.raises(DataInvalid, match="larger than"):
        read_allowed(str(inside / "a.csv"), only(inside))


def test_folders_are_made(inside):
    """The folder of a file to write is made, and a link to a file leads to what is written."""
    target = writable_target(str(inside / "x" / "y" / "a.csv"), only(inside))
    assert target.parent.is_dir()
    (inside / "link.csv").symlink_to(inside / "real.csv")
    assert writable_target(str(inside / "link.csv"), only(inside)) == inside / "real.csv"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("http://example.org/a", ("example.org",)),
        ("https://example.org:443/a", ("example.org",)),
        ("https://EXAMPLE.org./a", ("Example.ORG",)),
        ("http://example.org:8080/a", ("other.org", "example.org:8080")),
        ("http://[::1]:8080/a", ("[::1]:8080",)),
        ("http://anything:1/a", ("*",)),
    ],
)
def test_allowed_hosts(url, hosts):
    """A host is allowed by name, with the port where it is not the scheme's own, or by `*`."""
    check_host(urlsplit(url), Permissions(hosts=hosts))


@pytest.mark.parametrize(
    ("url", "hosts", "option"),
    [
        ("http://example.org/a", (), "example.org"),
        ("http://example.org:8080/a", ("example.org",), "example.org:8080"),
        ("http://example.org/a", ("example.org:8080",), "example.org"),
        ("http://example.org.evil.net/a", ("example.org",), "example.org.evil.net"),
        ("http://example.org@evil.net/a", ("example.org",), "evil.net"),
        ("https://[::1]/a", ("localhost",), "[::1]"),
    ],
)
def test_other_hosts(url, hosts, option):
    """Any other host is refused, with the option to give."""
    with pytest.raises(NotAllowed) as caught:
        check_host(urlsplit(url), Permissions(hosts=hosts))
    assert f"--allow-host {option} or FlowManager(allow_hosts=[{option!r}])" in str(caught.value)


@pytest.mark.parametrize("text", ["external_api", "customer database", "s3-bucket", ""])
def test_a_bare_word_names_no_file(text):
    """Words of the earlier manager's samples, which mean the built-in sample or the log."""
    assert is_bare_word(text)


@pytest.mark.parametrize("text", ["orders.cvs", "orders.csv ", "a/b", "a\\b", "c:orders", "~orders", "."])
def test_what_looks_like_a_file_is_no_bare_word(text):
    """A misspelt suffix is a mistake to be told of, not a reason to go on with other records."""
    assert not is_bare_word(text)
