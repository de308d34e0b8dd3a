# LibTorch as the target cl_torch: headers and libraries of one place, which is CLSIM_TORCH, or the system's where that
# is empty.
#
# PyTorch's own TorchConfig.cmake is not asked. It looks for libraries in the system's folders first, so that the headers
# of a wheel would be compiled and Debian's library linked; and that of a PyTorch with CUDA wants a CUDA toolkit, which
# nothing here needs.
set(CLSIM_TORCH "$ENV{CLSIM_TORCH}" CACHE PATH
    "LibTorch: the folder of Python's package torch, or an unpacked libtorch; empty: the system's")
set(CL_TORCH_HOW "-DCLSIM_TORCH=FOLDER, where python -c 'import torch; print(torch.__path__[0])' prints an installed PyTorch's")
set(CL_TORCH_VERSION_HEADER torch/csrc/api/include/torch/version.h)

# Whoever chooses a LibTorch for find_package expects that one, and would get another.
function(cl_refuse_other_choices root)
  string(REPLACE ":" ";" from_environment "$ENV{CMAKE_PREFIX_PATH}")
  foreach(folder IN LISTS Torch_DIR Torch_ROOT CMAKE_PREFIX_PATH from_environment ITEMS "$ENV{Torch_DIR}" "$ENV{Torch_ROOT}")
    foreach(below Torch share/cmake/Torch "")
      cmake_path(SET config NORMALIZE "${folder}/${below}/TorchConfig.cmake")
      if(NOT folder OR NOT EXISTS "${config}")
        continue()
      endif()
      foreach(own share lib lib64 lib/${CMAKE_LIBRARY_ARCHITECTURE})
        if(root AND config STREQUAL "${root}/${own}/cmake/Torch/TorchConfig.cmake")
          return()
        endif()
      endforeach()
      get_filename_component(other "${config}/../../../.." ABSOLUTE)
      message(FATAL_ERROR "'${folder}' names a LibTorch to find_package, which would take headers from there and libraries "
              "from elsewhere. Say -DCLSIM_TORCH=${other} instead")
    endforeach()
  endforeach()
endfunction()

function(cl_find_torch)
  if(CLSIM_TORCH)
    get_filename_component(root "${CLSIM_TORCH}" REALPATH)
    set(include "${root}/include")
    if(NOT EXISTS "${include}/${CL_TORCH_VERSION_HEADER}")
      message(FATAL_ERROR "CLSIM_TORCH: there is no LibTorch in '${CLSIM_TORCH}'. Say ${CL_TORCH_HOW}")
    endif()
  else()
    find_path(include ${CL_TORCH_VERSION_HEADER} NO_CACHE)
    if(NOT include)
      cl_refuse_other_choices("")
      message(FATAL_ERROR "there is no LibTorch: install Debian's libtorch-dev, or say ${CL_TORCH_HOW}")
    endif()
    get_filename_component(include "${include}" ABSOLUTE)
    get_filename_component(root "${include}" DIRECTORY)
    cl_refuse_other_choices("${root}")
  endif()

  foreach(name torch_cpu c10 torch_cuda c10_cuda)
    find_library(${name} ${name} NO_CACHE NO_DEFAULT_PATH PATHS "${root}"
                 PATH_SUFFIXES lib/${CMAKE_LIBRARY_ARCHITECTURE} lib64 lib)
    if(NOT ${name} AND NOT name MATCHES cuda)
      message(FATAL_ERROR "LibTorch's headers are in '${include}', but there is no lib${name}.so below '${root}': say ${CL_TORCH_HOW}")
    endif()
  endforeach()
  # The wheels before PyTorch 2.7 have std::string as before C++11, the other libraries here do not.
  file(STRINGS "${c10}" old_strings LIMIT_COUNT 1 REGEX "^_ZN3c106detail14torchCheckFailEPKcS2_jRKSs$")
  if(old_strings)
    message(FATAL_ERROR "'${c10}' was built with _GLIBCXX_USE_CXX11_ABI=0 and cannot be linked with what Debian has: take "
            "PyTorch 2.7 or newer")
  endif()

  file(GLOB headers "${include}/${CL_TORCH_VERSION_HEADER}" "${include}/torch/headeronly/version.h")
  set(version "")
  foreach(part MAJOR MINOR PATCH)
    foreach(header IN LISTS headers)
      file(STRINGS "${header}" line REGEX "^#define TORCH_VERSION_${part} [0-9]+")
      if(line)
        string(REGEX REPLACE "[^0-9]" "" number "${line}")
        list(APPEND version ${number})
      endif()
    endforeach()
  endforeach()
  list(JOIN version . version)

  # Headers of other libraries, which wheels have beside LibTorch's, are not to stand before the system's: ours would be
  # compiled for another fmt than the one that is linked. So only LibTorch's are shown, by links.
  add_library(cl_torch INTERFACE)
  set(shown "${include}")
  if(NOT include IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    string(SHA1 place "${root} ${version}")  # so that for another one everything is compiled anew
    string(SUBSTRING ${place} 0 12 place)
    set(shown ${CMAKE_BINARY_DIR}/libtorch/${place})
    file(MAKE_DIRECTORY ${shown})
    foreach(folder ATen c10 caffe2 torch)
      file(CREATE_LINK "${include}/${folder}" ${shown}/${folder} SYMBOLIC)
    endforeach()
    # What was linked is loaded, whatever LD_LIBRARY_PATH says: the libraries of all wheels have the same names.
    target_link_options(cl_torch INTERFACE LINKER:--disable-new-dtags)
  endif()

  target_include_directories(cl_torch SYSTEM INTERFACE ${shown} ${shown}/torch/csrc/api/include)
  # The threads of our parallel loops are LibTorch's: its OpenMP, where it brings one.
  file(GLOB openmp "${root}/lib/libgomp*.so*")
  if(NOT openmp)
    set(openmp ${OpenMP_CXX_LIBRARIES})
  endif()
  target_link_libraries(cl_torch INTERFACE "${torch_cpu}" "${c10}" ${openmp})
  set(kind "")
  if(torch_cuda AND c10_cuda)  # registers its kernels when it is loaded; no symbol of it is named
    target_link_options(cl_torch INTERFACE "LINKER:--push-state,--no-as-needed,${torch_cuda},${c10_cuda},--pop-state")
    set(kind " with CUDA")
  endif()
  set(CL_TORCH_VERSION ${version} PARENT_SCOPE)
  set(CL_TORCH_INCLUDE ${shown} PARENT_SCOPE)
  message(STATUS "LibTorch ${version}${kind}: ${include}, ${torch_cpu}")
endfunction()
cl_find_torch()
