// Fuzz target: files in the binary CIFAR format, and their class names.
#include "core/data/cifar.h"

#include "core/base/error.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

namespace cl::fuzz {

void read(std::string_view bytes) {
  const MemoryFile file(bytes);
  CifarRecords records(bytes.size() % 2 == 0 ? std::vector<int64_t>{20, 100}
                                             : std::vector<int64_t>{10});
  try {
    records.add_file(file.path());
    for (int64_t i = 0; i < records.size(); ++i) (void)records.image(i);
  } catch (const Error&) {
    (void)read_cifar_names(file.path(), 10);
  }
}

std::vector<std::string> seeds() {
  const std::string pixels(3072, 'x');
  return {"\1" + pixels, "\1\2" + pixels, "\1" + pixels + "\2" + pixels + "\3" + pixels,
          "a\nb\r\nc\nd\ne\nf\ng\nh\ni\nj\n"};
}

}  // namespace cl::fuzz
