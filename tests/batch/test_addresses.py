"""URLs in messages: without secrets, and otherwise as they are."""

import pytest

from animatex_core.batch.addresses import conceal, file_name, without_secrets
from animatex_core.batch.storage import Storage
from animatex_core.errors import InvalidInput


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("sftp://me:SE@CRET@host/a", "sftp://me@host/a"),
        ("sftp://me:SE/CRET@host", "sftp://me@host"),
        ("sftp://me:S@E/CRET@host/a", "sftp://me@host/a"),
        ("https://host/x?X-Amz-Signature=SECRET", "https://host/x"),
        ("https://me:SECRET@host/x?mail=a@b", "https://me@host/x"),
        ("zip://a.png::http://me:SECRET@host/b.zip?t=SECRET", "zip://a.png::http://me@host/b.zip"),
        ("simplecache::ftp://me:SECRET@host/a", "simplecache::ftp://me@host/a"),
        ("ftp://a:SECRET@h/x::http://b:SECRET@h/y", "ftp://a@h/x::http://b@h/y"),
    ],
)
def test_secrets_are_left_out(address: str, shown: str) -> None:
    assert without_secrets(address) == shown
    assert conceal(f"404, url='{address}'", address) == f"404, url='{shown}'"


@pytest.mark.parametrize(
    "address", ["http://host:80/a@2x.png", "s3://bucket/a:b@c.png", "file:///a/b?.png", "me@host/a"]
)
def test_what_is_no_secret_stays(address: str) -> None:
    assert without_secrets(address) == address


def test_parts_of_secrets_are_left_out_of_reasons() -> None:
    text = conceal("port 'SECRET' of /x?t=a%20TOKEN is none", "http://me:SECRET/b@host/x?t=a%20TOKEN")
    assert text == "port '***' of /x?t=*** is none"


def test_what_is_no_url_is_told_without_secrets() -> None:
    with pytest.raises(InvalidInput, match="is 'simplecache::http://me@host', but it must be a URL"):
        Storage("simplecache::http://me:SECRET@host", "--results", InvalidInput).open()


def test_files_have_the_names_of_their_paths() -> None:
    addresses = [
        "https://h/dance.mp4?a=b/c",
        "s3://b/what?.png",
        "zip://d/a.png::http://h/b.zip",
        "file:///a/b/",
    ]
    assert [file_name(each) for each in addresses] == ["dance.mp4", "what?.png", "a.png", "b"]
