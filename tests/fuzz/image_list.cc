// Fuzz target: lists of images as CSV.
#include "core/stream/image_manifest.h"
#include "tests/fuzz/target.h"

namespace cl::fuzz {

void read(std::string_view bytes) {
  (void)parse_image_manifest(bytes, "fuzz.csv");
}

std::vector<std::string> seeds() {
  return {"path,label,split\na.png,cat,train\nb.png,dog,test\n",
          "\xef\xbb\xbfsplit,domain,label,path\r\ntrain,\"a \"\"b\"\",\nc\",x,../y.jpg\r\n\r\n",
          "path,label,split\n./a,x,train\na,x,test", "path,label,split\n\"a"};
}

}  // namespace cl::fuzz
