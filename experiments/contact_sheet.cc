#include "experiments/contact_sheet.h"

#include <algorithm>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/check.h"

namespace cl::experiments {
namespace {

// All in pixels.
constexpr int kMargin = 16;
constexpr int kGap = 2;         // between the pictures of a group
constexpr int kGroupGap = 14;   // between groups
constexpr int kRowGap = 18;     // between rows
constexpr int kLine = 16;       // height of a line of text
constexpr int kTitleLine = 26;  // of the sheet's title, and of a row's
constexpr int kSmallest = 64;   // side of a picture as it is shown, at least
constexpr int kLargest = 128;   // and at most
constexpr int kNarrowest = 96;  // width of a group, so that its name can be read
constexpr int kWidest = 1600;   // width of a sheet, unless a single group is wider
constexpr int kNarrowSheet = 800;

struct Pen {
  int font;
  double scale;
  cv::Scalar colour;  // RGB
};
const Pen kTitlePen{cv::FONT_HERSHEY_DUPLEX, 0.6, {20, 20, 20}};
const Pen kRowPen{cv::FONT_HERSHEY_DUPLEX, 0.48, {20, 20, 20}};
const Pen kNamePen{cv::FONT_HERSHEY_SIMPLEX, 0.42, {20, 20, 20}};
const Pen kNotePen{cv::FONT_HERSHEY_SIMPLEX, 0.4, {110, 110, 110}};
const cv::Scalar kPaper{255, 255, 255}, kFrame{200, 200, 200};

int width(const std::string& text, const Pen& pen) {
  return cv::getTextSize(text, pen.font, pen.scale, 1, nullptr).width;
}

/// As much of `text` as fits, with ".." for what does not.
std::string fitted(const std::string& text, const Pen& pen, int room) {
  std::string result = drawable(text);
  if (width(result, pen) <= room) return result;
  while (!result.empty() && width(result + "..", pen) > room) result.pop_back();
  return result + "..";
}

/// The same with ".." in the middle: names often differ in their ends.
std::string shortened(const std::string& text, const Pen& pen, int room) {
  const std::string whole = drawable(text);
  std::string result = whole;
  for (size_t kept = whole.size(); width(result, pen) > room && kept > 0;) {
    --kept;
    result = whole.substr(0, (kept + 1) / 2) + ".." + whole.substr(whole.size() - kept / 2);
  }
  return result;
}

/// @param place  where the line begins, at its top
void write(cv::Mat& paper, const std::string& text, const Pen& pen, cv::Point place, int room) {
  // The baseline leaves room for letters that reach below it.
  cv::putText(paper, fitted(text, pen, room), {place.x, place.y + kLine - 5}, pen.font, pen.scale,
              pen.colour, 1, cv::LINE_AA);
}

/// The size of a picture on the sheet: whole multiples of small ones, so that pixels stay squares.
cv::Size shown_size(const cv::Mat& picture) {
  const int longer = std::max(picture.cols, picture.rows);
  if (longer > kLargest) {
    const auto scaled = [&](int side) { return std::max(1, side * kLargest / longer); };
    return {scaled(picture.cols), scaled(picture.rows)};
  }
  const int factor = (kSmallest + longer - 1) / longer;
  return picture.size() * factor;
}

struct Measures {
  cv::Size picture;     // the largest
  int group_width = 0;  // of the largest group
  int lines_above = 0;  // of text above the pictures
  int groups_a_line = 1;
  int width = 0;  // of the sheet

  explicit Measures(const ContactSheet& sheet) {
    int num_pictures = 0, num_groups = 0, line = 0;
    for (const SheetRow& row : sheet.rows) {
      num_groups = std::max(num_groups, static_cast<int>(row.groups.size()));
      for (const SheetGroup& group : row.groups) {
        num_pictures = std::max(num_pictures, static_cast<int>(group.pictures.size()));
        lines_above = std::max(lines_above, group.note.empty() ? 1 : 2);
        for (const cv::Mat& image : group.pictures) {
          CL_CHECK(image.type() == CV_8UC3 && !image.empty());
          picture.width = std::max(picture.width, shown_size(image).width);
          picture.height = std::max(picture.height, shown_size(image).height);
        }
      }
      line = std::max(line, width_of_heading(row));
    }
    group_width = std::max(kNarrowest, num_pictures * (picture.width + kGap) - kGap);
    groups_a_line = std::clamp((kWidest - 2 * kMargin + kGroupGap) / (group_width + kGroupGap), 1,
                               std::max(1, num_groups));
    for (const std::string& text : sheet.lines) {
      line = std::max(line, experiments::width(drawable(text), kNotePen));
    }
    const int content = groups_a_line * (group_width + kGroupGap) - kGroupGap;
    width = 2 * kMargin +
            std::max({content, std::min(line, kWidest - 2 * kMargin), kNarrowSheet - 2 * kMargin});
  }

  [[nodiscard]] int group_height() const { return lines_above * kLine + picture.height; }

 private:
  static int width_of_heading(const SheetRow& row) {
    return experiments::width(drawable(row.title), kRowPen) + kMargin +
           experiments::width(drawable(row.details), kNotePen);
  }
};

int top_of_rows(const ContactSheet& sheet) {
  return kMargin + kTitleLine + static_cast<int>(sheet.lines.size()) * kLine + kRowGap;
}

SheetLayout::Row lay_out(const SheetRow& row, int top, const Measures& measures) {
  SheetLayout::Row result;
  int bottom = top + kTitleLine;
  for (size_t i = 0; i < row.groups.size(); ++i) {
    const int line = static_cast<int>(i) / measures.groups_a_line;
    const int column = static_cast<int>(i) % measures.groups_a_line;
    const cv::Rect place(kMargin + column * (measures.group_width + kGroupGap),
                         top + kTitleLine + line * (measures.group_height() + kGroupGap),
                         measures.group_width, measures.group_height());
    result.groups.push_back(place);
    auto& pictures = result.pictures.emplace_back();
    for (size_t n = 0; n < row.groups[i].pictures.size(); ++n) {
      const cv::Point corner(place.x + static_cast<int>(n) * (measures.picture.width + kGap),
                             place.y + measures.lines_above * kLine);
      pictures.emplace_back(corner, shown_size(row.groups[i].pictures[n]));
    }
    bottom = place.br().y;
  }
  if (!row.remark.empty()) bottom += kLine + kGap;
  result.frame = {kMargin, top, measures.width - 2 * kMargin, bottom - top};
  return result;
}

void draw_picture(cv::Mat& paper, const cv::Mat& picture, const cv::Rect& place) {
  const bool smaller = place.width < picture.cols;
  cv::Mat shown;
  cv::resize(picture, shown, place.size(), 0, 0, smaller ? cv::INTER_AREA : cv::INTER_NEAREST);
  shown.copyTo(paper(place));
  // Outside of it, so that every pixel is seen; white pictures end somewhere too.
  cv::rectangle(paper, {place.x - 1, place.y - 1, place.width + 2, place.height + 2}, kFrame);
}

void draw_row(cv::Mat& paper, const SheetRow& row, const SheetLayout::Row& place) {
  const cv::Rect& frame = place.frame;
  cv::line(paper, {frame.x, frame.y - kRowGap / 2}, {frame.br().x, frame.y - kRowGap / 2}, kFrame);
  write(paper, row.title, kRowPen, frame.tl(), frame.width);
  const int end =
      width(fitted(row.title, kRowPen, frame.width), kRowPen) + kMargin;  // of the title
  if (end < frame.width) {
    write(paper, row.details, kNotePen, {frame.x + end, frame.y}, frame.width - end);
  }
  for (size_t i = 0; i < row.groups.size(); ++i) {
    const SheetGroup& group = row.groups[i];
    const cv::Rect& box = place.groups[i];
    write(paper, shortened(group.name, kNamePen, box.width), kNamePen, box.tl(), box.width);
    write(paper, group.note, kNotePen, {box.x, box.y + kLine}, box.width);
    for (size_t n = 0; n < group.pictures.size(); ++n) {
      draw_picture(paper, group.pictures[n], place.pictures[i][n]);
    }
  }
  write(paper, row.remark, kNotePen, {frame.x, frame.br().y - kLine}, frame.width);
}

}  // namespace

SheetLayout layout(const ContactSheet& sheet) {
  const Measures measures(sheet);
  SheetLayout result;
  int top = top_of_rows(sheet);
  for (const SheetRow& row : sheet.rows) {
    result.rows.push_back(lay_out(row, top, measures));
    top = result.rows.back().frame.br().y + kRowGap;
  }
  const int remark = sheet.remark.empty() ? 0 : kLine + kRowGap;
  result.size = {measures.width, top - kRowGap + remark + kMargin};
  return result;
}

cv::Mat draw(const ContactSheet& sheet) {
  const SheetLayout places = layout(sheet);
  cv::Mat paper(places.size, CV_8UC3, kPaper);
  const int room = places.size.width - 2 * kMargin;
  write(paper, sheet.title, kTitlePen, {kMargin, kMargin}, room);
  for (size_t i = 0; i < sheet.lines.size(); ++i) {
    write(paper, sheet.lines[i], kNotePen,
          {kMargin, kMargin + kTitleLine + static_cast<int>(i) * kLine}, room);
  }
  for (size_t i = 0; i < sheet.rows.size(); ++i) {
    draw_row(paper, sheet.rows[i], places.rows[i]);
  }
  write(paper, sheet.remark, kNotePen, {kMargin, places.size.height - kMargin - kLine}, room);
  return paper;
}

std::string drawable(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead >= 0x20 && lead < 0x7f) {
      result += text[i];
      continue;
    }
    // UTF-8: the lead byte tells how many bytes of the form 10xxxxxx follow.
    const size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 0;
    uint32_t code = lead & (0x3fU >> more);
    size_t taken = 0;
    while (taken < more && i + taken + 1 < text.size() &&
           (static_cast<unsigned char>(text[i + taken + 1]) & 0xc0) == 0x80) {
      ++taken;
      code = code << 6 | (static_cast<unsigned char>(text[i + taken]) & 0x3fU);
    }
    const bool whole = more > 0 && taken == more && lead < 0xf5;
    result += whole ? fmt::format("\\u{:04x}", code) : fmt::format("\\x{:02x}", lead);
    if (whole) i += more;
  }
  return result;
}

}  // namespace cl::experiments
