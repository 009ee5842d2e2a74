from __future__ import annotations

import pytest

from notifier.store.memory import MemoryStore
from notifier.store.sql import SqlStore
from notifier.testing.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore(keep_events=True)


class TestSqlStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqlStore(f"sqlite:///{tmp_path / 'notifier.db'}", create=True)
        yield store
        store.close()
