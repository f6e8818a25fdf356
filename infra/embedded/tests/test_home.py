import os
import time
from pathlib import Path

import pytest
from assay_embedded.errors import HomeInUse
from assay_embedded.home import Home, Owner, owned, read_owner


def test_a_second_owner_is_refused_at_once_and_told_the_way_out(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with owned(home):
        started = time.monotonic()
        with pytest.raises(HomeInUse) as refusal, owned(home):
            pass
    assert time.monotonic() - started < 5
    assert str(os.getpid()) in refusal.value.message
    assert "assay down" in refusal.value.message
    assert "--home" in refusal.value.message


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with owned(home):
        pass
    with owned(home):
        owner = read_owner(home)
    assert owner is not None
    assert owner.pid == os.getpid()


def test_folders_with_secrets_and_logs_are_private(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")
    home.create()
    for folder in (home.secrets, home.run, home.logs):
        assert folder.stat().st_mode & 0o077 == 0


def test_modes_of_parents_are_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    Home(tmp_path / "home").create()
    assert tmp_path.stat().st_mode & 0o777 == 0o711


def test_an_owner_whose_pid_was_given_to_another_process_is_dead() -> None:
    assert not Owner(pid=os.getpid(), started_ticks=1).alive


def test_marks_of_parts_begin_with_the_folder(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.mark("cache") == f"{home.mark()}:cache"
