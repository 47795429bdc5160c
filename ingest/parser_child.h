/*
 * The parser child: no database, no network, no keys. Reads mails from a socket, writes parsed mails, until
 * the socket ends.
 *
 * Before the first mail it opens charset converters, sets resource limits and no_new_privs, and closes
 * everything but the socket and standard error. One thread. Frames are described in parser_frame.h.
 */
#ifndef SERVELO_INGEST_PARSER_CHILD_H
#define SERVELO_INGEST_PARSER_CHILD_H

/* Runs until the socket closes; returns the exit code. */
int parser_child_main(int socket_fd);

#endif
