from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from notifier import provider
from notifier.errors import UsageError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", provider.installed())
def test_every_provider_is_under_contract(kind):
    """Whoever adds a provider adds its test, and that test runs the whole contract."""
    test = ROOT / "tests" / "providers" / f"test_{kind}.py"
    assert test.exists()
    assert re.search(r"^class Test\w+\(ProviderContract\):", test.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("kind", provider.installed())
def test_a_provider_is_one_file(kind):
    """A provider's type, its file and its settings' model are found from one another by name."""
    found = provider.find(kind)
    assert found.__module__ == f"notifier_providers.{kind}"
    assert found.Settings.__module__ == found.__module__
    assert issubclass(found.Settings, provider.Settings)
    assert found.Settings.model_config["extra"] == "forbid"


def test_the_embedded_ones_stay_on_this_computer():
    """Nothing leaves the machine until somebody names a provider that does."""
    at_home = {kind for kind in provider.installed() if not provider.find(kind).leaves_machine}
    assert {"maildir", "sms_file", "console"} <= at_home
    assert "smtp" not in at_home


def test_an_unknown_type_is_a_clear_error():
    """A type that nobody has installed is answered with those that are."""
    with pytest.raises(UsageError, match=r"no provider type 'pigeon'; installed: .*maildir"):
        provider.find("pigeon")


def test_the_example_for_strangers_works(tmp_path):
    """The provider in providers/README.md keeps the contract, with the test that stands there."""
    blocks = re.findall(
        r"```python\n# (\w+\.py)\n(.*?)```", (ROOT / "providers" / "README.md").read_text("utf-8"), re.DOTALL
    )
    assert [name for name, _ in blocks] == ["modem.py", "test_modem.py"]
    for name, code in blocks:
        (tmp_path / name).write_text(code, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^\d\d passed in", ran.stdout, re.MULTILINE)
