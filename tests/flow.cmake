# tests/flow/test_*.c: many parts together on one loop, with a clock that only moves when it is told to.
foreach(name test_relay_down test_mail_outcomes test_outbox_load test_meanwhile)
	add_executable(flow_${name} flow/${name}.c flow/world.c flow/sink.c lib/fake_relay.c)
	target_link_libraries(flow_${name} PRIVATE servelo_outbound PkgConfig::CMOCKA)
	target_compile_definitions(flow_${name} PRIVATE SERVELO_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
	add_test(NAME flow/${name} COMMAND flow_${name})
	set_tests_properties(flow/${name} PROPERTIES TIMEOUT 300)
endforeach()
