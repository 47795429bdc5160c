"""Fixtures of the system tests: servers of one's own, stopped and checked when the test or module ends."""
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import mta  # noqa: E402
import servelo  # noqa: E402

WORK = servelo.ROOT / "tests" / ".work" / "run"


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, "report_" + report.when, report)


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
