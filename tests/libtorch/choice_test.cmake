# Which LibTorch core/libtorch.cmake takes and which ways of choosing one it refuses, on folders that look like
# PyTorch's wheels: cmake -DBUILD=FOLDER -DGENERATOR=Ninja -P choice_test.cmake.
set(wheel ${BUILD}/site-packages/torch)
foreach(name CMAKE_PREFIX_PATH CLSIM_TORCH Torch_DIR Torch_ROOT)
  unset(ENV{${name}})
endforeach()
file(REMOVE_RECURSE ${BUILD})

# expect(NAME GIVEN ARGUMENTS... SAYS WORDS...): configuring with these arguments says all of these words.
function(expect name)
  cmake_parse_arguments(PARSE_ARGV 1 case "" "" "SAYS;GIVEN")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${BUILD}/build -G ${GENERATOR}
                          -UTorch_DIR -UTorch_ROOT -UCMAKE_PREFIX_PATH -UCLSIM_TORCH ${case_GIVEN}
                  OUTPUT_VARIABLE said ERROR_VARIABLE said)
  string(REGEX REPLACE "[ \n]+" " " said "${said}")  # CMake breaks lines anywhere
  foreach(words IN LISTS case_SAYS)
    string(FIND "${said}" "${words}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "${name}: expected '${words}' in\n${said}")
    endif()
  endforeach()
endfunction()

file(WRITE ${wheel}/share/cmake/Torch/TorchConfig.cmake "")
foreach(option Torch_DIR=${wheel}/share/cmake/Torch CMAKE_PREFIX_PATH=${wheel}/share/cmake Torch_ROOT=${wheel})
  expect("a choice for find_package" GIVEN -D${option} SAYS "names a LibTorch to find_package" "Say -DCLSIM_TORCH=${wheel} instead")
endforeach()
set(ENV{CMAKE_PREFIX_PATH} /nowhere:${wheel}/share/cmake)
expect("a choice in the environment" SAYS "Say -DCLSIM_TORCH=${wheel} instead")
expect("no LibTorch" GIVEN -DCLSIM_TORCH=${BUILD} SAYS "CLSIM_TORCH: there is no LibTorch in '${BUILD}'" "torch.__path__[0]")

foreach(folder ATen c10 caffe2 fmt)
  file(WRITE ${wheel}/include/${folder}/a.h "")
endforeach()
file(WRITE ${wheel}/include/torch/csrc/api/include/torch/version.h "#include <torch/headeronly/version.h>\n")
file(WRITE ${wheel}/include/torch/headeronly/version.h
     "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 99\n#define TORCH_VERSION_PATCH 1\n")
expect("headers without libraries" GIVEN -DCLSIM_TORCH=${wheel} SAYS "no libtorch_cpu.so below '${wheel}'")

file(WRITE ${wheel}/lib/libtorch_cpu.so "")
file(WRITE ${wheel}/lib/libc10.so "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs\n")
expect("the old std::string" GIVEN -DCLSIM_TORCH=${wheel} SAYS "_GLIBCXX_USE_CXX11_ABI=0" "PyTorch 2.7 or newer")

file(WRITE ${wheel}/lib/libc10.so "")
set(linked "linked: ${wheel}/lib/libtorch_cpu.so;${wheel}/lib/libc10.so")
expect("a wheel" GIVEN -DCLSIM_TORCH=${wheel} SAYS "LibTorch 2.99.1: ${wheel}/include" "${linked}")
file(GLOB shown LIST_DIRECTORIES true RELATIVE ${BUILD}/build/libtorch ${BUILD}/build/libtorch/*/*)
list(TRANSFORM shown REPLACE ".*/" "")
if(NOT shown STREQUAL "ATen;c10;caffe2;torch")
  message(FATAL_ERROR "headers shown: ${shown}")
endif()

# With its own OpenMP, and with CUDA; whoever says CLSIM_TORCH means it, whatever else is named.
foreach(name gomp torch_cuda c10_cuda)
  file(WRITE ${wheel}/lib/lib${name}.so "")
endforeach()
file(RENAME ${wheel}/lib/libgomp.so ${wheel}/lib/libgomp.so.1)
expect("a wheel with CUDA" GIVEN -DCLSIM_TORCH=${wheel} -DTorch_DIR=${wheel}/share/cmake/Torch
       SAYS "LibTorch 2.99.1 with CUDA" "${linked};${wheel}/lib/libgomp.so.1 "
            "--no-as-needed,${wheel}/lib/libtorch_cuda.so,${wheel}/lib/libc10_cuda.so")
