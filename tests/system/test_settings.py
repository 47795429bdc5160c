"""What is in force, and what is going to be: the command line asks the running server, not the file alone."""
import signal


def reload(server, count):
    server.process.send_signal(signal.SIGHUP)
    server.wait_log(r" reloaded", count)


def test_what_waits_for_a_restart_is_said_until_the_restart(make_server):
    server = make_server().start()
    workers = server.json("setting", "get", "process.workers")["value"]
    server.configure(process={"workers": 9})
    server.write_config()
    row = server.json("setting", "get", "process.workers")
    assert (row["value"], row["later"], row["later_after"]) == (workers, "9", "restart"), row
    reload(server, 1)
    reload(server, 2)
    server.wait_log(r"restart-needed.*process\.workers", 2)
    done = server.run("setting", "get", "process.workers")
    assert done.stdout.decode().strip() == workers and b"after a restart" in done.stderr, done
    rows = {row["key"]: row for row in server.json("setting", "list")}
    assert [key for key, row in rows.items() if row["later"] is not None] == ["process.workers"]
    server.stop()
    server.start()
    row = server.json("setting", "get", "process.workers")
    assert (row["value"], row["later"]) == ("9", None), row
    server.stop()


def test_what_waits_for_a_reload(make_server):
    server = make_server().start()
    server.configure(process={"drain_timeout": "7s"})
    server.write_config()
    row = server.json("setting", "get", "process.drain_timeout")
    assert (row["later"], row["later_after"]) == ("7s", "reload"), row
    reload(server, 1)
    row = server.json("setting", "get", "process.drain_timeout")
    assert (row["value"], row["later"]) == ("7s", None), row
    server.stop()


def test_changed_settings_are_listed_and_logged(make_server):
    server = make_server().start()
    assert server.json("setting", "list", "--changed") == []
    server.cli("setting", "set", "limits.message_size", "1MiB")
    assert [row["key"] for row in server.json("setting", "list", "--changed")] == ["limits.message_size"]
    server.wait_log(r"setting\.set.*limits\.message_size.*1MiB")
    assert server.run("setting", "set", "limits.message_size", "much").returncode == 65
    server.stop()
