#include "core/io/hdf5_storage.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include "core/base/error.h"
#include "core/io/hdf5_handle.h"
#include "core/io/hdf5_selection.h"
#include "core/io/row_ranges.h"

namespace cl::hdf5 {
namespace {

namespace fs = std::filesystem;

constexpr int kMostNested = 8;  // virtual datasets of virtual datasets
constexpr int64_t kMostSources = 200'000;
constexpr double kMostListed = 1 << 24;  // chunks or rows that are looked for one by one
constexpr rlim_t kFilesOfOthers = 128;   // that the process has open besides

// Registered with the HDF Group; the file often holds a name, but not always.
const std::map<H5Z_filter_t, std::string_view> kFilterNames{{H5Z_FILTER_DEFLATE, "gzip"},
                                                            {H5Z_FILTER_SZIP, "szip"},
                                                            {307, "bzip2"},
                                                            {32000, "lzf"},
                                                            {32001, "blosc"},
                                                            {32004, "lz4"},
                                                            {32008, "bitshuffle"},
                                                            {32013, "zfp"},
                                                            {32015, "zstd"},
                                                            {32026, "blosc2"}};
constexpr H5Z_filter_t kLzf = 32000;  // lives in h5py, and is no plugin

template <class Get>
std::string text_of(const Get& get) {
  const ssize_t length = get(nullptr, 0);
  std::string text(static_cast<size_t>(std::max<ssize_t>(length, 0)), '\0');
  get(text.data(), text.size() + 1);
  return text;
}

/// Folders of an environment variable of HDF5's, "a:b".
std::vector<fs::path> folders_of(const char* variable) {
  std::vector<fs::path> result;
  const char* value = std::getenv(variable);
  std::string_view rest = value == nullptr ? "" : value;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    if (end > 0) result.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return result;
}

/// Where HDF5 finds the file of a virtual source, by its own rules.
/// @param owner  the file that names it
std::optional<fs::path> find_source(const fs::path& name, const fs::path& owner) {
  std::error_code error;
  if (name.is_absolute() && fs::exists(name, error)) return name;
  const fs::path below = name.is_absolute() ? name.filename() : name;
  std::vector<fs::path> folders = folders_of("HDF5_VDS_PREFIX");
  folders.push_back(owner.parent_path());
  folders.emplace_back();  // the working folder
  for (const fs::path& folder : folders) {
    if (fs::exists(folder / below, error)) return folder / below;
  }
  return std::nullopt;
}

class Survey {
 public:
  explicit Survey(fs::path file) : file_(std::move(file)) {}

  /// @param region   what is read of it
  /// @param title    for messages: "train_x", "train_x (in its virtual source ...)"
  void add(hid_t dataset, const Handle& region, const std::string& title, int depth) {
    const Handle creation(H5Dget_create_plist(dataset), H5Pclose);
    require_filters(creation, title);
    switch (H5Pget_layout(creation.id())) {
      case H5D_CONTIGUOUS:
        if (H5Pget_external_count(creation.id()) > 0) {
          add_external(dataset, creation, title);
        } else {
          require_allocated(dataset, title);
        }
        break;
      case H5D_CHUNKED:
        add_chunks(dataset, creation, region, title);
        break;
      case H5D_VIRTUAL:
        add_sources(dataset, creation, region, title, depth);
        break;
      default:  // compact: the values lie in the header
        break;
    }
  }

  void add_file(const fs::path& file) {
    std::error_code error;
    if (!fs::equivalent(file, file_, error)) result_.files.insert(file);
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        result_.files.size() + kFilesOfOthers <= limit.rlim_cur) {
      return;
    }
    // HDF5 would keep silent and read zeros.
    fail(
        fmt::format("its values lie in more files than this process can open ({}); raise that by "
                    "'ulimit -n', or write them into one file",
                    limit.rlim_cur));
  }

  [[nodiscard]] Storage result() && { return std::move(result_); }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(fmt::format("{}: {}", file_.string(), problem));
  }

  void require_filters(const Handle& creation, const std::string& title) const {
    for (int i = 0; i < H5Pget_nfilters(creation.id()); ++i) {
      std::array<char, 64> name{};
      unsigned flags = 0, config = 0;
      size_t num_values = 0;
      const H5Z_filter_t filter =
          H5Pget_filter2(creation.id(), static_cast<unsigned>(i), &flags, &num_values, nullptr,
                         name.size() - 1, name.data(), nullptr);
      const bool can_read = H5Zfilter_avail(filter) > 0 &&
                            H5Zget_filter_info(filter, &config) >= 0 &&
                            (config & H5Z_FILTER_CONFIG_DECODE_ENABLED) != 0;
      if (can_read) continue;
      const auto known = kFilterNames.find(filter);
      fail(fmt::format(
          "{} needs the filter '{}' (number {}), which this HDF5 library lacks; write it again "
          "with "
          "gzip where that filter is (h5py: compression=\"gzip\"; h5repack -f GZIP=4 IN OUT){}",
          title, known == kFilterNames.end() ? std::string_view(name.data()) : known->second,
          filter, filter == kLzf ? "" : ", or set HDF5_PLUGIN_PATH to the folder of its plugin"));
    }
  }

  void require_allocated(hid_t dataset, const std::string& title) const {
    H5D_space_status_t status = H5D_SPACE_STATUS_ALLOCATED;
    const Handle space(H5Dget_space(dataset), H5Sclose);
    const Sizes sizes = extent(space);
    if (H5Sget_simple_extent_npoints(space.id()) == 0 ||
        H5Dget_space_status(dataset, &status) < 0 || status != H5D_SPACE_STATUS_NOT_ALLOCATED) {
      return;
    }
    RowRanges rows;
    rows.add(0, sizes.empty() ? 0 : sizes[0] - 1);
    fail(rows.never_written(title));
  }

  void add_external(hid_t dataset, const Handle& creation, const std::string& title) {
    const Handle type(H5Dget_type(dataset), H5Tclose), space(H5Dget_space(dataset), H5Sclose);
    auto left =
        static_cast<uint64_t>(H5Sget_simple_extent_npoints(space.id())) * H5Tget_size(type.id());
    const std::vector<fs::path> folders = folders_of("HDF5_EXTFILE_PREFIX");
    for (int i = 0; i < H5Pget_external_count(creation.id()); ++i) {
      std::array<char, 4096> name{};
      off_t offset = 0;
      hsize_t size = 0;
      if (H5Pget_external(creation.id(), static_cast<unsigned>(i), name.size() - 1, name.data(),
                          &offset, &size) < 0) {
        fail(fmt::format("{}: its external files cannot be listed: {}", title, last_problem()));
      }
      fs::path file(name.data());
      if (file.is_relative() && !folders.empty()) file = folders[0] / file;
      std::error_code error;
      if (!fs::is_regular_file(file, error)) {
        fail(
            fmt::format("the values of {} lie in the file '{}', which is not there; relative names "
                        "begin at the working folder, or at HDF5_EXTFILE_PREFIX",
                        title, file.string()));
      }
      const uint64_t wanted = std::min<uint64_t>(size, left);
      const uint64_t found = fs::file_size(file, error);
      if (error || found < static_cast<uint64_t>(offset) + wanted) {
        fail(
            fmt::format("the values of {} lie in the file '{}', which is too short: expected {} "
                        "bytes from {} on, found {} in all",
                        title, file.string(), wanted, offset, found));
      }
      left -= wanted;
      add_file(file);
    }
  }

  void add_chunks(hid_t dataset, const Handle& creation, const Handle& region,
                  const std::string& title) {
    const Handle space(H5Dget_space(dataset), H5Sclose);
    const Sizes sizes = extent(space);
    const size_t rank = sizes.size();
    Sizes chunk(rank), grid(rank);
    H5Pget_chunk(creation.id(), static_cast<int>(rank), chunk.data());
    double total = 1;
    bool is_split = false;  // a row lies in several chunks
    for (size_t axis = 0; axis < rank; ++axis) {
      if (chunk[axis] == 0) fail(fmt::format("{}: its chunks are of size 0", title));
      grid[axis] = sizes[axis] / chunk[axis] + (sizes[axis] % chunk[axis] == 0 ? 0 : 1);
      total *= static_cast<double>(grid[axis]);
      is_split = is_split || (axis > 0 && grid[axis] > 1);
    }
    if (is_split || H5Pget_nfilters(creation.id()) > 0) {
      result_.rows_per_block = std::max(
          result_.rows_per_block, std::min<hsize_t>(chunk[0], std::max<hsize_t>(sizes[0], 1)));
    }
    hsize_t written = 0;
    if (H5Dget_num_chunks(dataset, space.id(), &written) < 0) {
      fail(fmt::format("{}: its chunks cannot be counted: {}", title, last_problem()));
    }
    if (static_cast<double>(written) >= total) return;
    if (total > kMostListed) {
      fail(fmt::format("{:.0f} of {:.0f} chunks of {} were never written",
                       total - static_cast<double>(written), total, title));
    }
    const RowRanges missing = missing_rows(dataset, region, sizes, chunk);
    if (!missing.empty()) fail(missing.never_written(title));
  }

  /// Rows of which a chunk that is read is not there.
  [[nodiscard]] RowRanges missing_rows(hid_t dataset, const Handle& region, const Sizes& sizes,
                                       const Sizes& chunk) const {
    RowRanges result;
    Sizes first(sizes.size(), 0), last(sizes.size());
    while (first[0] < sizes[0]) {
      for (size_t axis = 0; axis < sizes.size(); ++axis) {
        last[axis] = std::min(first[axis] + chunk[axis], sizes[axis]) - 1;
      }
      unsigned mask = 0;
      haddr_t address = HADDR_UNDEF;
      hsize_t bytes = 0;
      const bool is_known =
          H5Dget_chunk_info_by_coord(dataset, first.data(), &mask, &address, &bytes) >= 0;
      if ((!is_known || address == HADDR_UNDEF) && meets(region, first, last)) {
        result.add(first[0], last[0]);
      }
      for (size_t axis = sizes.size(); axis-- > 0;) {
        first[axis] += chunk[axis];
        if (axis == 0 || first[axis] < sizes[axis]) break;
        first[axis] = 0;
      }
    }
    return result;
  }

  void add_sources(hid_t dataset, const Handle& creation, const Handle& region,
                   const std::string& title, int depth) {
    if (depth == kMostNested || num_sources_ > kMostSources) {
      fail(fmt::format("{}: virtual datasets of virtual datasets without end", title));
    }
    const Handle whole(H5Dget_space(dataset), H5Sclose);
    size_t count = 0;
    H5Pget_virtual_count(creation.id(), &count);
    const Handle left = as_hyperslab(region.id());  // what no source has filled yet
    for (size_t i = 0; i < count; ++i) {
      const Handle place(H5Pget_virtual_vspace(creation.id(), i), H5Sclose);
      const Handle source(H5Pget_virtual_srcspace(creation.id(), i), H5Sclose);
      if (is_unlimited(place.id()) || is_unlimited(source.id())) {
        fail(
            fmt::format("{} is a virtual dataset that grows with its sources, so that what is "
                        "missing cannot be told; write it with a fixed shape",
                        title));
      }
      if (H5Sget_select_npoints(place.id()) <= 0) continue;
      // Of a selection of all the file does not tell the extent.
      const bool is_all = H5Sget_select_type(place.id()) == H5S_SEL_ALL;
      const Handle filled = as_hyperslab(is_all ? whole.id() : place.id());
      const Handle unused(H5Scopy(region.id()), H5Sclose);
      take_out(unused, filled);
      if (H5Sget_select_npoints(unused.id()) == H5Sget_select_npoints(region.id())) continue;
      take_out(left, filled);
      add_source(dataset, creation, i, source, title, depth);
    }
    if (H5Sget_select_npoints(left.id()) != 0) fail_unfilled(left, title);
  }

  [[noreturn]] void fail_unfilled(const Handle& left, const std::string& title) const {
    const Sizes sizes = extent(left);
    Sizes first(sizes.size()), last(sizes.size());
    H5Sget_select_bounds(left.id(), first.data(), last.data());
    const std::pair<hsize_t, hsize_t> rows(first[0], last[0]);
    RowRanges missing;
    const bool is_short = static_cast<double>(rows.second - rows.first) < kMostListed;
    if (!is_short) missing.add(rows.first, rows.second);
    for (hsize_t row = rows.first; is_short && row <= rows.second; ++row) {
      first[0] = last[0] = row;
      if (meets(left, first, last)) missing.add(row, row);
    }
    fail(missing.never_written(title) + ": no source of this virtual dataset fills them");
  }

  void add_source(hid_t dataset, const Handle& creation, size_t which, const Handle& selection,
                  const std::string& title, int depth) {
    const std::string file_name = text_of([&](char* text, size_t size) {
      return H5Pget_virtual_filename(creation.id(), which, text, size);
    });
    const std::string name = text_of([&](char* text, size_t size) {
      return H5Pget_virtual_dsetname(creation.id(), which, text, size);
    });
    ++num_sources_;
    const Handle owner(H5Iget_file_id(dataset), H5Fclose);
    const fs::path owner_path =
        text_of([&](char* text, size_t size) { return H5Fget_name(owner.id(), text, size); });
    Handle opened;
    hid_t file = owner.id();
    if (file_name != ".") {
      const auto found = find_source(file_name, owner_path);
      if (!found) {
        fail(fmt::format("{} is a virtual dataset whose source '{}' is not there", title,
                         file_name));
      }
      opened = Handle(H5Fopen(found->c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
      if (!opened) {
        fail(fmt::format("{} is a virtual dataset whose source '{}' cannot be opened: {}", title,
                         found->string(), last_problem()));
      }
      file = opened.id();
      add_file(*found);
    }
    const Handle source(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!source) {
      fail(
          fmt::format("{} is a virtual dataset whose source '{}' has no dataset '{}' that can be "
                      "opened: {}",
                      title, file_name, name, last_problem()));
    }
    const Handle space(H5Dget_space(source.id()), H5Sclose);
    const Sizes sizes = extent(space);
    const bool is_all = H5Sget_select_type(selection.id()) == H5S_SEL_ALL;
    const Handle region = as_hyperslab(is_all ? space.id() : selection.id());
    Sizes first(sizes.size()), last(sizes.size());
    const bool same_rank = extent(region).size() == sizes.size();
    if (same_rank) H5Sget_select_bounds(region.id(), first.data(), last.data());
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      if (same_rank && last[axis] < sizes[axis]) continue;
      fail(
          fmt::format("{} is a virtual dataset whose source '{}' is too small: '{}' has the shape "
                      "[{}]",
                      title, file_name, name, fmt::join(sizes, ", ")));
    }
    add(source.id(), region, fmt::format("'{}' in '{}', a source of {},", name, file_name, title),
        depth + 1);
  }

  fs::path file_;
  int64_t num_sources_ = 0;  // that were looked into
  Storage result_;
};

}  // namespace

Storage survey_storage(hid_t dataset, const fs::path& file, const std::string& name) {
  const Quiet quiet;
  Survey survey(file);
  const Handle owner(H5Iget_file_id(dataset), H5Fclose);
  survey.add_file(  // another one behind an external link
      text_of([&](char* text, size_t size) { return H5Fget_name(owner.id(), text, size); }));
  const Handle space(H5Dget_space(dataset), H5Sclose);
  if (H5Sget_simple_extent_ndims(space.id()) > 0 && H5Sget_simple_extent_npoints(space.id()) > 0) {
    survey.add(dataset, as_hyperslab(space.id()), name, 0);
  }
  return std::move(survey).result();
}

}  // namespace cl::hdf5
