"""A crash leaves the old file or the new one, and nothing half-written."""

import errno
import os
import pickle
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from genelm.storage import (
    InputError,
    OptionError,
    OtherPrograms,
    atomic_file,
    atomic_folder,
    exit_on_error,
    package_versions,
    sha256_of,
    usable_cores,
    write_json,
)


def test_a_full_disk_ends_a_command_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end, exit_on_error("genelm"):
        raise OSError(errno.ENOSPC, "No space left on device", "data/x.parquet")
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "genelm: The disk is full at data/x.parquet; nothing half-written was kept. Free space, or write elsewhere.\n"
    )
    with pytest.raises(SystemExit), exit_on_error("genelm"):  # a file that is copied onto a disk that is full
        raise OSError(errno.ENOSPC, "No space left on device", "a.py", None, "runs/a.py")
    assert "full at runs/a.py" in capsys.readouterr().err


def test_a_place_that_is_closed_ends_a_command_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, exit_on_error("genelm"):
        raise OSError(errno.EROFS, "Read-only file system", "/mnt/runs")
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "genelm: /mnt/runs: Read-only file system. Choose another place, or change the permissions of this one.\n"
    )
    with pytest.raises(PermissionError), exit_on_error("genelm"):  # of nothing that could be named
        raise PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(FileNotFoundError), exit_on_error("genelm"):
        (tmp_path / "missing").read_text()


def test_one_of_several_processes_says_what_it_alone_met_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waited: list[float] = []
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("time.sleep", waited.append)
    with pytest.raises(SystemExit), exit_on_error("genelm"):
        raise InputError("Gene 7 cannot be scored.")
    assert waited  # if the first has the same to say, its end is the end of this one
    assert capsys.readouterr().err == "genelm: Gene 7 cannot be scored.\n"


def is_ours(path: str) -> bool:
    return path.startswith("data/")


def is_folder_of_ours(folder: Path) -> bool:
    return (folder / "data").is_dir()


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.json"
    with atomic_file(target) as temporary:
        temporary.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "folder"
    for content in ("first", "second"):
        with atomic_folder(target, is_replaceable=is_ours, is_own=is_folder_of_ours) as temporary:
            (temporary / "data").mkdir()
            (temporary / "data" / content).write_text("")
    with (
        pytest.raises(RuntimeError),
        atomic_folder(target, is_replaceable=is_ours, is_own=is_folder_of_ours) as temporary,
    ):
        (temporary / "half").write_text("")
        raise RuntimeError
    assert [path.name for path in (target / "data").iterdir()] == ["second"]
    assert list(target.parent.iterdir()) == [target]


def test_what_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk" / "folder").mkdir(parents=True)
    for name in ("folder", "file.json"):
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    with atomic_folder(tmp_path / "folder", is_replaceable=is_ours, is_own=is_folder_of_ours) as temporary:
        (temporary / "data").mkdir()
        (temporary / "data" / "genes").write_text("")
    write_json(tmp_path / "file.json", 1)
    assert (tmp_path / "folder").is_symlink()
    assert (tmp_path / "file.json").is_symlink()
    assert (tmp_path / "disk" / "folder" / "data" / "genes").is_file()
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["file.json", "folder"]


def test_a_failure_leaves_no_folder_behind(tmp_path: Path) -> None:
    for write in (
        atomic_file(tmp_path / "a" / "b" / "c"),
        atomic_folder(tmp_path / "a" / "b" / "c", is_replaceable=is_ours, is_own=is_folder_of_ours),
    ):
        with pytest.raises(RuntimeError), write:
            raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_what_is_not_ours_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thesis" / "data").mkdir(parents=True)
    (tmp_path / "thesis" / "data" / "genes").write_text("")
    (tmp_path / "thesis" / "chapter1.tex").write_text("")
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other" / "database").mkdir(parents=True)
    for name in ("thesis", "file", "file/below", ".", "other"):
        with (
            pytest.raises(InputError, match=name),
            atomic_folder(Path(name), is_replaceable=is_ours, is_own=is_folder_of_ours),
        ):
            pass
    assert (tmp_path / "thesis" / "chapter1.tex").exists()
    assert (tmp_path / "other" / "database").exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("folder", "file/below"):
        with pytest.raises(InputError, match=name), atomic_file(tmp_path / name):
            pass


def test_checksums(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "bc").write_bytes(b"bc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "abc") == known
    assert sha256_of([tmp_path / "a", tmp_path / "bc"]) == known


def test_versions_of_what_decides_results() -> None:
    assert package_versions()["torch"].startswith("2.")


CoreTimes = namedtuple("CoreTimes", "user system idle iowait")


def test_an_error_gives_its_options_other_names_and_its_values_none() -> None:
    error = OptionError("{seed} is {!r}, {size} is {}.", "{seed}", "size")
    for one in (error, pickle.loads(pickle.dumps(error))):  # as it comes from another process
        assert str(one) == "seed is '{seed}', size is size."
        assert one.naming(lambda name: f"--{name}") == "--seed is '{seed}', --size is size."


def test_what_other_programs_take_of_the_cores_that_this_one_may_use(monkeypatch) -> None:
    """In ten seconds core 0 is busy for 9, of which this program has 5; core 1 waits; core 2 is not to be used."""
    moments = iter(
        [
            (100.0, [CoreTimes(50, 10, 0, 0), CoreTimes(0, 0, 60, 0), CoreTimes(9, 0, 0, 0)], (3, 1, 0, 0, 0)),
            (110.0, [CoreTimes(57, 12, 1, 0), CoreTimes(0, 1, 60, 9), CoreTimes(19, 0, 0, 0)], (6, 1, 2, 0, 0)),
        ]
    )
    now = next(moments)
    monkeypatch.setattr("genelm.storage.environment.usable_cores", lambda: [0, 1])
    monkeypatch.setattr("genelm.storage.environment.psutil.cpu_times", lambda percpu: now[1])
    monkeypatch.setattr("genelm.storage.environment.os.times", lambda: now[2])
    monkeypatch.setattr("genelm.storage.environment.time.monotonic", lambda: now[0])
    load = OtherPrograms()
    load.begin()
    now = next(moments)
    assert load.taken() == pytest.approx((9 + 1 - 5) / 10)
    assert load.free_cores() == 1


@pytest.mark.parametrize(("taken", "free"), [(0.0, 4), (0.2, 4), (0.5, 3), (1.0, 3), (2.9, 1), (4.0, 1), (9.0, 1)])
def test_no_more_threads_than_other_programs_leave_cores(taken: float, free: int, monkeypatch) -> None:
    monkeypatch.setattr("genelm.storage.environment.usable_cores", lambda: [0, 1, 2, 3])
    monkeypatch.setattr(OtherPrograms, "taken", lambda self: taken)
    assert OtherPrograms().free_cores() == free


def test_the_load_of_this_machine_can_be_measured() -> None:
    load = OtherPrograms()
    assert 0 <= load.taken() <= len(usable_cores()) + 1  # ticks of the clock are coarse
    assert 1 <= load.free_cores() <= len(usable_cores())


def test_bars_write_to_files_but_rarely() -> None:
    code = (
        "from genelm.storage import prepare_environment\n"
        "prepare_environment()\n"
        "from tqdm import tqdm\n"
        "import time\n"
        "for _ in tqdm(range(20)):\n    time.sleep(0.05)\n"
    )
    unset = {name: value for name, value in os.environ.items() if name != "TQDM_MININTERVAL"}
    lines = [
        subprocess.run([sys.executable, "-c", code], env=unset | by_the_user, capture_output=True, text=True).stderr
        for by_the_user in ({}, {"TQDM_MININTERVAL": "0.1"})
    ]
    assert all("20/20" in text for text in lines)
    assert lines[0].count("it/s") <= 3 < lines[1].count("it/s")
