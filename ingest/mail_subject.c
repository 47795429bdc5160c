/*
 * The subject of a ticket, and a display name made of a local-part.
 *
 * A subject is cleaned first (one line, single blanks, nothing without width), then its front is taken off
 * piece by piece until nothing fits: reply and forward prefixes by table ("Re:", "AW :", "Re[2]:", "RE(3)：",
 * "SV^2:"), our own reference, a list tag that came twice. A list tag before or after a prefix stays, once:
 * "Re: [users] Re: [users] hello" is "[users] hello". "[Fwd: hello]" loses its brackets too.
 *
 * Invariants: the result is valid UTF-8, one line, 1 to 255 characters; time is linear in the length (each
 * step takes something off the front). Pure; any thread.
 */
#include <errno.h>

#include "ingest/mail.h"
#include "ingest/text_fold.h"

#define SUBJECT_CHARS_MAX 255
#define TAG_OCTETS_MAX    64

/* Folded (lower case). What mail programs put before a subject when they reply or forward, by language. */
static const char *const prefixes[] = {
	"re",
	"fw",
	"fwd",
	"fyi",
	"forwarded",
	"forward",
	"reply", /* English, and most programs */
	"aw",
	"antw",
	"antwort",
	"wg",
	"wtr",
	"weitergeleitet",
	"weiterleitung", /* German */
	"antwoord",
	"ant",
	"doorst",
	"doorgestuurd",
	"vb", /* Dutch, Swedish forward */
	"sv",
	"vs",
	"vl",
	"vb",
	"svar",
	"svars",
	"videresendt",
	"vidarebefordrat",
	"vast", /* Nordic, Finnish */
	"tr",
	"réf",
	"ref",
	"rép",
	"rep",
	"réponse",
	"transf",
	"transféré", /* French */
	"rv",
	"resp",
	"respuesta",
	"reenviado",
	"reenv",
	"reenviar", /* Spanish */
	"res",
	"enc",
	"resposta",
	"encaminhada",
	"encaminhado", /* Portuguese */
	"r",
	"rif",
	"i",
	"inoltro",
	"inoltrato",
	"risposta", /* Italian */
	"odp",
	"pd",
	"przek",
	"przekazane", /* Polish */
	"odpověď",
	"odpoveď",
	"předat",
	"přeposlat",
	"prepos",
	"preposlané", /* Czech, Slovak */
	"vá",
	"továbbítás",
	"válasz", /* Hungarian */
	"odg",
	"odgovor",
	"posl",
	"prosl",
	"naprej",
	"proslijeđeno",
	"одг", /* South Slavic */
	"răsp",
	"rasp",
	"redirecţionat",
	"redirecționat", /* Romanian */
	"на",
	"отг",
	"отговор",
	"препр", /* Bulgarian */
	"отв",
	"ответ",
	"пересл",
	"переслано",
	"пер",
	"отклик", /* Russian */
	"відп",
	"відповідь",
	"переслане",
	"пересилання",
	"нп", /* Ukrainian */
	"atb",
	"bls",
	"ynt",
	"ilt",
	"yanıt",
	"cevap",
	"i̇lt", /* Welsh, Turkish */
	"απ",
	"απάντηση",
	"σχετ",
	"πρθ",
	"προώθηση", /* Greek */
	"atbild",
	"atb.",
	"pārs",
	"ats",
	"fs",
	"vs.",
	"pers", /* Baltic */
	"תגובה",
	"השב",
	"העברה",
	"הועבר", /* Hebrew */
	"رد",
	"إعادة توجيه",
	"پاسخ",
	"ارسال", /* Arabic, Persian */
	"trả lời",
	"chuyển tiếp",
	"trl",
	"ct", /* Vietnamese */
	"bls.",
	"balas",
	"trs",
	"terusan", /* Indonesian, Malay */
	"ตอบกลับ",
	"ส่งต่อ", /* Thai */
	"回复",
	"回覆",
	"答复",
	"答覆",
	"回信",
	"转发",
	"轉寄",
	"轉發",
	"轉送",
	"转寄", /* Chinese */
	"返信",
	"転送", /* Japanese */
	"회신",
	"답장",
	"전달",
	"답변", /* Korean */
};
#define PREFIX_OCTETS_MAX 40 /* of the longest one, folded */

struct front {
	struct str left;
	struct str tag; /* the list tag that stays in front; empty: none yet */
};

static struct str skip_blank(struct str s)
{
	while (s.len && s.ptr[0] == ' ')
		s = str_sub(s, 1, s.len);
	return s;
}

/* One line of visible characters with single blanks; out has room for s.len octets. */
static struct str clean_line(struct str s, char *out)
{
	size_t len = 0;
	bool blank = false;
	for (size_t pos = 0; pos < s.len;) {
		size_t start = pos;
		uint32_t c = utf8_next(s, &pos);
		char octets[4];
		if (char_blank(c) || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
			blank = len > 0;
			continue;
		}
		/* Joiners shape Persian words and emoji: kept inside words. The other invisible ones only
		 * hide things. */
		if (char_zero_width(c) && !((c == 0x200c || c == 0x200d) && len > 0 && !blank))
			continue;
		/* A broken octet would grow to three: it becomes '?', which cannot happen to valid UTF-8. */
		size_t n = c == 0xfffd && pos - start == 1 ? 0 : utf8_put(c, octets);
		if (n == 0) {
			octets[0] = '?';
			n = 1;
		}
		if (blank)
			out[len++] = ' ';
		blank = false;
		memcpy(out + len, octets, n);
		len += n;
	}
	return (struct str){out, len};
}

/* "[2]", "(3)", "^4", "*5" or digits after a prefix; how many octets it takes, 0: none. */
static size_t counter_length(struct str s)
{
	size_t i = 0;
	char close = 0;
	if (i < s.len && (s.ptr[0] == '[' || s.ptr[0] == '(')) {
		close = s.ptr[0] == '[' ? ']' : ')';
		i++;
	} else if (i < s.len && (s.ptr[0] == '^' || s.ptr[0] == '*')) {
		i++;
	}
	size_t first = i;
	while (i < s.len && i < first + 4 && ascii_digit(s.ptr[i]))
		i++;
	if (i == first)
		return 0;
	if (close && (i == s.len || s.ptr[i++] != close))
		return 0;
	return i;
}

/* A colon of any width at the start; its octets, 0: none. */
static size_t colon_length(struct str s)
{
	if (str_starts(s, STR(":")))
		return 1;
	if (str_starts(s, STR("：")) || str_starts(s, STR("﹕")))
		return 3;
	return 0;
}

static bool known_prefix(struct str word, bool bare_counter)
{
	char folded[PREFIX_OCTETS_MAX];
	struct str key = {folded, text_fold(word, folded, sizeof(folded))};
	/* "Re2:" counts replies, "R2:" and "CT 5:" are somebody's words */
	if (bare_counter && !str_eq(key, STR("re")) && !str_eq(key, STR("fwd")) && !str_eq(key, STR("aw")))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_eq(key, str_from(prefixes[i])))
			return true;
	return false;
}

/* Octets of a prefix with counter and colon at the start of s; 0: none. */
static size_t prefix_length(struct str s)
{
	size_t word = 0;
	while (word < s.len && word <= PREFIX_OCTETS_MAX) {
		struct str rest = str_sub(s, word, s.len);
		if (colon_length(rest) || counter_length(rest))
			break;
		word++;
	}
	if (word == 0 || word > PREFIX_OCTETS_MAX || word == s.len)
		return 0;
	if (!known_prefix(str_sub(s, 0, word), ascii_digit(s.ptr[word])))
		return 0;
	struct str rest = skip_blank(str_sub(s, word, s.len));
	rest = skip_blank(str_sub(rest, counter_length(rest), rest.len));
	size_t colon = colon_length(rest);
	return colon ? (size_t)(rest.ptr + colon - s.ptr) : 0;
}

/* "[PREFIX-00042]" at the start; its octets, 0: none. */
static size_t reference_length(struct str s, struct str own_prefix)
{
	size_t i = 1 + own_prefix.len;
	if (own_prefix.len == 0 || s.len < i + 3 || s.ptr[0] != '[' || s.ptr[i] != '-' ||
	    !str_ieq(str_sub(s, 1, i), own_prefix))
		return 0;
	size_t first = ++i;
	while (i < s.len && ascii_digit(s.ptr[i]))
		i++;
	return i > first && i < s.len && s.ptr[i] == ']' ? i + 1 : 0;
}

/* Our references, wherever they stand. In place. */
static struct str remove_references(char *text, size_t len, struct str own_prefix)
{
	size_t to = 0;
	for (size_t i = 0; i < len;) {
		size_t n = text[i] == '[' ? reference_length((struct str){text + i, len - i}, own_prefix) : 0;
		if (n == 0) {
			text[to++] = text[i++];
			continue;
		}
		i += n;
		/* "a [ref] b" keeps one blank */
		if (i < len && text[i] == ' ' && (to == 0 || text[to - 1] == ' '))
			i++;
	}
	return str_trim((struct str){text, to});
}

/* A short "[tag]" at the start, not "[Fwd: ...]"; its octets, 0: none. */
static size_t tag_length(struct str s)
{
	size_t end = s.len && s.ptr[0] == '[' ? str_find(str_sub(s, 0, TAG_OCTETS_MAX), ']') : s.len;
	if (end >= TAG_OCTETS_MAX || end >= s.len || end < 2 || prefix_length(str_sub(s, 1, s.len)))
		return 0;
	return end + 1;
}

/* Takes one piece off the front; false: nothing fits. */
static bool strip_piece(struct front *front)
{
	struct str s = front->left = skip_blank(front->left);
	size_t n = prefix_length(s);
	if (n) {
		front->left = str_sub(s, n, s.len);
		return true;
	}
	if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']' && prefix_length(str_sub(s, 1, s.len))) {
		front->left = str_sub(s, 1, s.len - 1);
		return true;
	}
	n = tag_length(s);
	struct str behind = skip_blank(str_sub(s, n, s.len));
	if (n && front->tag.len == 0 && behind.len) {
		front->tag = str_sub(s, 0, n);
		front->left = behind;
		return true;
	}
	if (n && str_ieq(str_sub(s, 0, n), front->tag)) {
		front->left = behind;
		return true;
	}
	return false;
}

static struct str first_chars(struct str s, size_t chars_max)
{
	size_t pos = 0;
	while (pos < s.len && chars_max-- > 0)
		utf8_next(s, &pos);
	return str_trim(str_sub(s, 0, pos));
}

int mail_ticket_subject(struct arena *arena, struct str subject, struct str own_prefix, struct str *ret)
{
	/* one more octet than needed: the tag and the rest are joined by a blank */
	char *text = arena_alloc(arena, subject.len + 2);
	if (!text)
		return -ENOBUFS;
	struct str line = clean_line(subject, text);
	struct front front = {remove_references(text, line.len, own_prefix), {NULL, 0}};
	while (strip_piece(&front))
		;
	struct str left = str_trim(front.left);
	if (front.tag.len && left.len) {
		char tag[TAG_OCTETS_MAX];
		memcpy(tag, front.tag.ptr, front.tag.len);
		memmove(text + front.tag.len + 1, left.ptr, left.len);
		memcpy(text, tag, front.tag.len);
		text[front.tag.len] = ' ';
		left = (struct str){text, front.tag.len + 1 + left.len};
	} else if (front.tag.len) {
		left = front.tag;
	}
	left = first_chars(left, SUBJECT_CHARS_MAX);
	*ret = left.len ? left : STR("(No Subject)");
	return 0;
}

int mail_name_from_local(struct arena *arena, struct str local_part, struct str *ret)
{
	char *name = arena_alloc(arena, local_part.len + 1);
	if (!name)
		return -ENOBUFS;
	struct str line = clean_line(local_part, name);
	size_t len = 0;
	bool start = true;
	for (size_t i = 0; i < line.len; i++) {
		char c = name[i];
		if (c == ' ' || char_in("._-+", c)) {
			start = true;
			continue;
		}
		if (start && len)
			name[len++] = ' ';
		if (start && c >= 'a' && c <= 'z')
			c = (char)(c - 32);
		start = false;
		name[len++] = c;
	}
	if (len == 0) { /* nothing but separators: the local-part itself is the best name there is */
		*ret = line.len ? line : STR("?");
		return 0;
	}
	*ret = (struct str){name, len};
	return 0;
}
