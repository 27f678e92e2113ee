"""`make fuzz`: looks for a message that breaks the core or costs it too much time, for so many minutes.

    python tests/fuzz/run.py MINUTES

Starts from an event of each kind in each form, and from all that was found before.
"""

import importlib.util
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOUND = HERE / "found"
sys.path.insert(0, str(HERE.parent))

from events import FORMS, KINDS, Email  # noqa: E402  the path is set above

#: Seconds and megabytes that a single message may take.
MOST_SECONDS = 10
MOST_MEGABYTES = 1024


def main() -> int:
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write(
            "atheris is missing: `make fuzz` installs it, but it is compiled for Linux on x86_64 and Python 3.11 to "
            f"3.13 only. This is Python {platform.python_version()} on {platform.system()} {platform.machine()}. "
            "If another Python is there: make clean, then make fuzz PYTHON=python3.13\n"
        )
        return 2
    seconds = round(float(sys.argv[1]) * 60)
    with tempfile.TemporaryDirectory() as seeds:
        write_seeds(Path(seeds))
        flags = [f"-max_total_time={seconds}", f"-timeout={MOST_SECONDS}", f"-rss_limit_mb={MOST_MEGABYTES}"]
        flags += [f"-artifact_prefix={HERE}/", "-print_final_stats=1", "-reduce_inputs=0"]
        known = set(HERE.glob("*-*"))
        code = subprocess.run([sys.executable, str(HERE / "fuzz_read.py"), *flags, seeds], check=False).returncode
    for path in set(HERE.glob("*-*")) - known:
        sys.stderr.write(
            f"\nThis message breaks the core, or costs too much time: {path}\n"
            f"Move it to {FOUND} under a name that says what it is; "
            "tests/property/test_fuzz_fixtures.py then fails until the core is mended, and keeps it so.\n"
        )
    return code


def write_seeds(folder: Path) -> None:
    for kind, make in KINDS.items():
        for number, form in enumerate(FORMS.values()):
            (folder / f"{kind}-{number}").write_text(form(make(Email())))
    for path in FOUND.glob("*"):
        (folder / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
