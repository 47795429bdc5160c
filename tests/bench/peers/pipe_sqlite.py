"""Run by Postfix's pipe(8) for each mail: parses it and inserts a row. What "a script behind Postfix" means."""
import email
import email.policy
import sqlite3
import sys

mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
body = mail.get_body(("plain", "html"))
db = sqlite3.connect("/data/tickets.db", timeout=60, isolation_level=None)
db.execute("PRAGMA synchronous=FULL")
db.execute("BEGIN IMMEDIATE")  # waits for its turn; a transaction that begins with reading would not
db.execute("INSERT INTO ticket (recipient, author, subject, message_id, text, original) VALUES (?, ?, ?, ?, ?, ?)",
           (sys.argv[1], str(mail["From"]), str(mail["Subject"]), str(mail["Message-ID"]),
            body.get_content() if body else "", mail.as_bytes()))
db.execute("COMMIT")
