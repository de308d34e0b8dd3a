// Rows of small pictures with texts, drawn as one large picture.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace cl::experiments {

/// Pictures of one thing, side by side below its name.
struct SheetGroup {
  std::string name;               // cut where it is too long
  std::string note;               // on a line of its own, lighter
  std::vector<cv::Mat> pictures;  // 8 bits, RGB, any size; small ones are enlarged
};

struct SheetRow {
  std::string title, details;      // on one line
  std::vector<SheetGroup> groups;  // in columns that are the same in every row
  std::string remark;              // below; empty: none
};

struct ContactSheet {
  std::string title;
  std::vector<std::string> lines;  // below the title
  std::vector<SheetRow> rows;
  std::string remark;  // at the end; empty: none
};

/// Where things come to lie on a sheet, in pixels.
struct SheetLayout {
  struct Row {
    cv::Rect frame;                               // title and all
    std::vector<cv::Rect> groups;                 // names and pictures
    std::vector<std::vector<cv::Rect>> pictures;  // [group][picture] as enlarged
  };
  cv::Size size;
  std::vector<Row> rows;
};

[[nodiscard]] SheetLayout layout(const ContactSheet& sheet);

/// The sheet as 8 bits, RGB.
[[nodiscard]] cv::Mat draw(const ContactSheet& sheet);

/// `text` in the characters that can be drawn: others as "\u00e9", broken UTF-8 as "\xff".
[[nodiscard]] std::string drawable(std::string_view text);

}  // namespace cl::experiments
