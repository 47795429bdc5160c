/*
 * What a file is by its first octets, whatever its name and its label say: "application/pdf", "image/png",
 * "application/vnd.microsoft.portable-executable". Magic numbers as a table, and a look into the first entries
 * of ZIP archives, for that is what office documents are. Bounded and linear in what is looked at. Pure.
 */
#ifndef SERVELO_INGEST_MEDIA_SNIFF_H
#define SERVELO_INGEST_MEDIA_SNIFF_H

#include "base/base.h"

#define MEDIA_SNIFF_SIZE 4096 /* octets of the beginning that are looked at; more is ignored */

/* The media type (static text), or empty when the beginning tells nothing: plain text, unknown formats. */
struct str media_sniff(struct str beginning);

/* The extension that a sniffed type would start under when it is opened ("exe", "jar", "lnk", ...); empty for
 * what is looked at and not run. A script is a text until its name says otherwise, and people send them as texts. */
struct str media_sniff_runs_as(struct str sniffed_type);

#endif
