"""Files are written whole or not at all, and never through a link that somebody left there."""

import os
import stat

import pytest
from nnkata.grader.files import write_new, write_whole

LINKS = ["dangling", "to a file", "to a folder"]


@pytest.fixture
def linked(tmp_path):
    """A folder that others fill, in it links to a folder outside; what lies there must stay as it is."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "file").write_text("mine")
    (outside / "folder").mkdir()
    (inside / "dangling").symlink_to(outside / "new")
    (inside / "to a file").symlink_to(outside / "file")
    (inside / "to a folder").symlink_to(outside / "folder")
    yield inside
    assert (outside / "file").read_text() == "mine" and sorted(p.name for p in outside.iterdir()) == ["file", "folder"]
    assert not list((outside / "folder").iterdir())


@pytest.mark.parametrize("name", LINKS)
def test_a_new_file_takes_nobodys_name(linked, name):
    assert not write_new(linked, name, b"theirs")
    assert (linked / name).is_symlink()


def test_a_new_file_is_written_where_there_is_none(linked):
    assert write_new(linked, "a.ipynb", b"theirs") and (linked / "a.ipynb").read_bytes() == b"theirs"
    assert not write_new(linked, "a.ipynb", b"other") and (linked / "a.ipynb").read_bytes() == b"theirs"


def test_a_folder_that_is_a_link_is_not_written_into(linked):
    with pytest.raises(OSError):
        write_new(linked / "to a folder", "a.ipynb", b"theirs")


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b"])
def test_a_name_that_leads_elsewhere_is_refused(linked, name):
    with pytest.raises(ValueError, match="no name of a file"):
        write_new(linked, name, b"")


@pytest.mark.parametrize("name", ["dangling", "to a file"])
def test_a_link_is_replaced_not_written_through(linked, name):
    write_whole(linked / name, "whole")
    assert not (linked / name).is_symlink() and (linked / name).read_text() == "whole"


def test_nothing_is_left_where_writing_failed(tmp_path):
    (tmp_path / "a").write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "a", "\udc80")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "before")]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_the_umask_is_respected_and_a_files_own_mode_kept(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "new", "x")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask
        (tmp_path / "new").chmod(0o640)
        write_whole(tmp_path / "new", "y")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    finally:
        os.umask(before)
