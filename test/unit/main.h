/*
 * main.h
 *		Runs all functions test_... of the file that includes it, at its end.  The
 *		Makefile lists them.
 */
int
main(void)
{
	const struct CMUnitTest tests[] = {
#include TESTS
	};

	return cmocka_run_group_tests_name(__BASE_FILE__, tests, NULL, NULL);
}
