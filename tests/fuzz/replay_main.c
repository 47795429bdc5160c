/*
 * Without libFuzzer: runs the target once over every file of the folders and files given, in the order of
 * their names. A folder that is missing or empty is an error, for then nothing was tested. The input is copied to
 * memory of its exact size, so that a sanitizer sees one octet too far.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	struct stat info;
	FILE *file = fopen(path, "rb");
	if (!file || fstat(fileno(file), &info) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		if (file)
			fclose(file);
		return -1;
	}
	size_t size = (size_t)info.st_size;
	uint8_t *data = malloc(size ? size : 1);
	int r = data && fread(data, 1, size, file) == size ? 0 : -1;
	fclose(file);
	if (r == 0)
		LLVMFuzzerTestOneInput(data, size);
	else
		fprintf(stderr, "%s: can't be read\n", path);
	free(data);
	return r;
}

/* Number of files, or -1. */
static int replay_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort), files = 0;
	if (n < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char name[4096];
		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && files >= 0)
			files = replay_file(name) < 0 ? -1 : files + 1;
		free(entries[i]);
	}
	free(entries);
	if (files == 0)
		fprintf(stderr, "%s: no input in it\n", path);
	return files > 0 ? files : -1;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		struct stat info;
		int is_folder = stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode);
		int n = is_folder ? replay_folder(argv[i]) : replay_file(argv[i]) < 0 ? -1 : 1;
		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d inputs\n", total);
	return total > 0 ? 0 : 1;
}
