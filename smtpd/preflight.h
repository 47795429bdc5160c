/*
 * What goes wrong only later: looked at by `servelo check` and when the server starts. Each function adds one line per
 * problem to out. Main thread, before sessions exist.
 */
#ifndef SERVELO_SMTPD_PREFLIGHT_H
#define SERVELO_SMTPD_PREFLIGHT_H

#include "base/strbuf.h"
#include "smtpd/privileges.h"
#include "smtpd/server_conf.h"

/*
 * A start as root reads keys that the user it becomes may not read: all is well until the first reload. So the
 * configuration file, chains, keys of all kinds, the relay's password and the templates are tried with that user's eyes,
 * and, when they are there, the data folder, the database and the folder of the control socket. privileges: as privileges_find() gave it; root afterwards as
 * before, but without supplementary groups. 0, or -errno when the user could not be tried.
 */
int preflight_access(const struct server_conf *conf, const struct privileges *privileges, struct strbuf *out);

/*
 * A data folder that is not there yet is made at the first start, by who starts the server: can it be made where it shall
 * be? Tried with this process's own eyes; nothing is made. 0, or -errno and why in out.
 */
int preflight_parent(const struct server_conf *conf, struct strbuf *out);

/* How much room is there for data: says it in out. 0; 1: little, perhaps not enough for one mail of limits.message_size;
 * -ENOSPC: not enough to start; -errno: the system does not say. */
int preflight_room(const struct server_conf *conf, struct strbuf *out);

/* Without TLS mail leaves to this machine only: is a name in relay.host one of it? Looks the name up. 0; 1: unknown; -EPERM:
 * no, and no mail would leave. Why in out. */
int preflight_relay(const struct server_conf *conf, struct strbuf *out);

/* Is there a descriptor for each connection that limits.connections allows? */
void preflight_descriptors(const struct server_conf *conf, struct strbuf *out);

/* Names that are an example's, addresses that lead back to us; into loops those that would go in circles. */
void preflight_names(const struct server_conf *conf, struct strbuf *warnings, struct strbuf *loops);

#endif
