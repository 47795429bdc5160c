/*
 * STARTTLS (RFC 3207). In any state: the transaction and the EHLO are forgotten (4.2), so that nothing said in
 * clear has any effect afterwards. Loop thread.
 */
#include <stdlib.h>

#include "smtpd/session_private.h"

void cmd_starttls(struct smtp_session *session, struct str argument UNUSED)
{
	if (session->tls) {
		session_reply_error(session, REPLY_STARTTLS_ACTIVE, STR(""));
		return;
	}
	if (!server_offers_starttls(session->server)) {
		session_reply_error(session, REPLY_NOT_IMPLEMENTED, STR(""));
		return;
	}
	session_drop_transaction(session);
	free(session->helo);
	session->helo = NULL;
	session->ehlo = false;
	session_reply(session, REPLY_READY_TLS, STR(""));
	session_start_tls(session);
}
