# Readable text held against another HTML parser; only where that is installed (libgumbo-dev).
pkg_check_modules(GUMBO IMPORTED_TARGET gumbo)
if(GUMBO_FOUND)
	add_executable(mail_test_html_oracle mail/test_html_oracle.c)
	target_link_libraries(mail_test_html_oracle PRIVATE servelo_ingest PkgConfig::CMOCKA PkgConfig::GUMBO)
	target_compile_definitions(mail_test_html_oracle PRIVATE SERVELO_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
	add_test(NAME mail/test_html_oracle COMMAND mail_test_html_oracle)
	set_tests_properties(mail/test_html_oracle PROPERTIES TIMEOUT 120)
endif()
