// A queue plugin of Haraka: mailparser, and a row in SQLite before 250. The database is $BENCH_DATABASE.
"use strict";
const { simpleParser } = require("mailparser");
const Database = require("better-sqlite3");

let insert;

function open() {
	const db = new Database(process.env.BENCH_DATABASE, { timeout: 60000 });
	db.pragma("journal_mode = WAL");
	db.pragma("synchronous = FULL");
	insert = db.prepare(
		"INSERT INTO ticket (recipient, author, subject, message_id, text, original) VALUES (?, ?, ?, ?, ?, ?)",
	);
}

exports.register = function () {
	this.register_hook("queue", "store");
};

exports.store = function (next, connection) {
	const transaction = connection.transaction;
	transaction.message_stream.get_data(async (original) => {
		try {
			if (!insert) open();
			const mail = await simpleParser(original);
			for (const to of transaction.rcpt_to) {
				insert.run(to.address(), mail.from.text, mail.subject, mail.messageId, mail.text || "", original);
			}
			next(OK, "stored");
		} catch (error) {
			connection.logerror(String(error));
			next(DENYSOFT);
		}
	});
};
