/* Every file of tests/smtp, played against the engine: in clear, octet by octet, and inside of TLS. */
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/log.h"
#include "tests/lib/dialogue.h"

static void play(void **state)
{
	unsigned played = 0;
	int failures = dialogue_play_file(*state, &played);
	print_message("%s: %u played\n", (const char *)*state, played);
	assert_int_equal(failures, 0);
	assert_true(played > 0);
}

int main(void)
{
	glob_t files;
	signal(SIGPIPE, SIG_IGN);
	log_setup(2, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, false);
	if (glob(SERVELO_SOURCE_DIR "/tests/smtp/*.smtp", 0, NULL, &files) != 0)
		return 1;
	struct CMUnitTest *tests = xcalloc(files.gl_pathc, sizeof(*tests));
	for (size_t i = 0; i < files.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){strrchr(files.gl_pathv[i], '/') + 1, play, NULL, NULL,
					       files.gl_pathv[i]};
	int failed = _cmocka_run_group_tests("dialogues", tests, files.gl_pathc, NULL, NULL);
	free(tests);
	globfree(&files);
	return failed;
}
