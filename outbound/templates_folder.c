/*
 * The operator's folder of templates is looked through: a file that would never be read (a slip in a name, a language we
 * do not speak) is an error, for its owner thinks that it is in use. Names that begin with a dot or with "README" are his.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "outbound/templates_private.h"

typedef bool known_fn(const char *name);

static bool is_file(const char *name)
{
	for (size_t i = 0; i < template_files_n; i++) {
		const char *slash = strchr(template_files[i].name, '/');
		if (slash && strcmp(slash + 1, name) == 0)
			return true;
	}
	return false;
}

static bool is_top(const char *name)
{
	return strcmp(name, "layout.html") == 0 ||
	       (strlen(name) == 2 && templates_has_locale(str_from(name)));
}

/* Is each name in path known? may_lack: he need not have this folder. */
static int check_folder(const char *path, known_fn *known, bool may_lack, struct conf_error *reterr)
{
	DIR *dir = opendir(path);
	if (!dir && errno == ENOENT && may_lack)
		return 0;
	if (!dir) {
		int r = -errno;
		snprintf(reterr->text, sizeof(reterr->text), "%s: %s", path, strerror(errno));
		return r;
	}
	int r = 0;
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
		if (entry->d_name[0] == '.' || strncmp(entry->d_name, "README", 6) == 0 ||
		    known(entry->d_name))
			continue;
		snprintf(reterr->text, sizeof(reterr->text), "%s/%s: there is no template of this name", path,
			 entry->d_name);
		r = -EINVAL;
	}
	closedir(dir);
	return r;
}

int templates_check_folder(const char *folder, const char *const *locales, size_t n,
			   struct conf_error *reterr)
{
	int r = check_folder(folder, is_top, false, reterr);
	for (size_t i = 0; r == 0 && i < n; i++) {
		char *path = xasprintf("%s/%s", folder, locales[i]);
		r = check_folder(path, is_file, true, reterr);
		free(path);
	}
	return r;
}
