"""A catalog's addresses can't make us fetch what only this machine can reach."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.abc import ResolveResult
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from app.photos.addresses import is_public, parse_url
from app.photos.errors import PhotoError, UnavailablePhotoError
from app.photos.fetcher import RefusedAddressError, _guarded_socket
from app.photos.http_client import HttpClient
from app.photos.references import address_in
from app.photos.web import WebPhotos, WebRoot
from tests.photos.conftest import ONCE
from tests.photos.resolver import Names, resolver
from tests.photos.scripted_server import Reply, ScriptedServer
from tests.photos.test_addresses import NOT_PUBLIC, PRIVATE_NETWORKS, PUBLIC, notations

MakeClient = Callable[..., HttpClient]
REFUSED = "leads to a private or local network: set LOOKALIKE_ALLOW_PRIVATE_ADDRESSES=true"


def refuse(client: HttpClient, url: str) -> None:
    with pytest.raises(PhotoError, match=REFUSED) as refusal:
        WebPhotos(client).read(url)
    assert not isinstance(refusal.value, UnavailablePhotoError)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost.test", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.1",
        "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0", "0.0.0.0", "[::]",  # noqa: S104
        "①②⑦.⓪.⓪.①", "127。0。0。1", "%31%32%37.0.0.1", "user:pass@127.0.0.1",
        "169.254.169.254", "10.0.0.1", "100.64.0.1", "[64:ff9b::7f00:1]", "[fe80::1%25lo]",
    ],
)  # fmt: skip
def test_no_notation_of_this_machine_is_fetched(
    host: str, make_client: MakeClient, scripted: ScriptedServer
) -> None:
    names = resolver(localhost="127.0.0.1")
    client = make_client(allow_private=False, resolver=names)
    with pytest.raises(PhotoError, match=f"{REFUSED}|not an http or https address") as refusal:
        WebPhotos(client).read(f"http://{host}:{scripted.port}/1.jpg")
    assert "pass" not in str(refusal.value)
    assert scripted.requests == []


def test_a_setting_allows_them(make_client: MakeClient, scripted: ScriptedServer) -> None:
    scripted.scripts["/1.jpg"] = [Reply(body=b"photo")]
    photos = WebPhotos(make_client(resolver=resolver(shop="127.0.0.1")))
    for host in ("127.0.0.1", "shop.test"):
        assert photos.read(f"http://{host}:{scripted.port}/1.jpg") == b"photo"


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1", "127.0.0.1"], ["10.0.0.1", "169.254.169.254"], ["::ffff:127.0.0.1"]],
)
def test_a_name_that_resolves_to_a_private_address_is_refused(
    addresses: list[str], make_client: MakeClient, scripted: ScriptedServer
) -> None:
    client = make_client(allow_private=False, resolver=resolver(shop=addresses))
    for scheme in ("http", "https"):
        refuse(client, f"{scheme}://shop.test:{scripted.port}/1.jpg")
    assert scripted.requests == []


def test_a_resolver_s_word_is_not_taken(make_client: MakeClient) -> None:
    """What is checked is the address of the very socket, so that no second answer matters."""

    class Liar(Names):
        async def resolve(self, *arguments: Any, **options: Any) -> list[ResolveResult]:
            (found,) = await super().resolve(*arguments, **options)
            return [{**found, "hostname": "8.8.8.8"}]

    client = make_client(allow_private=False, resolver=lambda: Liar({"shop.test": ["127.0.0.1"]}))
    refuse(client, "http://shop.test:1/1.jpg")


def test_sockets_are_made_for_public_addresses_alone() -> None:
    def info(address: str) -> Any:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443)

    for address in PUBLIC:
        _guarded_socket(info(address)).close()
    for address in NOT_PUBLIC:
        with pytest.raises(RefusedAddressError):
            _guarded_socket(info(address))


def test_a_root_s_own_host_is_trusted(make_client: MakeClient, scripted: ScriptedServer) -> None:
    """As `LOOKALIKE_IMAGES=http://photos.internal` is meant. A catalog's word isn't as good."""
    scripted.scripts["/shop/1.jpg"] = [Reply(302, headers={"Location": "/shop/2.jpg"})]
    scripted.scripts["/shop/2.jpg"] = [Reply(body=b"photo")]
    client = make_client(allow_private=False, resolver=resolver(photos="127.0.0.1"))
    for host in ("photos.test", "127.0.0.1"):
        url = f"http://{host}:{scripted.port}/shop"
        root = WebRoot(url, client)
        root.require()
        assert root.read("1.jpg") == b"photo"
        refuse(client, f"{url}/1.jpg")


@pytest.mark.parametrize(
    "target",
    ["http://other.test:{port}/2.jpg", "//127.1:{port}/2.jpg", "http://photos.test:1/2.jpg"],
)
def test_a_redirect_elsewhere_is_not_trusted(
    target: str, make_client: MakeClient, scripted: ScriptedServer
) -> None:
    location = target.format(port=scripted.port)
    scripted.scripts["/1.jpg"] = [Reply(302, headers={"Location": location})]
    names = resolver(photos="127.0.0.1", other="127.0.0.1")
    root = WebRoot(
        f"http://photos.test:{scripted.port}", make_client(allow_private=False, resolver=names)
    )
    with pytest.raises(PhotoError, match=REFUSED):
        root.read("1.jpg")
    assert scripted.paths() == ["/1.jpg"]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://a.test/1.jpg", "gopher://a"])
def test_a_redirect_to_another_protocol_is_refused(
    location: str, make_client: MakeClient, scripted: ScriptedServer
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(302, headers={"Location": location})]
    with pytest.raises(PhotoError, match=r"127.0.0.1 redirects to \w+://, which isn't followed"):
        WebPhotos(make_client()).read(f"{scripted.url}/1.jpg")


def test_redirects_are_bounded(make_client: MakeClient, scripted: ScriptedServer) -> None:
    for number in range(9):
        location = {"Location": f"/{number + 1}.jpg"}
        scripted.scripts[f"/{number}.jpg"] = [Reply(301, headers=location)]
    scripted.scripts["/5.jpg"] = [Reply(body=b"photo")]
    photos = WebPhotos(make_client())
    assert photos.read(f"{scripted.url}/0.jpg") == b"photo"
    scripted.scripts["/5.jpg"] = [Reply(301, headers={"Location": "/6.jpg"})]
    scripted.requests.clear()
    with pytest.raises(UnavailablePhotoError, match="redirects more than 5 times"):
        photos.read(f"{scripted.url}/0.jpg")
    assert len(scripted.requests) == 6


def test_a_password_goes_no_further_than_its_host(
    make_client: MakeClient, scripted: ScriptedServer
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(302, headers={"Location": "/2.jpg"})]
    scripted.scripts["/2.jpg"] = [
        Reply(302, headers={"Location": f"http://other.test:{scripted.port}/3.jpg"})
    ]
    client = make_client(resolver=resolver(other="127.0.0.1"))
    with pytest.raises(PhotoError, match=r"other\.test answers 404") as missing:
        WebPhotos(client).read(f"http://me:secret@127.0.0.1:{scripted.port}/1.jpg")
    assert "secret" not in str(missing.value)
    assert ["authorization" in request.headers for request in scripted.requests] == [
        True,
        True,
        False,
    ]


def test_nothing_of_the_environment_or_of_an_answer_is_sent_along(
    make_client: MakeClient, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would connect in our place, where no address is refused."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    scripted.scripts["/1.jpg"] = [Reply(body=b"photo", headers={"Set-Cookie": "a=1; Path=/"})]
    photos = WebPhotos(make_client())
    for _ in range(2):
        assert photos.read(f"{scripted.url}/1.jpg") == b"photo"
    first, second = scripted.requests
    assert "cookie" not in second.headers
    assert first.headers["user-agent"].startswith("lookalike/")


@pytest.fixture(scope="module")
def guarded() -> HttpClient:
    return HttpClient(allow_private=False, retry=ONCE, resolver=resolver(private="10.0.0.1"))


private_hosts = st.sampled_from(PRIVATE_NETWORKS).flatmap(
    lambda network: st.ip_addresses(v=4, network=network).flatmap(
        lambda address: st.sampled_from(notations(int(address)))
    )
)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    scheme=st.sampled_from(["http", "https", "HTTP"]),
    user=st.sampled_from(["", "me@", "me:pass@", "8.8.8.8@", "8.8.8.8:80@", "%40@"]),
    host=private_hosts | st.just("private.test") | st.just("PRIVATE.test"),
    port=st.sampled_from(["", ":80", ":443", ":1"]),
    path=st.sampled_from(
        ["", "/", "/1.jpg", "/@8.8.8.8/", "?@8.8.8.8", "#@8.8.8.8/", "\\@8.8.8.8"]
    ),
)
def test_whatever_the_shape_of_a_url_a_private_address_is_refused(
    guarded: HttpClient, scheme: str, user: str, host: str, port: str, path: str
) -> None:
    url = f"{scheme}://{user}{host}{port}{path}"
    with pytest.raises(PhotoError) as refusal:
        WebPhotos(guarded).read(address_in(url) or "")
    assert not isinstance(refusal.value, UnavailablePhotoError)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(alphabet="htps:/@?#[]%.0aé \\", max_size=25).map(lambda text: f"http://{text}"))
def test_any_text_is_an_address_or_refused_in_words(text: str) -> None:
    try:
        url = parse_url(text)
    except PhotoError:
        return
    assert url.scheme in ("http", "https")
    assert url.host
    assert URL(str(url)).host == url.host


@settings(derandomize=True, deadline=None)
@given(st.ip_addresses(v=6))
def test_an_address_of_ipv6_is_fetched_only_if_it_is_global(
    address: ipaddress.IPv6Address,
) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast
