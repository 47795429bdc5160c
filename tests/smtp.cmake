# The SMTP engine with a stub behind it: a library for tests, and a program for scripts that talk to it.
add_library(servelo_smtp_stub STATIC lib/smtp_stub.c lib/dialogue.c lib/session_witness.c lib/fuzz_session.c)
target_link_libraries(servelo_smtp_stub PUBLIC servelo_smtpd)

add_executable(smtp_stub_server lib/smtp_stub_server.c)
target_link_libraries(smtp_stub_server PRIVATE servelo_smtp_stub)

foreach(target smtpd_test_dialogues smtpd_test_smtp_server fuzz_smtp_session fuzz_smtp_tls fuzz_bdat)
	if(TARGET ${target})
		target_link_libraries(${target} PRIVATE servelo_smtp_stub)
	endif()
endforeach()
