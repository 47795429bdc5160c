/*
 * Participants as a reader sees them; those with rows, that is. See participant.h.
 */
#include "storage/participant.h"
#include "storage/reader_private.h"

int reader_participants(struct reader *reader, struct ticket_id ticket, participant_fn *fn, void *ctx)
{
	struct stmt *s =
		stmt_use(reader->db,
			 "SELECT number, kind, address FROM participant WHERE ticket = ?1 ORDER BY number");
	stmt_int(s, 1, ticket.v);
	int r;
	while ((r = stmt_step(s)) > 0) {
		const struct participant participant = {
			.number = stmt_col_int(s, 0),
			.kind = stmt_col_int(s, 1) == PARTICIPANT_AGENT ? PARTICIPANT_AGENT
									: PARTICIPANT_CLIENT,
			.address = stmt_col_text(s, 2),
		};
		if (!fn(ctx, &participant))
			break;
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}
