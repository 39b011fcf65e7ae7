"""How a host is asked: at the pace that its robots.txt names, which is looked at only where it matters."""

from __future__ import annotations

import tempfile

import pytest

from flows.lake.web.hosts import LONGEST_DELAY_S, crawl_delay_s, place_at, wait_for_turn
from flows.lake.web.network import robots_of
from flows.lake.web.rules import WebRules
from tests.tools.scripted_server import scripted_server

OPEN = WebRules(http=True, private_networks=True)


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_machine_has_two_places_at_a_host():
    class Full(Exception):
        pass

    def give_up(seconds):
        raise Full

    with place_at("a.example"), place_at("A.example"):
        with pytest.raises(Full), place_at("a.example", give_up):
            pass
        with place_at("b.example", give_up):
            pass
    with place_at("a.example", give_up):
        pass


def test_one_file_of_a_host_asks_for_nothing_else_and_more_wait():
    waits, read = [], []

    def robots():
        read.append(1)
        return "User-agent: *\nCrawl-delay: 7\n"

    for _ in range(3):
        wait_for_turn("a.example", robots, waits.append)
    wait_for_turn("b.example", robots, waits.append)
    assert len(read) == 1
    assert [round(wait) for wait in waits] == [7, 7]


@pytest.mark.parametrize(
    ("text", "delay_s"),
    [
        ("", 0),
        ("User-agent: *\nDisallow: /\n", 0),
        ("User-agent: *\nCrawl-delay: 3\n", 3),
        ("User-agent: *\nRequest-rate: 1/5\n", 5),
        ("User-agent: csv-to-raw-lake\nCrawl-delay: 2\n\nUser-agent: *\nCrawl-delay: 30\n", 2),
        ("User-agent: *\nCrawl-delay: 86400\n", LONGEST_DELAY_S),
        ("User-agent: *\nCrawl-delay: many\nRequest-rate: 0/0\n", 0),
        ("<html>not found</html>", 0),
        ("\ufeffUser-agent: *\r\nCrawl-delay: 4\r\n", 4),
    ],
)
def test_the_pace_is_what_robots_txt_asks_for(text, delay_s):
    assert crawl_delay_s(text) == delay_s


def test_robots_txt_is_read_as_far_as_it_should_be():
    with scripted_server(lambda request: (200, b"Crawl-delay: 1\n" * 100_000)) as server:
        assert len(robots_of(f"{server.url}/x.csv", OPEN)) == 500 * 1024
    with scripted_server(lambda request: (404, b"none")) as server:
        assert robots_of(f"{server.url}/x.csv", OPEN) == ""
        assert robots_of(f"{server.url}/x.csv", WebRules(http=True)) == ""
        assert len(server.requests) == 1
