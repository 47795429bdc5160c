"""aiosmtpd that parses with Python's email and inserts a row before it says 250: aiosmtpd_sqlite.py PORT DATABASE"""
import asyncio
import email
import email.policy
import sqlite3
import sys

from aiosmtpd.smtp import SMTP


class Handler:
    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = mail.get_body(("plain", "html"))
        with self.db:
            self.db.executemany(
                "INSERT INTO ticket (recipient, author, subject, message_id, text, original) VALUES (?, ?, ?, ?, ?, ?)",
                [(recipient, str(mail["From"]), str(mail["Subject"]), str(mail["Message-ID"]),
                  body.get_content() if body else "", envelope.content) for recipient in envelope.rcpt_tos])
        return "250 2.0.0 stored"


async def main():
    loop = asyncio.get_running_loop()
    handler = Handler(sys.argv[2])
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mx.serveloapp.com", data_size_limit=64 << 20, loop=loop),
        "127.0.0.1", int(sys.argv[1]), backlog=1024)
    async with server:
        await server.serve_forever()

asyncio.run(main())
