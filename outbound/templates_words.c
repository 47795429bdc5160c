/* See templates_words.h: one row per thing, one column per language, in the order of LANGUAGES. */
#include "outbound/templates_words.h"

enum { EN, DE, FR, ES, ZH, LANGUAGES };
static const char *const languages[LANGUAGES] = {"en", "de", "fr", "es", "zh"};

static const char *const words[][LANGUAGES] = {
	[WORD_TEXT_CUT] =
		{"The text is too long for this mail. What follows here is kept with the ticket.",
		 "Der Text ist zu lang für diese E-Mail. Was hier folgt, ist beim Ticket gespeichert.",
		 "Le texte est trop long pour cet e-mail. La suite est conservée avec le ticket.",
		 "El texto es demasiado largo para este correo. El resto se conserva con el ticket.",
		 "内容过长，本邮件仅显示部分内容，其余内容已保存在工单中。"},
	[WORD_BLOCKED_TYPE] = {"files of this type are blocked", "Dateien dieser Art sind gesperrt",
			       "les fichiers de ce type sont bloqués",
			       "los archivos de este tipo están bloqueados", "此类型的文件已被禁止"},
	[WORD_TOO_BIG] = {"the file is too large", "die Datei ist zu groß", "le fichier est trop volumineux",
			  "el archivo es demasiado grande", "文件过大"},
	[WORD_TOO_MANY] = {"there are too many files", "es sind zu viele Dateien", "il y a trop de fichiers",
			   "hay demasiados archivos", "文件数量过多"},
	[WORD_MAIL_FULL] = {"too large for one mail", "zu groß für eine E-Mail",
			    "trop volumineux pour un e-mail", "demasiado grande para un correo",
			    "超出单封邮件的大小限制"},
	[WORD_NOT_AVAILABLE] = {"the file could not be read", "die Datei konnte nicht gelesen werden",
				"le fichier n’a pas pu être lu", "no se ha podido leer el archivo",
				"无法读取该文件"},
};

static const char *const statuses[][LANGUAGES] = {
	[TICKET_OPEN] = {"open", "offen", "ouvert", "abierto", "待处理"},
	[TICKET_IN_PROGRESS] = {"in progress", "in Bearbeitung", "en cours", "en curso", "处理中"},
	[TICKET_WAITING_ON_CUSTOMER] = {"waiting for the customer", "wartet auf den Kunden",
					"en attente du client", "a la espera del cliente", "等待客户回复"},
	[TICKET_WAITING_ON_AGENT] = {"waiting for the team", "wartet auf das Team", "en attente de l’équipe",
				     "a la espera del equipo", "等待团队回复"},
	[TICKET_RESOLVED] = {"resolved", "gelöst", "résolu", "resuelto", "已解决"},
	[TICKET_CLOSED] = {"closed", "geschlossen", "fermé", "cerrado", "已关闭"},
	[TICKET_REOPENED] = {"reopened", "wieder geöffnet", "rouvert", "reabierto", "已重新打开"},
};

static const struct {
	struct str reason;
	enum template_word word;
} reasons[] = {
	{STR_INIT("blocked type"), WORD_BLOCKED_TYPE},
	{STR_INIT("too big"), WORD_TOO_BIG},
	{STR_INIT("too many"), WORD_TOO_MANY},
};

static size_t language_of(struct str locale)
{
	struct str first = str_sub(locale, 0, 2);
	bool whole = locale.len <= 2 || strchr("-_.", locale.ptr[2]);
	for (size_t i = 0; whole && i < LANGUAGES; i++) {
		if (str_ieq(first, str_from(languages[i])))
			return i;
	}
	return EN;
}

struct str template_word(struct str locale, enum template_word word)
{
	return str_from(words[word][language_of(locale)]);
}

struct str template_status(struct str locale, enum ticket_status status)
{
	if ((size_t)status >= ARRAY_SIZE(statuses))
		return STR("");
	return str_from(statuses[status][language_of(locale)]);
}

struct str template_left_out(struct str locale, struct str reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (str_eq(reason, reasons[i].reason))
			return template_word(locale, reasons[i].word);
	}
	return reason;
}
