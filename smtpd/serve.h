/*
 * `servelo serve`: the composition root. Loads, builds, wires, runs, drains.
 */
#ifndef SERVELO_SMTPD_SERVE_H
#define SERVELO_SMTPD_SERVE_H

/* conf_path as server_conf_load(): NULL for $SERVELO_CONFIG or the default place. Returns an exit code of sysexits.h: 0 after a clean
 * drain, 78 (EX_CONFIG) for a bad configuration, 71, 73, 75 for what the system refused. */
int serve_run(const char *conf_path);

#endif
