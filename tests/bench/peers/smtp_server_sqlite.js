// smtp-server + mailparser + better-sqlite3, a row before 250: smtp_server_sqlite.js PORT DATABASE [without-wait]
"use strict";
const { SMTPServer } = require("smtp-server");
const { SMTPConnection } = require("smtp-server/lib/smtp-connection");
const { simpleParser } = require("mailparser");
const Database = require("better-sqlite3");

// The library greets after 100 ms, to catch clients that talk first. That is no cost of its work, and no setting of it
// takes it away; who runs it has it.
if (process.argv[4] === "without-wait") {
	SMTPConnection.prototype.init = function () {
		this._setListeners(() => this.connectionReady());
	};
}

const db = new Database(process.argv[3]);
db.pragma("journal_mode = WAL");
db.pragma("synchronous = FULL");
const insert = db.prepare(
	"INSERT INTO ticket (recipient, author, subject, message_id, text, original) VALUES (?, ?, ?, ?, ?, ?)",
);

const server = new SMTPServer({
	authOptional: true,
	disabledCommands: ["AUTH", "STARTTLS"],
	disableReverseLookup: true,
	logger: false,
	size: 64 << 20,
	onData(stream, session, callback) {
		const chunks = [];
		stream.on("data", (chunk) => chunks.push(chunk));
		stream.on("end", async () => {
			try {
				const original = Buffer.concat(chunks);
				const mail = await simpleParser(original);
				for (const to of session.envelope.rcptTo) {
					insert.run(to.address, mail.from.text, mail.subject, mail.messageId, mail.text || "", original);
				}
				callback(null, "stored");
			} catch (error) {
				callback(error);
			}
		});
	},
});
server.on("error", (error) => console.error(error));
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 1024 });
