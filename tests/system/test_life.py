"""Signals: SIGTERM drains, SIGHUP reloads what is right and keeps the old for what is wrong."""
import shutil
import signal
import ssl

import servelo
import smtp_talk


def peer_certificate(talk):
    return talk.sock.getpeercert(binary_form=True)


def der_of(path):
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def test_a_transaction_under_way_is_finished(make_server):
    server = make_server().start()
    idle, ready, busy = server.talk(ehlo=False), server.talk(), server.talk(tls="starttls")
    busy.envelope(["acme@serveloapp.com"])
    assert busy.cmd("DATA").code == 354
    mail = smtp_talk.mail()
    stuffed = smtp_talk.stuff(mail)
    busy.send(stuffed[:20])
    server.process.send_signal(signal.SIGTERM)
    assert idle.reply().code == 421
    assert ready.reply().code == 421
    busy.send(stuffed[20:])
    reply = busy.reply()
    assert reply.code == 250, reply
    server.stop()
    # Reading works without a server.
    assert server.raw(reply.mail_id) == mail
    assert server.balance()["unaccounted"] == 0


def test_no_new_connections_while_draining(make_server):
    server = make_server().start()
    busy = server.talk()
    busy.envelope(["acme@serveloapp.com"])
    assert busy.cmd("DATA").code == 354
    server.process.send_signal(signal.SIGTERM)
    server.wait_log("drain")
    try:
        late = server.talk(ehlo=False, timeout=5)
        assert late.greeting.code in (421, 554), late.greeting
    except (OSError, smtp_talk.Closed):
        pass
    busy.send(smtp_talk.stuff(smtp_talk.mail()))
    assert busy.reply().code == 250
    server.stop()


def test_a_stalled_transaction_does_not_hold_the_drain(make_server):
    server = make_server(process={"drain_timeout": "1s"}).start()
    stalled = server.talk()
    stalled.envelope(["acme@serveloapp.com"])
    assert stalled.cmd("DATA").code == 354
    server.stop()


def test_reload_takes_a_new_configuration(make_server):
    server = make_server().start()
    with server.talk() as old:
        server.configure(limits={"message_size": "1MiB"})
        server.sections["tenants"]["declare"].append(
            {"slug": "initech", "name": "Initech", "admin_email": "admin@initech.example"})
        server.write_config()
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("reload")
        # The session that was there goes on.
        assert old.deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    with server.talk() as talk:
        assert talk.extensions["SIZE"] == str(1 << 20)
        assert talk.deliver(smtp_talk.mail(), ["initech@serveloapp.com"]).code == 250
    server.stop()


def test_reload_keeps_the_old_when_the_new_is_wrong(make_server):
    server = make_server().start()
    with server.talk() as before:
        size = before.extensions["SIZE"]
    good = server.config.read_text()
    for wrong in (good.replace('"message_size"', '"messsage_size"') if "message_size" in good
                  else good.replace('"limits": {', '"limits": {"messsage_size": "1MiB", '),
                  good[:-10], good.replace(str(server.certificate[0]), "/nowhere.pem")):
        assert wrong != good
        server.config.write_text(wrong)
        mark = len(server.log())
        server.process.send_signal(signal.SIGHUP)
        until = servelo.time.monotonic() + servelo.DEADLINE
        while "reload" not in server.log()[mark:]:
            assert servelo.time.monotonic() < until
            servelo.time.sleep(0.01)
        with server.talk(tls="starttls") as talk:
            assert talk.extensions["SIZE"] == size
            assert talk.deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    server.stop()


def test_certificates_are_swapped_while_a_session_lives(make_server, tmp_path):
    chain, key = servelo.make_certificate(tmp_path, "first")
    server = make_server(tls={"certificates": [{"chain": str(chain), "key": str(key)}]}).start()
    first = der_of(chain)
    old = server.talk(tls="starttls")
    assert peer_certificate(old) == first
    new_chain, new_key = servelo.make_certificate(tmp_path, "second")
    shutil.copy(new_chain, chain)
    shutil.copy(new_key, key)
    server.process.send_signal(signal.SIGHUP)
    server.wait_log("reload")
    with server.talk(tls="starttls") as new:
        assert peer_certificate(new) == der_of(new_chain) != first
    assert old.deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    old.close()

    # A pair that does not fit is not taken.
    third_chain, _ = servelo.make_certificate(tmp_path, "third")
    shutil.copy(third_chain, chain)
    server.process.send_signal(signal.SIGHUP)
    server.wait_log("reload", 2)
    with server.talk(tls="starttls") as talk:
        assert peer_certificate(talk) == der_of(new_chain)
    server.stop()


def test_certificate_by_server_name(make_server, tmp_path):
    """SNI chooses the set; without a name, or with an unknown one, the first is shown. ECDSA and RSA live side by side."""
    ec, ec_key = servelo.make_certificate(tmp_path, "ec")
    rsa, rsa_key = servelo.make_certificate(tmp_path, "rsa", kind="rsa")
    other, other_key = servelo.make_certificate(tmp_path, "other", host="mx.example.org")
    server = make_server(tls={"certificates": [
        {"chain": str(ec), "key": str(ec_key)}, {"chain": str(rsa), "key": str(rsa_key)},
        {"host": "mx.example.org", "chain": str(other), "key": str(other_key)}]}).start()
    only_rsa = smtp_talk.tls_context()
    only_rsa.maximum_version = ssl.TLSVersion.TLSv1_2
    only_rsa.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    for name, context, expected in ((None, None, ec), ("mx.example.org", None, other), ("unknown.example", None, ec),
                                    (None, only_rsa, rsa)):
        with server.talk(tls="starttls", server_name=name, context=context) as talk:
            assert peer_certificate(talk) == der_of(expected), name
    server.stop()


def test_old_tls_is_refused(server):
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = smtp_talk.tls_context()
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        try:
            with server.talk(tls="starttls", context=context):
                raise AssertionError(f"{version} was taken")
        except (ssl.SSLError, ConnectionError):
            pass


def test_a_second_server_on_the_same_data_is_refused(server, make_server):
    second = make_server(storage={"data_dir": str(server.data)})
    done = second.run("serve")
    assert done.returncode not in (0, None)
    assert done.stderr or done.stdout
    with server.talk() as talk:
        assert talk.deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
