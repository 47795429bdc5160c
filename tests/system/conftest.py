"""Fixtures of the system tests: servers of one's own, stopped and checked when the test or module ends."""
import pathlib
import re
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import mta  # noqa: E402
import servelo  # noqa: E402

WORK = servelo.ROOT / "tests" / ".work" / "run"


# Tests that take long by themselves and have a server of their own: they start first, each on any worker.
LONG = re.compile(r"test_dialogues\.py::test_(attack|memory)|test_crash\.py|test_corpora\.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """For pytest-xdist's loadgroup: the tests of a file share a worker, and so its server; the long ones do not."""
    for item in items:
        if not LONG.search(item.nodeid):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: not LONG.search(item.nodeid))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return servelo.make_certificate(tmp_path_factory.mktemp("certs"), "server")


@pytest.fixture(scope="module")
def make_server(tmp_path_factory, certificate):
    """make_server(**sections) -> a configured Server, not started. All are stopped at the end of the module, and
    must end as a server should."""
    binary = pathlib.Path(servelo.default_binary())
    if not binary.exists():
        pytest.fail(f"no {binary}: build it (tests/run does), or name another with SERVELO=", pytrace=False)
    servers = []

    def make(**sections):
        server = servelo.Server(binary, tmp_path_factory.mktemp("server"), certificate)
        servers.append(server)
        return server.configure(**sections)

    yield make
    problems = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as problem:
            problems.append(str(problem))
        finally:
            server.abandon()
        shutil.rmtree(server.folder, ignore_errors=True) if not problems else None
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def server(make_server):
    """One that runs as configured by default, shared by the module."""
    return make_server().start()


@pytest.fixture
def mta_folder():
    """A folder beside the tree of mail servers, on the same file system, so that copies are hard links."""
    if not mta.TREE.exists():
        pytest.skip("the tree of mail servers is not there: tests/run makes it, as root")
    WORK.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(dir=WORK)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
