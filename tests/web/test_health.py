from __future__ import annotations

import asyncio

import httpx

from notifier.web import application


def test_healthz_asks_no_database(shop, client):
    """The process is healthy while it answers, whatever the database does."""
    with shop.down():
        assert client.get("/healthz").status_code == 200


def test_readyz_asks_the_database(shop, client):
    """Ready means that the database answers."""
    assert client.get("/readyz").status_code == 200
    with shop.down():
        answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "the database does not answer\n")


def test_readyz_knows_the_version_of_the_database(shop, client, monkeypatch):
    """Not ready where another version of the program has changed the tables."""
    monkeypatch.setattr("notifier.web.health.schema.status", lambda _: ("0002", "0001"))
    assert client.get("/readyz").status_code == 503


def test_readyz_tells_what_is_wrong_with_the_process(shop):
    """Not ready, with the reason, where the rules in force are not the newest."""

    async def ask():
        app = application(shop.engine, shop.inbox, lambda: "the rules in force are older")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get("/readyz")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.text) == (503, "the rules in force are older\n")


def test_nothing_else_is_served(client):
    """An address that is not ours is a short 404; nothing describes the server's inside."""
    for path in ("/", "/docs", "/openapi.json", "/static/", "/static/../words.yaml", "/s", "/favicon.ico"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert len(answer.text) < 40
