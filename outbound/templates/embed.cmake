# Makes a C file of the template files: cmake -D ROOT=<templates folder> -D OUT=<file.c> -P embed.cmake
# The order is that of the names, so the same files give the same output.
file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/*.mail ${ROOT}/*.html)
list(SORT files)
set(arrays "")
set(rows "")
set(n 0)
foreach(name ${files})
	file(READ ${ROOT}/${name} hex HEX)
	string(REGEX REPLACE "(................................)" "\\1\n\t" hex "${hex}")
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
	string(APPEND arrays "static const unsigned char file_${n}[] = {\n\t${bytes}\n};\n")
	string(APPEND rows "\t{\"${name}\", file_${n}, sizeof(file_${n})},\n")
	math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT}.new "/* Made of outbound/templates by embed.cmake. */\n#include \"outbound/templates_private.h\"\n\n"
	"${arrays}\nconst struct template_file template_files[] = {\n${rows}};\n"
	"const size_t template_files_n = ARRAY_SIZE(template_files);\n")
file(RENAME ${OUT}.new ${OUT})
