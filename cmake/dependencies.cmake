# Everything that is not ours. Debian packages by their CMake targets; what tools/setup put into .deps by imported ones.
set(SLIPWAY_DEPS "${CMAKE_SOURCE_DIR}/.deps" CACHE PATH "Where tools/setup keeps what Debian does not package")

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(GTest)
find_package(benchmark QUIET)

# llhttp: Debian 13's package, unpacked into .deps on Debian 12 and installed on Debian 13. Its own CMake files ask for
# a shared library that the package lacks, so the archive is named here.
find_library(LLHTTP_ARCHIVE libllhttp.a PATHS "${SLIPWAY_DEPS}/llhttp/usr/lib/x86_64-linux-gnu" REQUIRED)
find_path(LLHTTP_INCLUDE llhttp.h PATHS "${SLIPWAY_DEPS}/llhttp/usr/include" REQUIRED)
add_library(llhttp::llhttp STATIC IMPORTED)
set_target_properties(llhttp::llhttp PROPERTIES IMPORTED_LOCATION "${LLHTTP_ARCHIVE}")
target_include_directories(llhttp::llhttp SYSTEM INTERFACE "${LLHTTP_INCLUDE}")

# libyaml brings no CMake files that Debian packages.
find_library(YAML_LIBRARY yaml REQUIRED)
find_path(YAML_INCLUDE yaml.h REQUIRED)
add_library(yaml::yaml UNKNOWN IMPORTED)
set_target_properties(yaml::yaml PROPERTIES IMPORTED_LOCATION "${YAML_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${YAML_INCLUDE}")

# ONNX Runtime: headers only; the library is opened at run time, and only by a server that holds an ONNX model.
find_path(ONNXRUNTIME_INCLUDE onnxruntime_c_api.h
  PATHS "${SLIPWAY_DEPS}/onnxruntime/include" /usr/include/onnxruntime NO_DEFAULT_PATH REQUIRED)
add_library(onnxruntime::headers INTERFACE IMPORTED)
target_include_directories(onnxruntime::headers SYSTEM INTERFACE "${ONNXRUNTIME_INCLUDE}")
set(ONNXRUNTIME_LIBRARY "${SLIPWAY_DEPS}/onnxruntime/lib/libonnxruntime.so.1.31.1")
